"""What the service manager is told and when: readiness, the last committed cycle, and food for the watchdog."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import asynccontextmanager, closing, contextmanager
from typing import TYPE_CHECKING

import edge.polling
from edge.agent import Agent
from edge.config import load_config
from edge.journal import Journal, JournalUnavailableError
from edge.keys import ensure_signing_key, public_pem
from edge.metering.schedule import grace_ms
from edge.notify import ServiceManager, watchdog_ms
from simulators.clock import ClockServer, SimulatedClock
from simulators.site import SYSTEMS, SimulatedSite
from tests.simulators.steady import SteadySun

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from pathlib import Path

    import pytest

START_MS = 1_467_356_400_000
QUARTER_MS = 900_000
HOUR_MS = 3_600_000


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """Play the service manager."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as channel:
        channel.bind(str(path))
        channel.settimeout(0)
        yield channel


def heard(channel: socket.socket) -> list[list[str]]:
    """Return the messages that came, each as its lines."""
    messages = []
    while True:
        try:
            messages.append(channel.recv(4096).decode().splitlines())
        except BlockingIOError:
            return messages


def watched(path: Path) -> dict[str, str]:
    """Return the environment of a service whose watchdog is on."""
    return {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "600000000", "WATCHDOG_PID": str(os.getpid())}


@asynccontextmanager
async def running(
    folder: Path, environment: Mapping[str, str], cycles: int
) -> AsyncIterator[tuple[Agent, ClockServer]]:
    """Run an agent over a simulated site; time stands still before the first cycle until `resume`."""
    (folder / "edge").mkdir()
    (folder / "hub-key.pem").write_bytes(public_pem(ensure_signing_key(folder / "edge" / "signing-key.pem")))
    clock = ClockServer(START_MS, START_MS + cycles * QUARTER_MS)
    clock.pause()
    await clock.start()
    async with SimulatedSite(SYSTEMS, lambda _system: SteadySun(1000), clock, folder) as site:
        site.write_config(folder / "edge.toml", uplink="mqtt://127.0.0.1:1", seal_seconds=3600, resend_seconds=1)
        stop = asyncio.Event()
        simulated = await SimulatedClock.connect("127.0.0.1", clock.port)
        agent = Agent(load_config(folder / "edge.toml"), simulated, stop, ServiceManager(environment))
        task = asyncio.create_task(agent.run())
        try:
            yield agent, clock
        finally:
            stop.set()
            async with asyncio.timeout(20):
                await task
    await clock.stop()


async def test_each_committed_cycle_feeds_the_watchdog_and_nothing_else_does(tmp_path: Path) -> None:
    """Ready once, then one meal for each cycle in the journal, with its story as the status; at the end a farewell."""
    with listening(tmp_path / "notify") as channel:
        async with running(tmp_path, watched(tmp_path / "notify"), cycles=6) as (agent, clock):
            clock.resume()
            async with asyncio.timeout(20):
                await clock.finished.wait()
            polls = agent._journal.db.execute("select min(polls), max(polls) from meter").fetchone()
        ready, *fed, farewell = heard(channel)
    assert polls == (7, 7)
    assert ready == ["READY=1", "STATUS=reading 4 meters", "WATCHDOG_USEC=2250000000"]
    assert [message[0] for message in fed] == ["WATCHDOG=1"] * 7
    assert fed[0] == ["WATCHDOG=1", "STATUS=4 of 4 meters read at 2016-07-01 07:00 UTC"]
    assert farewell[0] == "STOPPING=1"


async def test_a_journal_that_takes_nothing_starves_the_watchdog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cycle that is polled but not committed gives no meal, however often it is tried: only the commit does."""
    monkeypatch.setattr(edge.polling, "JOURNAL_RETRY_SECONDS", 1)
    tried = 0
    true_record = Journal.record

    def record(journal: Journal, edge_at: int, *rest: object, **options: object) -> None:
        nonlocal tried
        tried += 1
        if tried <= 3:
            message = "the disk is full"
            raise JournalUnavailableError(message)
        true_record(journal, edge_at, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Journal, "record", record)
    with listening(tmp_path / "notify") as channel:
        async with running(tmp_path, watched(tmp_path / "notify"), cycles=1) as (_, clock):
            clock.resume()
            async with asyncio.timeout(20):
                await clock.finished.wait()
        messages = heard(channel)
    assert tried == 5
    assert sum(message[0] == "WATCHDOG=1" for message in messages) == 2


def test_the_watchdog_outlasts_any_honest_cycle() -> None:
    """It waits for an interval, its grace, and a cycle as long as an interval, whatever the interval."""
    for interval_ms in (1000, 60_000, QUARTER_MS, HOUR_MS):
        assert watchdog_ms(interval_ms) == interval_ms + grace_ms(interval_ms) + interval_ms


def test_another_rhythm_is_said_once(tmp_path: Path) -> None:
    """When a full disk leaves only the hours, the manager learns how long to wait, once; and again when it is over."""
    with listening(tmp_path / "notify") as channel:
        manager = ServiceManager(watched(tmp_path / "notify"))
        manager.ready("reading", QUARTER_MS)
        for _ in range(3):
            manager.expect("full", HOUR_MS)
        manager.committed("read", HOUR_MS)
        manager.committed("read", QUARTER_MS)
        said = [line for message in heard(channel) for line in message if line.startswith("WATCHDOG_USEC")]
    assert said == ["WATCHDOG_USEC=2250000000", "WATCHDOG_USEC=9000000000", "WATCHDOG_USEC=2250000000"]


def test_nobody_has_to_listen(tmp_path: Path) -> None:
    """Without a manager, with one that is gone, and with a watchdog meant for another process, nothing goes wrong."""
    ServiceManager({}).ready("reading", QUARTER_MS)
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).stopping()
    with listening(tmp_path / "notify") as channel:
        ServiceManager(watched(tmp_path / "notify") | {"WATCHDOG_PID": "1"}).ready("reading", QUARTER_MS)
        assert heard(channel) == [["READY=1", "STATUS=reading"]]


def test_an_abstract_address_is_understood() -> None:
    """A manager may listen at an abstract address, which its variable begins with an at sign."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as channel:
        name = f"meterline-{os.getpid()}"
        channel.bind(f"\0{name}")
        channel.settimeout(0)
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).stopping()
        assert heard(channel)[0][0] == "STOPPING=1"
