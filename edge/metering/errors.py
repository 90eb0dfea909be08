"""The failures of the pure metering parts, as one family.

```
MeteringError
├── ProfileError              a profile, or a choice made from it, does not hold together
└── ReadingError              a poll gave no reading; `cause` says why in the journal's words
    ├── DecodeError           words that mean nothing this program knows
    │   └── NotAvailableError the meter says that it has no value
    ├── WrongMeterError       another meter than the profile or the configuration expects
    └── UnstableError         the scale of the registers did not hold still around their reading
```
"""

from __future__ import annotations

from typing import ClassVar

from protocol.messages import PollCause


class MeteringError(ValueError):
    """Something about a meter model or its words cannot be right."""


class ProfileError(MeteringError):
    """A profile file, or what was chosen from it, is wrong; the message names the file, the key and the remedy."""


class ReadingError(MeteringError):
    """A poll gave no reading."""

    cause: ClassVar[PollCause] = PollCause.BAD_REPLY


class DecodeError(ReadingError):
    """Words read from a meter do not mean what the profile says they should."""


class NotAvailableError(DecodeError):
    """The meter answered with the pattern that means "no value"."""

    cause: ClassVar[PollCause] = PollCause.NOT_AVAILABLE


class WrongMeterError(ReadingError):
    """The meter that answers is not the one that the profile or the configuration expects."""

    cause: ClassVar[PollCause] = PollCause.IDENTITY


class UnstableError(ReadingError):
    """The scale of the registers changed between every two looks at it."""

    cause: ClassVar[PollCause] = PollCause.UNSTABLE
