"""One seed's whole world: a device that reads meters, its broker and hub, what goes wrong, and what came of it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.custody import DeskTerms
from edge.journal import Author, JournalError
from hub.errors import HubError
from protocol.cose import SigningKey
from protocol.custody.sender import RetryPolicy
from protocol.identity import derive_device_id
from simulators.custody import invariants
from simulators.custody.broker import Broker, Weather
from simulators.custody.device import INTERVAL_MS, SimulatedDevice
from simulators.custody.events import Events
from simulators.custody.facts import Library, ReadingFact
from simulators.custody.faults import CARDS, CLONES, HOUR_MS, Fault, plan_faults
from simulators.custody.hub import SimulatedHub
from simulators.custody.invariants import Breach, BreachError
from simulators.custody.ledger import Ledger
from simulators.custody.meters import SteadyMeter, describe_all
from simulators.custody.site import DeviceChance, Site

if TYPE_CHECKING:
    from collections.abc import Mapping

START_MS = 1_780_272_000_000
"""2026-06-01, midnight UTC."""
SAFETY_MS = 72 * HOUR_MS
LIVENESS_MS = 24 * HOUR_MS
"""How long after the last fault everything must be settled: the longest patience of a device is a fraction of this."""
RETENTION_MS = 10 * HOUR_MS
BACKUP_EVERY_MS = (2 * HOUR_MS, 12 * HOUR_MS)
IMAGE_EVERY_MS = 5 * HOUR_MS
IMAGES_MAX = 8
REVISIONS_MAX = 4
LATE_REGISTRATION_SHARE = 0.2
FINALE_SHARE = 0.5
HOLED = Weather(lost=0.4, doubled=0, slow=0, damaged=0)
"""What makes gaps that stay until a block is offered again."""
CRASH_SHARE = 0.04
"""How many of the hub's batches end in a crash of its worker."""
_FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError, JournalError, HubError)
"""What a program of ours can fall over."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed came to. `readings` were committed by devices, `destroyed` of them physically and for good."""

    seed: int
    trace: str
    readings: int
    destroyed: int
    breach: Breach | None
    counts: Mapping[str, int]


def _key(name: str) -> SigningKey:
    return SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32)))


