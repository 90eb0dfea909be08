"""What the desk is given, and what it gives: time, chance, terms, and messages for the hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from protocol.cose import VerifyingKey
    from protocol.custody.sender import RetryPolicy
    from protocol.messages import Instant
    from protocol.topics import Channel


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for the hub."""

    channel: Channel
    raw: bytes
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, by a clock that never goes back (ms, of any origin), and as the device sees it."""

    steady_ms: int
    now: Instant


class Chance(Protocol):
    """What is drawn by lot: the operating system's randomness, or a test's own."""

    def draw(self, size: int) -> bytes:
        """Return `size` bytes that nobody can foresee."""
        ...

    def jitter(self) -> float:
        """Return a number from 0 to 1 that spreads repetitions."""
        ...


class CommandDesk(Protocol):
    """Who carries out the hub's commands."""

    def heard(self, raw: bytes, moment: Moment) -> list[Outgoing]:
        """Take a sealed command, not verified yet, and return what is to be said at once."""
        ...

    def due(self, moment: Moment) -> list[Outgoing]:
        """Return what is to be said now: results, blocks that are wanted again."""
        ...

    def hub_heard(self, moment: Moment) -> None:
        """Take note that the hub has just said something that it could not have said before."""
        ...

    def next_wakeup(self, steady_ms: int) -> int | None:
        """Return from when on `due` has something to do, at least `steady_ms`; None if something must happen first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskTerms:
    """Whose receipts and commands count, how patiently to resend, and how long blocks are kept at least.

    `refresh_ms` is how old what the device said of itself may get before it is said anew, None where it may for ever.
    """

    hub_key: VerifyingKey
    command_key: VerifyingKey | None = None
    retry: RetryPolicy
    retention_ms: int
    refresh_ms: int | None = None
