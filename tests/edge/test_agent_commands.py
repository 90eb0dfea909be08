"""The agent under command, from the message that arrives to the reading, the key or the setting that changes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Self

from edge.agent import run_agents
from edge.author import load_author
from edge.config import load_config
from edge.custody import custodian
from edge.journal import read_configuration, read_journal_summary
from edge.keys import ensure_signing_key
from edge.uplink.session import Arrived, Connected, Session, Uplink
from protocol import wire
from protocol.commands import (
    AskState,
    Order,
    Repoll,
    Resend,
    RestartAgent,
    Result,
    ResultStatus,
    RotateSigningKey,
    SetConfig,
)
from protocol.cose import Kind
from protocol.identity import derive_device_id, hash_block
from protocol.key_statement import follow_history
from protocol.messages import CommandEvent, Gap, KeyEvent, Readings, Receipt
from protocol.topics import Channel
from simulators.clock import ClockServer, SimulatedClock
from simulators.measured import STEP_MS, MeasuredSeries
from simulators.site import SYSTEMS, SimulatedSite
from simulators.sunshine import MeasuredSun
from tests.edge.commands.orders import COMMAND_KEY, STRANGER_KEY, order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    import pytest

    from edge.config import AgentConfig
    from protocol.cose import VerifyingKey
    from protocol.messages import Block, State

START_MS = 1_467_356_400_000
STEPS = 12
PATIENCE_SECONDS = 30
HUB_KEY = STRANGER_KEY


class Carrier(Uplink):
    """An uplink that is one call away from its hub."""

    def __init__(self, hub: FakeHub, session: Session) -> None:
        super().__init__()
        self.nonce = session.nonce
        self._hub = hub

    async def __aenter__(self) -> Self:
        """Connect at once."""
        self._hub.carrier = self
        self._enqueue(Connected(self.nonce))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave."""
        self._hub.carrier = None

    def publish(self, channel: Channel, raw: bytes, *, retain: bool = False) -> None:
        """Carry it over."""
        assert retain is (channel is Channel.STATE)
        self._hub.take(channel, raw)

    def deliver(self, channel: Channel, raw: bytes) -> None:
        """Bring something back."""
        self._enqueue(Arrived(channel, raw))


@dataclass
class FakeHub:
    """Takes custody of every block, answers every hello while it listens, and sends commands as a test gives them."""

    enrolled: VerifyingKey
    listens: bool = True
    carrier: Carrier | None = None
    blocks: list[bytes] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    sessions: int = 0
    _offered: int = 0
    _number: int = 0

    def open(self, _settings: object, _device: object, begin: Callable[[], Session]) -> Carrier:
        """Return a new uplink to this hub."""
        self.sessions += 1
        return Carrier(self, begin())

    @property
    def key(self) -> VerifyingKey:
        """The key that signs for the device, by what it said of itself."""
        history = self.states[-1].key_history if self.states else ()
        return follow_history(derive_device_id(self.enrolled.spki), history) if history else self.enrolled

    def take(self, channel: Channel, raw: bytes) -> None:
        """Hear the device."""
        if channel is Channel.STATE:
            state, envelope = wire.read_state(raw)
            self.states.append(state)
            assert envelope.verified_by(Kind.STATE, self.key)
            self._receipt(state.nonce)
        elif channel is Channel.BLOCK:
            self._offered += 1
            if wire.read_block(raw)[0].seq == len(self.blocks):
                self.blocks.append(raw)
            self._receipt(b"")
        else:
            result, envelope = wire.read_result(raw)
            assert envelope.verified_by(Kind.RESULT, self.key)
            self.results.append(result)

    def _receipt(self, nonce: bytes) -> None:
        if self.carrier is None or not self.listens:
            return
        state = self.states[-1]
        assert state.epoch is not None
        receipt = Receipt(
            device=state.device,
            epoch=state.epoch,
            committed=len(self.blocks) - 1,
            safe=-1,
            committed_hash=hash_block(self.blocks[-1])[:16] if self.blocks else b"",
            selective=(),
            window=16,
            pace_ms=0,
            nonce=nonce,
            hub_at=1,
        )
        self.carrier.deliver(Channel.RECEIPT, wire.seal_receipt(receipt, HUB_KEY))

    def send(self, wanted: Order) -> int:
        """Send a command, and return its number."""
        assert self.carrier is not None
        self._number += 1
        device = derive_device_id(self.enrolled.spki)
        self.carrier.deliver(Channel.COMMAND, order(self._number, wanted, device=device, ttl_seconds=10**9))
        return self._number

    async def order(self, wanted: Order) -> Result:
        """Send a command and return its final result."""
        number = self.send(wanted)
        return await self.result(number)

    async def result(self, number: int) -> Result:
        """Wait for the final result of a command."""
        await until(lambda: bool(self._final(number)))
        return self._final(number)[0]

    def _final(self, number: int) -> list[Result]:
        finals = [result for result in self.results if result.status is not ResultStatus.RUNNING]
        return [result for result in finals if result.number == number]

    def log(self) -> list[Block]:
        """Return the blocks, each chained to the one before."""
        blocks = [wire.read_block(raw)[0] for raw in self.blocks]
        for before, block in zip(self.blocks, blocks[1:], strict=False):
            assert block.previous == hash_block(before)
        return blocks


