"""What a verification found: one verdict for each level, findings in sentences, and what was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from protocol.identity import DeviceId, Epoch


class Level(IntEnum):
    """What is asked of a file of blocks; each level takes the ones below for granted.

    SIGNATURE: each block was sealed by a key that was its device's at that place. CHAIN: nothing was left out, put in
    or moved. PLAUSIBILITY: what it says can have happened.
    """

    SIGNATURE = 1
    CHAIN = 2
    PLAUSIBILITY = 3


class Severity(StrEnum):
    """ERROR: the level does not hold. WARNING: worth a look. NOTE: what a reader should know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Place(NamedTuple):
    """A block, by what it says of itself."""

    device: DeviceId
    epoch: Epoch
    seq: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found, in one sentence; `place` is the block where it shows, None for the file as a whole."""

    severity: Severity
    level: Level
    message: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class EpochShown:
    """Which intact blocks of an epoch were shown: closed ranges of seq, ascending and apart."""

    device: DeviceId
    epoch: Epoch
    stretches: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """What was looked at. `readings` are rows (a meter at an instant), those sealed again counted once.

    `meters` are the different serial numbers read; `from_at` and `to_at` (UTC ms) the earliest and latest reading.
    """

    blocks: int = 0
    receipts: int = 0
    readings: int = 0
    meters: int = 0
    from_at: int | None = None
    to_at: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The result of verifying up to the level `asked`."""

    asked: Level
    epochs: tuple[EpochShown, ...]
    counts: Counts
    findings: tuple[Finding, ...]

    def holds(self, level: Level) -> bool:
        """Return whether nothing was found against this level, which must be one of those asked."""
        assert level <= self.asked, "a level that was not looked at neither holds nor fails"
        return not any(one.severity is Severity.ERROR and one.level is level for one in self.findings)

    @property
    def verified(self) -> bool:
        """Whether every level that was asked holds."""
        return all(self.holds(level) for level in Level if level <= self.asked)


class Findings:
    """Collects findings in the order found."""

    def __init__(self) -> None:
        self._found: list[Finding] = []

    def error(self, level: Level, message: str, place: Place | None = None) -> None:
        """Keep what makes a level fail."""
        self._found.append(Finding(Severity.ERROR, level, message, place))

    def warning(self, level: Level, message: str, place: Place | None = None) -> None:
        """Keep what is worth a look."""
        self._found.append(Finding(Severity.WARNING, level, message, place))

    def note(self, level: Level, message: str, place: Place | None = None) -> None:
        """Keep what a reader should know."""
        self._found.append(Finding(Severity.NOTE, level, message, place))

    def through(self, level: Level) -> tuple[Finding, ...]:
        """Return what was found up to this level."""
        return tuple(one for one in self._found if one.level <= level)
