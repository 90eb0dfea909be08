"""A bus of simulated meters, byte by byte: a serial line on a pseudo-terminal, or an endpoint on a socket.

Written without any Modbus library, so that a library's mistake cannot answer itself. A serial line behaves as RS-485
does: a meter that is not there, and a frame that is not whole, are answered by silence. `pace` gives a line the speed
of its wire, `disturb` puts faults between the meters and whoever asks them.
"""

from simulators.bus.answer import BusMeter, answer
from simulators.bus.exchange import Disturb, Exchange, Request, Utterance, undisturbed
from simulators.bus.network import RtuTcpBus, TcpBus
from simulators.bus.pace import LinePace, line_seconds
from simulators.bus.serial import AsciiBus, RtuBus, SerialBus
from simulators.bus.station import MeterClock

__all__ = [
    "AsciiBus",
    "BusMeter",
    "Disturb",
    "Exchange",
    "LinePace",
    "MeterClock",
    "Request",
    "RtuBus",
    "RtuTcpBus",
    "SerialBus",
    "TcpBus",
    "Utterance",
    "answer",
    "line_seconds",
    "undisturbed",
]
