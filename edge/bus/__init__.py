"""One owner per serial line or TCP endpoint: the only place that knows pymodbus and pyserial.

A bus carries one request at a time and trusts no reply that is not exactly the answer to it. After any failure the
connection is poisoned: it is closed, a wire whose replies bear no number must then be silent for a full reply time-out,
and only a fresh connection carries the next request. So a reply that comes late meets nobody, instead of the next
question. Failures are the `edge.bus_errors` family.
"""

from edge.bus.owner import Bus, open_bus
from edge.bus_errors import BadReplyError, BusError, BusyError, ExceptionReplyError, NoReplyError, NotConnectedError
from edge.metering.back_off import BackOff
from edge.metering.tally import BusTally

__all__ = [
    "BackOff",
    "BadReplyError",
    "Bus",
    "BusError",
    "BusTally",
    "BusyError",
    "ExceptionReplyError",
    "NoReplyError",
    "NotConnectedError",
    "open_bus",
]
