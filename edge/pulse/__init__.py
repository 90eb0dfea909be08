"""The second driver: a meter's pulse output (KYZ) on a GPIO line, counted into a register that began at a reading.

A pulse output says nothing but "so many watt-hours more". The register here is therefore ours: the reading on the
meter's display when counting began, plus every pulse since. It survives restarts, and what could not be counted is
stated. Its descriptor says `pulse`, so that nobody takes it for a register that was read.

`contacts.py` and `register.py` decide (pure), `count_file.py` keeps, `gpio.py` is the only importer of gpiod,
`poller.py` ties them into what a cycle polls.
"""

from edge.pulse.poller import PulsePoller, count_pulses

__all__ = ["PulsePoller", "count_pulses"]
