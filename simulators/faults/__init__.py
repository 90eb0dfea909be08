"""Faults at the byte level and from a seed: a plan says what breaks when, and the truth stays known.

- `plan`: what goes wrong, where, from when until when; drawn from a seed, written as JSON.
- `line`: what a fault does to the octets between a meter and whoever asks it.
- `meter`: what a fault does to the meter itself, and what its register truly holds.
- `life`: how a register's count came about, piece by piece.
- `site`: what a fault does to the adapter and to the machine's clock.
"""

from simulators.faults.kinds import FaultKind
from simulators.faults.line import LineFaults
from simulators.faults.meter import FaultyMeter
from simulators.faults.plan import Fault, FaultPlan, Target, draw_plan
from simulators.faults.site import clock_ahead, play_site_faults

__all__ = [
    "Fault",
    "FaultKind",
    "FaultPlan",
    "FaultyMeter",
    "LineFaults",
    "Target",
    "clock_ahead",
    "draw_plan",
    "play_site_faults",
]
