"""How a request on a bus can fail, as one family.

```
BusError                  a request gave no words; `cause` says why in the journal's words
├── NotConnectedError     the port or endpoint could not be opened, or went away
├── BusyError             nothing was asked, because the line was never silent
├── NoReplyError          nothing came in time
├── BadReplyError         something came that is not the answer
└── ExceptionReplyError   the meter refused, with a Modbus exception code
```
"""

from __future__ import annotations

from protocol.messages import PollCause


class BusError(Exception):
    """A request gave no words."""

    cause: str = PollCause.BAD_REPLY


class NotConnectedError(BusError):
    """The port or endpoint could not be opened, or went away during the request."""

    cause = PollCause.NOT_CONNECTED


class BusyError(BusError):
    """Nothing was asked, because the line was never silent long enough for that."""

    cause = PollCause.BUSY


class NoReplyError(BusError):
    """Nothing came in time."""

    cause = PollCause.TIMEOUT


class BadReplyError(BusError):
    """Something came that is not the answer to the request."""


class ExceptionReplyError(BusError):
    """The meter refused the request with Modbus exception `code`."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
        self.cause = f"exception-{code}"
