"""Everything the simulators refuse, one family.

    SimulatorError
      MeasuredFileError    a file of measured power cannot be believed
      MeterSetupError      a meter was asked for that its profile cannot express
      BusError             a bus cannot be opened where it was asked for
      ClockLostError       the simulated clock's server went away
      BrokerError          a broker is missing or did not start
      LineError            a program of the line did not start, ended by itself or makes no progress

Each message is one sentence that names the thing and says what to do.
"""

from __future__ import annotations


class SimulatorError(Exception):
    """The simulation cannot be set up, or cannot go on, as it was asked for."""


class MeasuredFileError(SimulatorError):
    """A file of measured power cannot be believed; nothing of it is used."""


class MeterSetupError(SimulatorError):
    """A simulated meter was asked for that its profile cannot express."""


class BusError(SimulatorError):
    """A simulated bus cannot be opened where it was asked for."""


class ClockLostError(SimulatorError):
    """The server of the simulated clock went away: time has ended for this program."""


class BrokerError(SimulatorError):
    """An MQTT broker for the simulation is missing or did not start."""


class LineError(SimulatorError):
    """A program of the line did not start, ended by itself, or makes no progress."""
