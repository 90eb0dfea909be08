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

ILLEGAL_DATA_ADDRESS = 2
_PASSING_CODES = (5, 6, 11)
"""Acknowledge and busy: the meter does something else. No response to a gateway: what is a time-out on a line."""


class BusError(Exception):
    """A request gave no words. `may_pass` says that the same request may well have an answer in the next moment."""

    cause: str = PollCause.BAD_REPLY
    may_pass: bool = False


class NotConnectedError(BusError):
    """The port or endpoint could not be opened, or went away during the request."""

    cause = PollCause.NOT_CONNECTED


class BusyError(BusError):
    """Nothing was asked, because the line was never silent long enough for that."""

    cause = PollCause.BUSY


class NoReplyError(BusError):
    """Nothing came in time."""

    cause = PollCause.TIMEOUT
    may_pass = True


class BadReplyError(BusError):
    """Something came that is not the answer to the request."""

    may_pass = True


class ExceptionReplyError(BusError):
    """The meter refused the request with Modbus exception `code` (Application Protocol V1.1b3, clause 7)."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
        self.may_pass = code in _PASSING_CODES
        self.cause = f"exception-{code}"
