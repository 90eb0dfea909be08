"""A machine that boots offline with the time of its last shutdown: the hub's months are as if it had known better."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from edge.agent import Agent
from edge.config import load_config
from edge.journal import read_export
from edge.keys import ensure_signing_key, public_pem
from hub.rules.periods import parse_month
from hub.services.accept_blocks import Arrival, accept_blocks
from hub.services.compute_production import compute_month
from hub.services.open_hub import open_hub
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from protocol.identity import derive_device_id, format_device_id
from protocol.messages import Instant, TimeQuality
from simulators.clock import ClockServer, SimulatedClock
from simulators.measured import STEP_MS, MeasuredSeries
from simulators.site import SYSTEMS, SimulatedSite
from simulators.sunshine import MeasuredSun
from tests.hub.making import NOW, TERMS, fetch

if TYPE_CHECKING:
    from pathlib import Path

    from edge.clock import Clock

HOUR_MS = 3_600_000
JULY, AUGUST = parse_month("2016-07"), parse_month("2016-08")
BOOTS_AT = JULY.ends_at - 2 * HOUR_MS
SET_AT = BOOTS_AT + 4 * HOUR_MS + 300_000
"""NTP answers four hours and five minutes after the boot, in the middle of an interval and in another month."""
BEHIND_MS = 9 * HOUR_MS
STEPS = 28
SYSTEM = SYSTEMS[0]


@dataclass
class UnsetClock:
    """A clock that is behind by `behind_ms` until `set_at` (true UTC ms), and knows nothing of it."""

    true: SimulatedClock
    behind_ms: int
    set_at: int

    def __post_init__(self) -> None:
        """Boot as the true clock did."""
        self.boot_id, self.kernel_boot_id = self.true.boot_id, self.true.kernel_boot_id

    def now(self) -> Instant:
        """Return what the machine shows."""
        now = self.true.now()
        if now.wall_ms >= self.set_at:
            return Instant(now.wall_ms, now.boottime_ms, TimeQuality.SYNCHRONISED)
        return Instant(now.wall_ms - self.behind_ms, now.boottime_ms, TimeQuality.UNKNOWN)

    async def sleep_until(self, wall_ms: int) -> None:
        """Wake up at the instant that the machine shows then, or when it is set."""
        is_set = self.true.now().wall_ms >= self.set_at
        await self.true.sleep_until(wall_ms if is_set else min(wall_ms + self.behind_ms, self.set_at))


@dataclass(frozen=True)
class Shown:
    """What the hub shows of a run: months in Wh, their findings, instants of placed readings, and how many gaps."""

    july_wh: int | None
    august_wh: int | None
    findings: tuple[str, ...]
    placed: tuple[int, ...]
    gaps: int


async def run(folder: Path, behind_ms: int) -> Shown:
    """Run a device over the month's edge, with a clock that is behind, and give its log to a hub."""
    folder.mkdir()
    series = MeasuredSeries(
        starts_at=tuple(BOOTS_AT + n * STEP_MS for n in range(STEPS)), power=(1000,) * STEPS, decimals=0
    )
    (folder / "edge").mkdir()
    key = ensure_signing_key(folder / "edge" / "signing-key.pem")
    (folder / "hub-key.pem").write_bytes(public_pem(key))
    server = ClockServer(BOOTS_AT, BOOTS_AT + STEPS * STEP_MS)
    await server.start()
    async with SimulatedSite(SYSTEMS, lambda _system: MeasuredSun(series, Decimal(1)), server, folder) as site:
        site.write_config(folder / "edge.toml", uplink="mqtt://127.0.0.1:1", seal_seconds=3600, resend_seconds=1)
        true = await SimulatedClock.connect("127.0.0.1", server.port)
        clock: Clock = UnsetClock(true, behind_ms, SET_AT)
        stop = asyncio.Event()
        agent = asyncio.create_task(Agent(load_config(folder / "edge.toml"), clock, stop).run())
        async with asyncio.timeout(60):
            await server.finished.wait()
            stop.set()
            await agent
    await server.stop()
    return show(folder, public_pem(key), format_device_id(derive_device_id(key.spki)))


def show(folder: Path, pem: bytes, device: str) -> Shown:
    """Give the log in a folder to a hub that knows its device, and return what that shows."""
    hub = open_hub(folder / "hub", new_timeline=b"timeline", at=NOW)
    try:
        identity = register_device(hub, pem, "", NOW).id
        register_system(hub, SYSTEM.pts_id, "", "100", NOW)
        register_meter(hub, MeterRequest(SYSTEM.pts_id, device, SYSTEM.serial), NOW)
        blocks = read_export(folder / "edge" / "journal.db", everything=True).blocks
        accept_blocks(hub, [Arrival(identity, raw) for raw in blocks], TERMS, NOW)
        with hub.read() as connection:
            july, august = (compute_month(connection, SYSTEM.pts_id, month) for month in (JULY, AUGUST))
        rows = fetch(hub, "SELECT DISTINCT read_at FROM reading WHERE poll_status & 16 ORDER BY read_at")
        return Shown(
            july_wh=july.production.production_wh,
            august_wh=august.production.production_wh,
            findings=tuple(str(one.kind) for month in (july, august) for one in month.meters[0].production.findings),
            placed=tuple(int(str(at)) for (at,) in rows),
            gaps=len(fetch(hub, "SELECT * FROM gap")),
        )
    finally:
        hub.close()


async def test_a_month_s_energy_is_where_it_was_made_whatever_the_clock_showed(tmp_path: Path) -> None:
    """Months, their energy and instants are those of a device whose clock was right; what was placed says so."""
    right, behind = await run(tmp_path / "right", 0), await run(tmp_path / "behind", BEHIND_MS)
    assert right.july_wh == 2 * 1000
    assert (behind.july_wh, behind.august_wh) == (right.july_wh, right.august_wh)
    assert (right.findings, right.placed, right.gaps) == ((), (), 0)
    assert set(behind.findings) == {"time_placed"}
    assert behind.gaps == 0
    assert behind.placed == tuple(range(BOOTS_AT, SET_AT, STEP_MS))
