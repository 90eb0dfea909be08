"""The edge's half of custody: offers sealed blocks, takes the hub's receipts, makes its word durable.

What to do is decided by `protocol.custody.sender` (pure); this is the rim that owns the session, the clock and chance.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.uplink import Arrived, Broken, Connected, Disconnected, Session, Uplink, Woken
from protocol import wire
from protocol.custody.sender import OutcomeKind, RetryPolicy
from protocol.errors import ProtocolError
from protocol.identity import format_device_id
from protocol.messages import State
from protocol.topics import Channel

if TYPE_CHECKING:
    from edge.clock import Clock
    from edge.journal import Author, Journal
    from edge.settings import BrokerSettings
    from edge.uplink import Event
    from protocol.cose import VerifyingKey
    from protocol.custody.sender import Outcome

NONCE_BYTES = 4
DAY_MS = 86_400_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodySettings:
    """How to reach the hub, which key its receipts carry, how patiently to resend, and how long to keep blocks."""

    broker: BrokerSettings
    hub_key: VerifyingKey
    retry: RetryPolicy
    retention_days: int


class Custodian:
    """Runs until cancelled; `sealed` tells it of a new block, `settled` is set while the hub has every block."""

    def __init__(self, settings: CustodySettings, journal: Journal, author: Author, clock: Clock) -> None:
        self.settled = asyncio.Event()
        self._settings = settings
        self._journal = journal
        self._author = author
        self._clock = clock
        self._sender = journal.sender(settings.retry)
        self._session = b""
        self._uplink = Uplink(settings.broker, author.device, self._begin_session)
        self._note_progress()

    @property
    def online(self) -> bool:
        """Whether there is a session with the broker now."""
        return self._sender.online

    def sealed(self, seq: int) -> None:
        """Take note that block `seq` is sealed and durable."""
        self._sender = self._sender.sealed(seq)
        self._note_progress()
        self._uplink.wake()

    async def run(self) -> None:
        """Hold the session and converse until cancelled."""
        async with self._uplink:
            while True:
                event = await self._next_event()
                if event is not None:
                    self._take(event)
                self._speak()

    async def _next_event(self) -> Event | None:
        wake_at = self._sender.next_wakeup(_now_ms())
        patience = None if wake_at is None else max(0.0, (wake_at - _now_ms()) / 1000)
        try:
            async with asyncio.timeout(patience):
                return await self._uplink.events.get()
        except TimeoutError:
            return None

    def _take(self, event: Event) -> None:
        match event:
            case Connected(nonce=nonce):
                self._session = nonce
                self._sender = self._sender.connected(nonce, _now_ms())
                self._say_hello()
            case Disconnected():
                self._sender = self._sender.disconnected()
            case Arrived(channel=Channel.RECEIPT, raw=raw):
                self._take_receipt(raw)
            case Broken(error=error):
                raise error
            case Arrived() | Woken():
                pass

    def _take_receipt(self, raw: bytes) -> None:
        try:
            receipt = wire.read_receipt(raw, self._settings.hub_key)
        except ProtocolError as error:
            _log.warning("a receipt that our hub did not sign was ignored: %s", error)
            return
        before = self._sender
        self._sender, outcome = before.received(receipt, self._journal.hash_of, _now_ms())
        self._report(outcome)
        if (self._sender.committed, self._sender.safe) != (before.committed, before.safe):
            self._journal.acknowledge(self._sender, raw)
            self._journal.release(self._clock.now(), self._settings.retention_days * DAY_MS)
        self._note_progress()

    def _speak(self) -> None:
        now_ms = _now_ms()
        if self._sender.hello_due(now_ms):
            self._sender = self._sender.greeted(secrets.token_bytes(NONCE_BYTES), now_ms)
            self._say_hello()
        for seq in self._sender.due(now_ms):
            raw = self._journal.block(seq)
            if raw is None:
                _log.error("the hub lacks block %d, which it had declared safe; it was released here", seq)
            else:
                self._uplink.publish(Channel.BLOCK, raw)
            # Also an offer that could not be made counts as one: the time-out repeats it, instead of a busy loop.
            self._sender = self._sender.offered(seq, now_ms, jitter=secrets.randbelow(1000) / 1000)

    def _say_hello(self) -> None:
        head = self._sender.head
        state = State(
            device=self._author.device,
            nonce=self._sender.nonce,
            session=b"" if self._sender.nonce == self._session else self._session,
            online=True,
            epoch=self._journal.epoch,
            head=head,
            head_hash=(self._journal.hash_of(head) or b"")[:16],
            committed=self._sender.committed,
            safe=self._sender.safe,
            floor=self._journal.floor(),
            boot_count=self._journal.boot_count,
            kernel_boot_id=self._clock.kernel_boot_id,
            at=self._clock.now(),
            agent_version=self._author.agent_version,
            latest=self._journal.latest(),
            health={"backlog_blocks": head - self._sender.committed, "open_polls": self._journal.open_polls},
        )
        self._uplink.publish(Channel.STATE, wire.seal_state(state, self._author.key), retain=True)

    def _begin_session(self) -> Session:
        """Draw the nonce of a session, and the death message that belongs to it. Called in the network's thread."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        death = State(device=self._author.device, nonce=nonce, online=False)
        return Session(nonce, wire.seal_state(death, self._author.key))

    def _note_progress(self) -> None:
        if self._sender.committed >= self._sender.head:
            self.settled.set()
        else:
            self.settled.clear()

    def _report(self, outcome: Outcome) -> None:
        match outcome.kind:
            case OutcomeKind.REFUSED:
                _log.warning(
                    "the hub does not accept device %s (%s): register it there with `meter-hub device add`;"
                    " readings are kept here meanwhile",
                    format_device_id(self._author.device),
                    outcome.code.name.lower(),
                )
            case OutcomeKind.FORKED:
                _log.error("the hub holds another history of this log than we do; offering stops, nothing is dropped")
            case OutcomeKind.REGRESSED:
                _log.warning("the hub went back to block %d; sending the rest again", self._sender.committed)
            case _:
                pass


def _now_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1000)
