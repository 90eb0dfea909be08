"""A clerk to give orders to: a device with two meters, its journal in memory, its hub's command key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.commands import Clerk, ClerkTerms
from edge.config import change_config, load_config
from edge.custody import RESEND_MAX, Moment, Outgoing
from edge.journal import CommandBook
from protocol import wire
from protocol.commands import Command, Result
from protocol.cose import Kind, SigningKey
from protocol.messages import CommandEvent
from protocol.topics import Channel
from tests.edge.making import AUTHOR, START_MS, instant, journal_in_memory

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from edge.config import AgentConfig
    from edge.journal import Author, Journal
    from protocol.commands import Order
    from protocol.identity import DeviceId, Epoch

COMMAND_KEY = SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes(range(5, 37))))
STRANGER_KEY = SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes(range(6, 38))))
BOOT_ID = b"kernel boot id 0"
CONFIG = """\
[device]
state_dir = "state"
interval_seconds = 900
seal_seconds = 3600
[hub]
broker = "mqtt://127.0.0.1:1"
receipt_key = "hub.pem"
command_key = "command.pem"
[[bus]]
name = "lan"
kind = "tcp"
host = "192.0.2.7"
[[meter]]
number = 1
name = "north"
bus = "lan"
unit = 1
profile = "sunspec.meter-203"
generated = "energy_export"
[[meter]]
number = 2
name = "south"
bus = "lan"
unit = 2
profile = "sunspec.meter-203"
generated = "energy_export"
"""


def write_config(folder: Path, text: str = CONFIG) -> AgentConfig:
    """Write the configuration file and read it."""
    path = folder / "edge.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def order(  # noqa: PLR0913 - all that may be wrong with a command
    number: int,
    order: Order,
    *,
    device: DeviceId = AUTHOR.device,
    key: SigningKey = COMMAND_KEY,
    issued_at: int = START_MS,
    ttl_seconds: int = 3600,
    identity: bytes | None = None,
) -> bytes:
    """Return a signed command."""
    identity = identity or number.to_bytes(8, "big")
    return wire.seal_command(Command(device, number, order, issued_at, ttl_seconds, identity), key)


def results(said: Iterable[Outgoing], key: SigningKey = AUTHOR.key) -> list[Result]:
    """Return the results among what was said, each signed by the device."""
    found = []
    for outgoing in said:
        if outgoing.channel is Channel.RESULT:
            result, envelope = wire.read_result(outgoing.raw)
            assert envelope.verified_by(Kind.RESULT, key.public)
            found.append(result)
    return found


def events(journal: Journal, minute: int = 60) -> list[CommandEvent]:
    """Seal what is open, and return what the chain of the current epoch says of commands."""
    while journal.seal(instant(minute)) is not None:
        pass
    blocks = [journal.block(seq) for seq in range(journal.db.execute("select max(seq) from block").fetchone()[0] + 1)]
    frames = [frame for raw in blocks if raw for frame in wire.read_block(raw)[0].frames]
    return [frame for frame in frames if isinstance(frame, CommandEvent)]


@dataclass
class FakeCustody:
    """Says hello and offers every second block."""

    online: bool = True
    hellos: int = 0
    asked: list[tuple[int, int]] = field(default_factory=list)

    def say_hello(self, moment: Moment) -> list[Outgoing]:
        """Say a hello that is nothing but a mark."""
        self.hellos += 1
        return [Outgoing(Channel.STATE, b"%d" % moment.steady_ms, retain=True)]

    def resend(self, _epoch: Epoch, first: int, last: int) -> list[Outgoing]:
        """Offer every second block."""
        self.asked.append((first, last))
        seqs = range(first, min(last, first + RESEND_MAX - 1) + 1)
        return [Outgoing(Channel.BLOCK, b"%d" % seq) for seq in seqs if not seq % 2]


class Office:
    """A clerk at work on a journal in memory, and what it takes to begin again after a crash."""

    def __init__(
        self, base: AgentConfig, image: bytes | None = None, *, author: Author = AUTHOR, boot_id: bytes = BOOT_ID
    ) -> None:
        self.base = base
        self.journal = journal_in_memory(image)
        self.book = CommandBook(self.journal.db)
        self.custody = FakeCustody()
        self.notified = 0
        self._boot_id = boot_id
        config = change_config(base, self.book.configuration().changes)
        terms = ClerkTerms(base=base, config=config, command_key=COMMAND_KEY.public, kernel_boot_id=boot_id)
        self.clerk = Clerk(self.journal, author, terms, self._notify)
        self.clerk.custody = self.custody

    def _notify(self) -> None:
        self.notified += 1

    def hear(self, raw: bytes, minute: int = 1) -> list[Outgoing]:
        """Hand over a command."""
        return self.clerk.heard(raw, moment(minute))

    def result(self, raw: bytes, minute: int = 1) -> Result:
        """Hand over a command that gets one result at once."""
        [result] = results(self.hear(raw, minute))
        return result

    def due(self, minute: int = 1) -> list[Result]:
        """Return the results that are due."""
        return results(self.clerk.due(moment(minute)))

    def crashed(self, *, boot_id: bytes | None = None) -> Office:
        """Return what a new agent finds after this one died."""
        return Office(self.base, self.journal.image(), boot_id=boot_id or self._boot_id)


def moment(minute: int) -> Moment:
    """Return the moment so many minutes after the start."""
    return Moment(minute * 60_000, instant(minute))