class World:
    """The parts of one simulation, wired; `run` it once."""

    def __init__(self, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self._seed = seed
        self._chance = self._source("faults")
        self._events = Events(START_MS)
        weather = self._source("weather")
        storm = Weather(
            lost=weather.choice((0.02, 0.15, 0.3)),
            doubled=weather.choice((0.0, 0.1)),
            slow=weather.choice((0.0, 0.1, 0.3)),
            damaged=weather.choice((0.0, 0.01, 0.05)),
        )
        self.broker = Broker(self._events, self._source("broker"), storm)
        meters = [SteadyMeter.make(index) for index in (1, 2)]
        self._meters = meters
        self.ledger = Ledger(Library(describe_all(meters, REVISIONS_MAX)))
        device_key, hub_key = _key(f"device {seed}"), _key("hub")
        author = Author(derive_device_id(device_key.spki), device_key, "simulated")
        self._pem = device_key.public.to_pem()
        terms = DeskTerms(hub_key=hub_key.public, retry=RetryPolicy(), retention_ms=RETENTION_MS)
        self._site = Site(self._events, self.broker, self.ledger, author, terms, meters)
        self.hub = SimulatedHub(self._site, self._source("hub"), hub_key)
        self.hub.crash_share = CRASH_SHARE
        self.devices = [
            SimulatedDevice("original", self._site, self._source("original"), DeviceChance(self._source("kernel")))
        ]
        self._images: list[bytes] = []

    def _source(self, name: str) -> random.Random:
        return random.Random(f"{self._seed}/{name}")  # noqa: S311 - a simulation has to be repeatable

    def run(self) -> Outcome:
        """Run both phases and return what came of it; an invariant that does not hold ends the run."""
        breach = None
        try:
            self._live_dangerously()
            self._come_to_rest()
        except BreachError as error:
            breach = error.breach
        except _FAULTS as fault:
            breach = invariants.fallen_over(fault)
        self._count()
        readings = [fact for fact in self.ledger.stated if isinstance(fact, ReadingFact)]
        destroyed = sum(fact in self.ledger.destroyed for fact in readings)
        return Outcome(self._seed, self.broker.trace, len(readings), destroyed, breach, dict(self.counts))

    # The safety phase: everything may fail, and whatever happens is looked at.

    def _live_dangerously(self) -> None:
        end_ms = START_MS + SAFETY_MS
        self.hub.come_up()
        if self._chance.random() < LATE_REGISTRATION_SHARE:
            self._events.after(self._chance.randrange(HOUR_MS), self._register)
        else:
            self._register()
        self._keep_images()
        self._back_up_again(end_ms)
        if self._chance.random() < FINALE_SHARE:
            self._plan_finale(end_ms)
        for planned in plan_faults(self._seed, self._chance, START_MS + INTERVAL_MS, end_ms):
            self._events.at(planned.at_ms, partial(self._strike, planned.fault))
        for index, meter in enumerate(self._meters):
            self._events.at(START_MS + self._chance.randrange(SAFETY_MS) + index, meter.update_firmware)
        self._events.run_until(end_ms)

    def _plan_finale(self, end_ms: int) -> None:
        """Restore the hub while a backlog drains with gaps, just before faults stop: nothing later may mend it."""
        self._events.at(end_ms - self._chance.randint(4 * HOUR_MS, 9 * HOUR_MS), self.broker.cut)
        self._events.at(end_ms - HOUR_MS // 4, self._begin_finale)

    def _begin_finale(self) -> None:
        self.broker.weather = HOLED
        self.broker.mend()
        self.hub.lose_disk_at_gap()

    def _register(self) -> None:
        self.hub.register(self._pem)

    def _keep_images(self) -> None:
        """Keep an image of a card now and then: what a clone or a restored card will hold."""
        self._images = [*self._images, self._any_device().image()][-IMAGES_MAX:]
        self._events.after(IMAGE_EVERY_MS, self._keep_images)

    def _back_up_again(self, end_ms: int) -> None:
        def back_up() -> None:
            if self._events.now_ms < end_ms:
                self.hub.back_up()
                self._back_up_again(end_ms)

        self._events.after(self._chance.randint(*BACKUP_EVERY_MS), back_up)

    def _any_device(self) -> SimulatedDevice:
        return self._chance.choice(self.devices)

    def _strike(self, fault: Fault) -> None:
        self.counts[str(fault)] += 1
        if fault in CARDS or fault in CLONES or fault is Fault.BLOCK_POISONED:
            self._strike_card(fault, self._any_device())
            return
        chance, later = self._chance, self._events.after
        match fault:
            case Fault.PARTITION:
                self.broker.cut()
                later(chance.randint(HOUR_MS // 2, 20 * HOUR_MS), self.broker.mend)
            case Fault.SESSION_DROPPED:
                self.broker.drop_session()
            case Fault.BROKER_FORGETS:
                self.hub.go_down()
                later(chance.randint(HOUR_MS // 10, HOUR_MS), self._forget_and_come_up)
            case Fault.HUB_DOWN:
                self.hub.go_down()
                later(chance.randint(HOUR_MS // 6, 8 * HOUR_MS), self.hub.come_up)
            case Fault.HUB_RESTORED:
                self.hub.lose_disk()
            case Fault.PROGRAM_KILLED:
                self._any_device().kill(chance.randrange(40), reboots=chance.random() < 1 / 2)

    def _strike_card(self, fault: Fault, device: SimulatedDevice) -> None:
        match fault:
            case Fault.CARD_ROLLED_BACK:
                device.replace_card(self._chance.choice(self._images), self.hub.facts_in_custody())
            case Fault.CARD_LOST:
                device.replace_card(None, self.hub.facts_in_custody())
            case Fault.CARD_CLONED:
                self._clone(device)
            case Fault.BLOCK_POISONED:
                device.poison()
            case Fault.BLOCK_ROTTEN:
                device.rot(self.hub.facts_in_custody())

    def _forget_and_come_up(self) -> None:
        self.broker.forget()
        self.hub.come_up()

    def _clone(self, device: SimulatedDevice) -> None:
        """Start a second machine from an image of the card, with the same key and the same randomness to come."""
        name = f"clone {len(self.devices)}"
        image = self._chance.choice([device.image(), *self._images])
        self.devices.append(SimulatedDevice(name, self._site, self._source(name), device.chance.copy(), image))

    # The liveness phase: nothing fails any more, and what is owed must arrive.

    def _come_to_rest(self) -> None:
        self.broker.clear_up()
        self.hub.calm_down()
        end_ms = self._events.now_ms + LIVENESS_MS
        while self._events.now_ms < end_ms:
            for device in self.devices:
                device.retire()
            self._events.run_until(self._events.now_ms + HOUR_MS)
            if self._is_settled():
                break
        self.counts["hours to settle"] = (self._events.now_ms - START_MS - SAFETY_MS) // HOUR_MS
        self._judge()

    def _is_settled(self) -> bool:
        return not any(device.backlog for device in self.devices)

    def _judge(self) -> None:
        ledger, shown = self.ledger, self.hub.shown
        held = shown.facts()
        backlog = {device.name: device.backlog for device in self.devices}
        invariants.the_backlog_is_gone(
            backlog, (ledger.stated - held) & ledger.on_cards() if any(backlog.values()) else set()
        )
        invariants.nothing_is_counted_twice([*shown.all_readings(), *shown.rare_facts()])
        invariants.the_hub_follows_from_its_blocks(ledger.library.facts_in(shown.block_bytes()), held)
        invariants.each_epoch_is_one_chain(shown.broken_links())
        invariants.every_fact_arrives(ledger.stated, held, ledger.destroyed)

    def _count(self) -> None:
        counts = self.hub.counts
        self.counts.update(
            {
                "sends": self.broker.sends,
                "commits": counts.commits,
                "blocks received": counts.blocks,
                "receipts": counts.receipts,
                "worker crashes": counts.crashes,
                "backups": counts.backups,
                "restores": self.ledger.restores,
                "epochs": sum(len(device.epochs) for device in self.devices),
                "restarts": sum(device.restarts for device in self.devices),
            }
        )
        self.counts.update({f"blocks {kind}": number for kind, number in counts.decisions.items()})