async def until(condition: Callable[[], bool]) -> None:
    """Wait, bounded, for something to become true."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def working(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[FakeHub, ClockServer, AgentConfig]]:
    """Run agents on a simulated site, with time standing still after the first cycle; ends with a proper stop."""
    series = MeasuredSeries(
        starts_at=tuple(START_MS + n * STEP_MS for n in range(STEPS)), power=(1000,) * STEPS, decimals=0
    )
    (folder / "edge").mkdir()
    key = ensure_signing_key(folder / "edge" / "signing-key.pem")
    (folder / "hub-key.pem").write_bytes(HUB_KEY.public.to_pem())
    (folder / "command-key.pem").write_bytes(COMMAND_KEY.public.to_pem())
    hub = FakeHub(key.public)
    monkeypatch.setattr(custodian, "open_uplink", hub.open)
    clock = ClockServer(START_MS, START_MS + STEPS * STEP_MS)
    await clock.start()
    clock.pause()
    async with SimulatedSite(SYSTEMS, lambda _system: MeasuredSun(series, Decimal(1)), clock, folder) as site:
        path = folder / "edge.toml"
        site.write_config(path, uplink="mqtt://127.0.0.1:1", seal_seconds=3600, resend_seconds=1)
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("[hub]\n", '[hub]\ncommand_key = "command-key.pem"\n'), encoding="utf-8")
        stop = asyncio.Event()
        config = load_config(path)
        agents = asyncio.create_task(run_agents(config, await SimulatedClock.connect("127.0.0.1", clock.port), stop))
        try:
            await until(lambda: agents.done() or len(hub.states) > 0)
            yield hub, clock, config
        finally:
            stop.set()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await agents
    await clock.stop()


async def test_every_order_is_carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each operation has its effect once, is answered, and is told in the chain if it touches measurement."""
    async with working(tmp_path, monkeypatch) as (hub, clock, config):
        assert (await hub.order(AskState())).status is ResultStatus.DONE
        assert len(hub.states) == 2

        assert (await hub.order(Repoll(2))).status is ResultStatus.DONE
        assert (await hub.order(Repoll(9))).status is ResultStatus.REJECTED

        await until(lambda: len(hub.blocks) == 2)
        epoch = hub.states[-1].epoch
        assert epoch is not None
        offered = hub._offered
        again = await hub.order(Resend(epoch, 0, 5))
        assert (again.status, again.detail) == (
            ResultStatus.DONE,
            "2 of 6 blocks were held and are offered again",
        )
        assert hub._offered == offered + 2

        wrong = await hub.order(SetConfig({"interval_seconds": 300}, 5, 60))
        assert wrong.status is ResultStatus.REJECTED
        changed = await hub.order(SetConfig({"interval_seconds": 300}, 0, 60))
        assert (changed.status, changed.config_version) == (ResultStatus.DONE, 1)
        assert hub.states[-1].health["config_version"] == 1
        assert hub.states[-1].health["seal_seconds"] == 3_600
        assert hub.states[-1].health["memory_free_bytes"] > 0
        assert hub.sessions == 2

        before = hub.key
        rotated = await hub.order(RotateSigningKey())
        assert rotated.status is ResultStatus.DONE
        assert hub.key.key_id != before.key_id
        assert hub.sessions == 3

        assert (await hub.order(RestartAgent())).status is ResultStatus.DONE
        await until(lambda: hub.sessions == 4)

        clock.resume()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await clock.finished.wait()
        summary = read_journal_summary(config.journal_path)
    assert len({(result.number, result.status) for result in hub.results}) == 12
    edges = STEPS * STEP_MS // 300_000 + 1
    assert [meter.polls for meter in summary.meters] == [edges, edges + 1, edges, edges]
    assert load_author(config.key_path, config.journal_path).device == derive_device_id(hub.enrolled.spki)
    assert_chain(hub)


def assert_chain(hub: FakeHub) -> None:
    """Check what the chain says of all these orders, and who sealed it."""
    blocks = hub.log()
    frames = [frame for block in blocks for frame in block.frames]
    events = [frame for frame in frames if isinstance(frame, CommandEvent)]
    assert [(event.operation, event.outcome) for event in events] == [
        ("repoll", "done"),
        ("set-config", "accepted"),
        ("set-config", "done"),
        ("rotate-sign-key", "done"),
        ("restart-agent", "done"),
    ]
    assert not any(isinstance(frame, Gap) for frame in frames)
    readings = [frame for frame in frames if isinstance(frame, Readings) and frame.meter == 2]
    assert sum(len(frame.read_at) for frame in readings) >= 2
    [at] = [n for n, block in enumerate(blocks) if any(isinstance(frame, KeyEvent) for frame in block.frames)]
    signers = [wire.read_block(raw)[1].key_id for raw in hub.blocks]
    assert set(signers[: at + 1]) == {hub.enrolled.key_id}
    assert set(signers[at + 1 :]) == {hub.key.key_id}


async def test_a_change_that_silences_the_hub_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the hub falls silent under a new configuration, the old one returns by itself and polling goes on."""
    async with working(tmp_path, monkeypatch) as (hub, clock, config):
        hub.listens = False
        number = hub.send(SetConfig({"keep_alive_seconds": 1200}, 0, 2))
        await until(lambda: hub.sessions == 2)
        assert read_configuration(config.journal_path).version == 1
        assert hub.states[-1].health["config_version"] == 1
        await until(lambda: hub.sessions == 3)
        hub.listens = True
        result = await hub.result(number)
        assert (result.status, result.config_version) == (ResultStatus.FAILED, 0)
        assert hub.states[-1].health["config_version"] == 0
        clock.resume()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await clock.finished.wait()
        summary = read_journal_summary(config.journal_path)
    assert [meter.polls for meter in summary.meters] == [STEPS + 1] * len(SYSTEMS)
