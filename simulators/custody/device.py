"""A device: the real journal and custody desk on a card that can fail, polling meters by a clock that may be wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.custody import Desk, Moment
from edge.journal import adopt_journal
from edge.metering.outcome import Taken
from edge.metering.schedule import STEP_MS, edges_due
from protocol.identity import BootId
from protocol.messages import ClockEvent, Instant, TimeQuality
from simulators.custody.card import PowerCutError
from simulators.custody.facts import ReadingFact, ReadingKey
from simulators.custody.meters import OBIS
from simulators.custody.poison import seal_poison
from simulators.custody.slot import CardSlot

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable

    from edge.custody import Outgoing
    from edge.metering.outcome import PollOutcome
    from protocol.topics import Channel
    from simulators.custody.facts import Fact
    from simulators.custody.site import DeviceChance, Site

INTERVAL_MS = 900_000
SEAL_MS = 3_600_000
RECONNECT_MS = (1_000, 120_000)
PUSHED_OFF_MS = (600_000, 5_400_000)
"""How long a device waits that another with its identity pushed off."""
POWERLESS_MS = (5_000, 1_800_000)
SYNCHRONISED_MS = (30_000, 1_800_000)
"""How long after a boot the wall clock is set right, where no battery kept it."""
BEHIND_MS_MAX = 3_600_000
BEHIND_SHARE = 0.4


class SimulatedDevice:
    """One machine: what is on its card survives, all else dies with the power. Runs from its making on."""

    def __init__(
        self, name: str, site: Site, world: random.Random, chance: DeviceChance, image: bytes | None = None
    ) -> None:
        self.name = name
        self.chance = chance
        self.polls = True
        self.epochs: set[bytes] = set()
        self.restarts = 0
        self._site = site
        self._world = world
        self._life = 0
        self._on = False
        self._reboots = False
        self._begun_before = image is not None
        self._slot = CardSlot(name, site.ledger, image)
        self._boot()

    @property
    def backlog(self) -> int:
        """How many blocks the device still owes to the hub, at least 1 while it is not settled or has some open."""
        if not self._on:
            return 1
        behind = self._desk.sender.head - self._desk.sender.committed
        return max(behind, 0 if self._desk.settled and self._slot.is_all_sealed() else 1)

    # The card.

    def image(self) -> bytes:
        """Return what the card holds now."""
        return self._slot.card.serialize()

    def replace_card(self, image: bytes | None, in_hub: set[Fact]) -> None:
        """Lose the card, and start again from an earlier image of it, or from an empty one."""
        self._switch_off()
        self._slot.replace(image, in_hub)
        self._boot()

    def rot(self, in_hub: set[Fact]) -> None:
        """Flip one bit of one stored block."""
        self._slot.rot(self._world, in_hub)

    # Power.

    def kill(self, statements: int, *, reboots: bool) -> None:
        """Let the power fail, or the program be killed, at the next statement but so many that the journal runs."""
        self._reboots = reboots
        self._slot.card.cut_power_after(statements)

    def _boot(self) -> None:
        """Start the machine: a new boot id, boottime from zero, and a wall clock that may be behind at first."""
        self._boot_at = self._site.events.now_ms
        self._kernel_boot_id = self._world.randbytes(16)
        self._behind_ms = self._world.randrange(BEHIND_MS_MAX) if self._world.random() < BEHIND_SHARE else 0
        if self._behind_ms:
            boot = self._kernel_boot_id
            self._site.events.after(self._world.randint(*SYNCHRONISED_MS), lambda: self._set_clock(boot))
        self._start()

    def _set_clock(self, boot: bytes) -> None:
        if boot == self._kernel_boot_id:
            self._behind_ms = 0
            self._act(self._look)

    def _start(self) -> None:
        """Start the program."""
        self._on = True
        self._life += 1
        self._looks = 0
        self._wake_at: int | None = None
        self._last_seen: Instant | None = None
        self._act(self._open)
        self._act(self._look)
        self._later(self._world.randint(*RECONNECT_MS), self._connect)

    def _open(self) -> None:
        site = self._site
        begun_before, self._begun_before = self._begun_before, True
        boot_id = BootId(self._kernel_boot_id[:4])
        self._journal = adopt_journal(
            self._slot.card, site.author, boot_id, self._now(), self.chance.draw, begun_before=begun_before
        )
        self._desk = Desk(self._journal, site.author, site.terms, self.chance, self._kernel_boot_id)
        self._slot.note()

    def _switch_off(self) -> None:
        self._on = False
        self._life += 1
        self._site.broker.disconnect(self)

    def _die(self) -> None:
        """Lose what is in memory, and come back with what the card holds durably."""
        self.restarts += 1
        self._switch_off()
        self._slot.cut_power()
        come_back = self._boot if self._reboots else self._start
        self._later(self._world.randint(*POWERLESS_MS) if self._reboots else 0, come_back, on=False)

    def _later(self, delay_ms: int, action: Callable[[], None], *, on: bool = True) -> None:
        """Plan an action of this life of the program (or, with `on` false, of this absence of it)."""
        life = self._life

        def act() -> None:
            if self._life == life:
                if on:
                    self._act(action)
                else:
                    action()

        self._site.events.after(delay_ms, act)

    def _act(self, action: Callable[[], None]) -> None:
        """Do something that the program does, let it say what it has to say, and look at what came of it."""
        if not self._on:
            return
        try:
            action()
            self._speak()
            if self._journal.epoch not in self.epochs:
                self.epochs.add(self._journal.epoch)
                self._slot.note()
            self._slot.watch()
        except PowerCutError:
            self._die()

    # Polling, as the agent does it.

    def _now(self) -> Instant:
        now_ms = self._site.events.now_ms
        quality = TimeQuality.UNKNOWN if self._behind_ms else TimeQuality.SYNCHRONISED
        return Instant(now_ms - self._behind_ms, now_ms - self._boot_at, quality)

    def _moment(self) -> Moment:
        return Moment(self._site.events.now_ms - self._boot_at, self._now())

    def _look(self) -> None:
        """Poll if an interval edge is due, and look again at the next one."""
        self._looks += 1
        looks, now = self._looks, self._now()
        due = edges_due(max(self._journal.last_edges().values(), default=None), now.wall_ms, INTERVAL_MS)
        if due.edge_ms is not None and self.polls:
            self._poll(due.edge_ms)

        def look_again() -> None:
            if looks == self._looks:
                self._look()

        self._later(due.wake_at - now.wall_ms, look_again)

    def _poll(self, edge_at: int) -> None:
        now = self._now()
        self._watch_clock(now)
        outcomes = [meter.poll(now, self._site.events.now_ms, self._world) for meter in self._site.meters]
        self._journal.record(edge_at, outcomes, INTERVAL_MS)
        self._site.ledger.state(self._taken(outcomes))
        if self._journal.has_open_before(edge_at - edge_at % SEAL_MS):
            self.seal()

    def _taken(self, outcomes: Iterable[PollOutcome]) -> Iterable[ReadingFact]:
        boot_id = self._kernel_boot_id[:4]
        for outcome in outcomes:
            if isinstance(outcome.result, Taken):
                serial = outcome.result.descriptor.serial
                for rid, raw in outcome.result.counts.items():
                    key = ReadingKey(serial, OBIS[rid], outcome.read_at, boot_id, outcome.boottime_ms)
                    yield ReadingFact(key, raw)

    def _watch_clock(self, now: Instant) -> None:
        last, self._last_seen = self._last_seen, now
        if last is None:
            return
        old_offset_ms, new_offset_ms = last.wall_ms - last.boottime_ms, now.wall_ms - now.boottime_ms
        if abs(new_offset_ms - old_offset_ms) >= STEP_MS or last.quality is not now.quality:
            self._journal.state(ClockEvent(now.boottime_ms, old_offset_ms, new_offset_ms, source=2, error_ms=0))

    def seal(self) -> None:
        """Seal what is open."""
        while (seq := self._journal.seal(self._now())) is not None:
            self._take_sealed(seq)

    def _take_sealed(self, seq: int) -> None:
        raw = self._journal.block(seq)
        assert raw is not None, "a block is held that was just sealed"
        self._site.ledger.state(self._site.ledger.library.facts_of(raw))
        self._desk.sealed(seq)

    def retire(self) -> None:
        """Read no more meters, and seal what is open."""
        self.polls = False
        self._act(self.seal)

    def poison(self) -> None:
        """Seal a block that says it must not be read without knowing something that nobody knows."""
        self._act(
            lambda: self._take_sealed(seal_poison(self._slot.card, self._journal, self._site.author, self._now()))
        )

    # Custody, as the custodian does it.

    def _connect(self) -> None:
        if self._desk.online:
            return
        if not self._site.broker.is_reachable:
            self._later(self._world.randint(*RECONNECT_MS), self._connect)
            return
        session = self._desk.begin_session()
        self._site.broker.connect(self, session.death)
        self._send(self._desk.connected(session.nonce, self._moment()))

    def lose_session(self, *, pushed_off: bool) -> None:
        """Notice that the session is over, and try again after a while."""
        if self._on:
            self._desk.disconnected()
            self._later(self._world.randint(*(PUSHED_OFF_MS if pushed_off else RECONNECT_MS)), self._connect)

    def hear(self, channel: Channel, raw: bytes) -> None:
        """Take a message from the hub."""
        self._act(lambda: self._hear(channel, raw))

    def _hear(self, channel: Channel, raw: bytes) -> None:
        before = self._desk.sender
        self._send(self._desk.heard(channel, raw, self._moment()))
        after = self._desk.sender
        if after.epoch == before.epoch and after.committed < before.committed:
            self._site.ledger.fall(f"{self.name}, card {self._slot.number}", after.epoch)

    def _speak(self) -> None:
        self._send(self._desk.speak(self._moment()))
        wake_at = self._desk.next_wakeup(self._moment().steady_ms)
        if wake_at is not None and wake_at != self._wake_at:
            self._wake_at = wake_at
            self._later(wake_at - self._moment().steady_ms, lambda: self._wake(wake_at))

    def _wake(self, wake_at: int) -> None:
        if self._wake_at == wake_at:
            self._wake_at = None

    def _send(self, messages: Iterable[Outgoing]) -> None:
        for message in messages:
            self._site.broker.to_hub(self, message.channel, message.raw)
