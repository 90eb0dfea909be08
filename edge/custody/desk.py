"""Every decision of the edge's half of custody, without I/O: what to say to the hub, and what its words change.

The journal is the memory, `protocol.custody.sender` knows what a receipt means; between them the desk turns both into
messages. Time and chance are arguments. Not thread-safe, but for `begin_session`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge.custody.terms import Outgoing
from edge.uplink.session import Session
from protocol import wire
from protocol.custody.sender import OutcomeKind
from protocol.errors import ProtocolError
from protocol.fields import NONCE_LENGTH, SHORT_HASH_LENGTH
from protocol.identity import format_device_id, hash_block
from protocol.messages import Capability, GenesisReason, ReceiptCode, State
from protocol.topics import Channel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edge.custody.terms import Chance, CommandDesk, DeskTerms, Moment
    from edge.journal import Author, Journal
    from protocol.custody.sender import Outcome, Sender
    from protocol.identity import Epoch
    from protocol.messages import Receipt

RESEND_MAX = 64
"""How many seqs one call of `Desk.resend` goes through."""
EPOCH_PAUSE_MS = 60_000
"""How soon after a new epoch another may begin, doubled for each that the hub has committed nothing of yet."""
EPOCH_PAUSE_DOUBLINGS_MAX = 9

_log = logging.getLogger(__name__)

_REASONS = {
    OutcomeKind.FORKED: GenesisReason.FORK,
    OutcomeKind.ROLLED_BACK: GenesisReason.ROLLBACK,
    OutcomeKind.LOST: GenesisReason.HUB_LOST,
}


@dataclass(frozen=True, slots=True)
class _Ending:
    """Why the current epoch is over, and the last block that the hub still holds of it, where that is what we know."""

    reason: GenesisReason
    hub_holds: int | None = None


class Desk:
    """Custody of one journal. Built anew, it goes on from what the journal holds.

    `commands` may be set after building, since who carries out commands needs the desk. `instance` (8 bytes, or none)
    tells this hardware from another with the same key, `health` gives further numbers for the state.
    """

    def __init__(  # noqa: PLR0913 - what a desk is made of; the last three by name
        self,
        journal: Journal,
        author: Author,
        terms: DeskTerms,
        chance: Chance,
        kernel_boot_id: bytes,
        *,
        instance: bytes = b"",
        commands: CommandDesk | None = None,
        health: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self.commands = commands
        self._journal = journal
        self._author = author
        self._terms = terms
        self._chance = chance
        self._kernel_boot_id = kernel_boot_id
        self._instance = instance
        self._health = health
        self._sender = journal.sender(terms.retry)
        self._session = b""
        self._code = ReceiptCode.OK
        self._ending: _Ending | None = None
        self._fruitless_epochs = 0
        self._epoch_from_ms: int | None = None

    @property
    def sender(self) -> Sender:
        """The state of custody of the current epoch."""
        return self._sender

    @property
    def online(self) -> bool:
        """Whether there is a session with the hub."""
        return self._sender.online

    @property
    def settled(self) -> bool:
        """Whether the hub has every sealed block."""
        return self._ending is None and self._sender.committed >= self._sender.head

    def begin_session(self) -> Session:
        """Draw the nonce of a session, and the death message that belongs to it. May be called in another thread."""
        nonce = self._chance.draw(NONCE_LENGTH)
        death = State(device=self._author.device, nonce=nonce, online=False)
        return Session(nonce, wire.seal_state(death, self._author.key))

    def connected(self, nonce: bytes, moment: Moment) -> list[Outgoing]:
        """Take note of a new session whose first hello carries `nonce`, and return that hello."""
        self._session = nonce
        self._sender = self._sender.connected(nonce, moment.steady_ms)
        return [self._state(moment)]

    def disconnected(self) -> None:
        """Take note that the session is gone."""
        self._sender = self._sender.disconnected()

    def sealed(self, seq: int) -> None:
        """Take note that block `seq` of the current epoch is sealed and durable."""
        self._sender = self._sender.sealed(seq)

    def heard(self, channel: Channel, raw: bytes, moment: Moment) -> list[Outgoing]:
        """Take a message from the hub, or from whoever pretends to be it, and return what is to be said at once."""
        if channel is Channel.RECEIPT:
            return self._hear_receipt(raw, moment)
        if channel is Channel.COMMAND:
            return self._hear_command(raw, moment)
        return []

    def speak(self, moment: Moment) -> list[Outgoing]:
        """Return what is to be said now: a hello if one is due, then blocks, then what commands ask for."""
        said = self._end_epoch(moment)
        if self._sender.hello_due(moment.steady_ms) or self._is_stale(moment):
            said += self.say_hello(moment)
        for seq in self._sender.due(moment.steady_ms):
            if self._ending is None:
                said += self._offer(seq, moment)
        said += self._end_epoch(moment)
        if self.commands is not None:
            said += self.commands.due(moment)
        return said

    def _is_stale(self, moment: Moment) -> bool:
        """Return whether the state is to be said anew only because it is old; what there is to say anyway wakes us."""
        sender, refresh_ms = self._sender, self._terms.refresh_ms
        is_open = sender.online and not sender.ended and not sender.nonce
        return is_open and refresh_ms is not None and moment.steady_ms - sender.hello_ms >= refresh_ms

    def make_room(self, moment: Moment) -> None:
        """Let go of every block that is safe at the hub, whatever the retention: the disk is full."""
        self._journal.release(moment.now, 0)
        self._sender = self._sender.released(self._journal.floor())

    def next_wakeup(self, steady_ms: int) -> int | None:
        """Return from when on `speak` has something to say, at least `steady_ms`; None if an event must come."""
        times = [self._sender.next_wakeup(steady_ms)]
        if self.commands is not None:
            times.append(self.commands.next_wakeup(steady_ms))
        if self._ending is not None:
            times.append(self._epoch_from_ms)
        known = [time for time in times if time is not None]
        return max(steady_ms, min(known)) if known else None

    def say_hello(self, moment: Moment) -> list[Outgoing]:
        """Return the state under a new nonce; nothing without a session."""
        if not self._sender.online:
            return []
        self._sender = self._sender.greeted(self._chance.draw(NONCE_LENGTH), moment.steady_ms)
        return [self._state(moment)]

    def resend(self, epoch: Epoch, first: int, last: int) -> list[Outgoing]:
        """Return the blocks among `first`..`last` of an epoch that are still held, as they were signed.

        At most `RESEND_MAX` seqs from `first` on are gone through; ask again from there for more.
        """
        seqs = range(first, min(last, first + RESEND_MAX - 1) + 1)
        held = (self._journal.block(seq, epoch) for seq in seqs)
        return [Outgoing(Channel.BLOCK, raw) for raw in held if raw is not None]

    # What the hub says.

    def _hear_command(self, raw: bytes, moment: Moment) -> list[Outgoing]:
        if self.commands is None or self._terms.command_key is None:
            _log.warning("a command was ignored: no command key of the hub is configured ([hub] command_key)")
            return []
        return self.commands.heard(raw, moment)

    def _hear_receipt(self, raw: bytes, moment: Moment) -> list[Outgoing]:
        try:
            receipt = wire.read_receipt(raw, self._terms.hub_key)
        except ProtocolError as error:
            _log.warning("a receipt that our hub did not sign was ignored: %s", error)
            return []
        before = self._sender
        self._sender, outcome = before.received(receipt, self._journal.hash_of, moment.steady_ms)
        is_fresh = bool(before.nonce) and receipt.nonce == before.nonce
        if self.commands is not None and (is_fresh or outcome.newly_committed):
            self.commands.hub_heard(moment)
        if outcome.kind is OutcomeKind.FOREIGN:
            self._hear_of_archive(receipt, raw, moment)
            return []
        self._report(outcome)
        if outcome.kind in _REASONS:
            lost = outcome.kind is OutcomeKind.LOST
            self._ending = _Ending(_REASONS[outcome.kind], receipt.committed if lost else None)
            return self._end_epoch(moment)
        if outcome.newly_committed:
            self._fruitless_epochs = 0
        self._keep_word(before, raw, moment)
        return []

    def _keep_word(self, before: Sender, raw: bytes, moment: Moment) -> None:
        """Make durable what a receipt changed, and let go of what it allows to let go."""
        after = self._sender
        if (after.committed, after.safe, after.timeline) != (before.committed, before.safe, before.timeline):
            self._journal.acknowledge(after, raw)
            self._release(moment)

    def _hear_of_archive(self, receipt: Receipt, raw: bytes, moment: Moment) -> None:
        """Take what the hub says of an earlier epoch if it is more than was known; nothing is offered there again."""
        if receipt.device != self._author.device or not self._journal.has_epoch(receipt.epoch):
            return
        archived = replace(self._journal.sender(self._terms.retry, receipt.epoch), timeline=self._sender.timeline)
        after, outcome = archived.received(
            receipt, lambda seq: self._journal.hash_of(seq, receipt.epoch), moment.steady_ms
        )
        if outcome.kind is OutcomeKind.APPLIED and (after.committed, after.safe) != (archived.committed, archived.safe):
            self._journal.acknowledge(after, raw)
            self._release(moment)

    def _release(self, moment: Moment) -> None:
        self._journal.release(moment.now, self._terms.retention_ms)
        self._sender = self._sender.released(self._journal.floor())

    def _report(self, outcome: Outcome) -> None:
        """Say for people what a receipt meant, where it meant something unusual, once each time it begins to."""
        device = format_device_id(self._author.device)
        changed, self._code = outcome.code is not self._code, outcome.code
        if outcome.kind is OutcomeKind.REFUSED and changed:
            _log.warning(
                "the hub does not accept device %s (%s): register it there with `meter-hub device add`;"
                " readings are kept here meanwhile",
                device,
                outcome.code.name.lower(),
            )
        elif outcome.kind is OutcomeKind.REGRESSED:
            _log.warning("the hub went back to block %d; sending the rest again", self._sender.committed)
        elif outcome.code is ReceiptCode.CONTESTED and changed:
            _log.warning(
                "the hub has heard another machine with the identity of device %s: retire one of them, then lift it"
                " there with `meter-hub device resolve`; custody goes on meanwhile",
                device,
            )

    # What is said to the hub.

    def _offer(self, seq: int, moment: Moment) -> list[Outgoing]:
        """Return the block that is due, if what is stored is still what was sealed."""
        sender, raw = self._sender, self._journal.block(seq)
        is_whole = raw is not None and hash_block(raw) == self._journal.hash_of(seq)
        # Also an offer that could not be made counts as one: the time-out repeats it, instead of a busy loop.
        self._sender = sender.offered(seq, moment.steady_ms, self._chance.jitter())
        if raw is not None and is_whole:
            return [Outgoing(Channel.BLOCK, raw)]
        if seq == sender.repair or not (sender.nonce or seq in sender.in_flight):
            _log.error("block %d is damaged here and the hub lacks it", seq)
            self._ending = _Ending(GenesisReason.DATABASE_LOST)
            self._sender = replace(sender, ended=True, in_flight={})
        else:
            # The hub may have it already: an answered hello will say so.
            self._sender = self._sender.puzzled()
        return []

    def _state(self, moment: Moment) -> Outgoing:
        sender, journal, author = self._sender, self._journal, self._author
        state = State(
            device=author.device,
            nonce=sender.nonce,
            session=b"" if sender.nonce == self._session else self._session,
            online=True,
            epoch=sender.epoch,
            head=sender.head,
            head_hash=(journal.hash_of(sender.head) or b"")[:SHORT_HASH_LENGTH],
            committed=sender.committed,
            safe=sender.safe,
            floor=sender.floor,
            boot_count=journal.boot_count,
            kernel_boot_id=self._kernel_boot_id,
            at=moment.now,
            agent_version=author.agent_version,
            capabilities=(Capability.EPOCHS,) if self.commands is None else (Capability.EPOCHS, Capability.COMMANDS),
            instance=self._instance,
            latest=journal.latest(),
            health={
                "backlog_blocks": sender.head - sender.committed,
                "open_polls": journal.open_polls,
                **self._health(),
            },
            key_history=author.key_history,
        )
        return Outgoing(Channel.STATE, wire.seal_state(state, author.key), retain=True)

    # The end of an epoch.

    def _end_epoch(self, moment: Moment) -> list[Outgoing]:
        """Begin a new epoch if this one is over, unless one has just begun; return its hello."""
        ending = self._ending
        if ending is None or (self._epoch_from_ms is not None and moment.steady_ms < self._epoch_from_ms):
            return []
        before, self._ending = self._sender, None
        self._journal.begin_epoch(ending.reason, moment.now, self._chance.draw, hub_holds=ending.hub_holds)
        _log.warning(
            "epoch %s of the log is over (%s): everything above block %d is sealed again in epoch %s",
            before.epoch.hex(),
            ending.reason,
            before.safe if ending.hub_holds is None else ending.hub_holds,
            self._journal.epoch.hex(),
        )
        pause_ms = EPOCH_PAUSE_MS << min(self._fruitless_epochs, EPOCH_PAUSE_DOUBLINGS_MAX)
        self._fruitless_epochs += 1
        self._epoch_from_ms = moment.steady_ms + pause_ms
        self._sender = self._journal.sender(self._terms.retry)
        if not before.online:
            return []
        nonce = self._chance.draw(NONCE_LENGTH)
        self._sender = self._sender.connected(nonce, moment.steady_ms)
        return [self._state(moment)]
