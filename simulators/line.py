"""The whole line on one machine: simulated site, broker, hub and edge, each program a process of its own.

The programs are the real ones. What is simulated is the sun, the meters and the clock that the edge lives by. Every
process can be killed and started again; each has its log in the work directory.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from edge.keys import ensure_signing_key, public_pem
from hub import clock as hub_clock
from hub.keys import ensure_receipt_key
from hub.services.open_hub import TIMELINE_LENGTH, open_hub
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from protocol.identity import format_device_id
from simulators.broker import start_broker
from simulators.clock import ClockServer
from simulators.errors import LineError
from simulators.ports import LOOPBACK, free_port, require_free
from simulators.site import SYSTEMS, SimulatedSite, SimulatedSystem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from simulators.broker import Broker, Carrier
    from simulators.clock import Pace
    from simulators.sunshine import Sun


class Program(StrEnum):
    """A program of the line; each is a process of its own."""

    BROKER = "broker"
    HUB = "hub"
    EDGE = "edge"


START_SECONDS = 60.0
STOP_SECONDS = 20.0
FETCH_SECONDS = 30.0
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePlan:
    """What to run: from when to when (UTC ms), how fast, under which sun, through which broker."""

    work_dir: Path
    start_ms: int
    end_ms: int
    pace: Pace
    sun_of: Callable[[SimulatedSystem], Sun]
    broker: Carrier = "auto"
    seal_seconds: int = 3600
    resend_seconds: int = 2
    hub_port: int = 0


class Line:
    """A context manager: inside it, everything runs. Raises LineError if a part does not start."""

    def __init__(self, plan: LinePlan) -> None:
        self.plan = plan
        self.clock = ClockServer(start_ms=plan.start_ms, end_ms=plan.end_ms, pace=plan.pace)
        self.site = SimulatedSite(SYSTEMS, plan.sun_of, self.clock, plan.work_dir)
        self.hub_port = plan.hub_port or free_port()
        self._broker: Broker | None = None
        self._processes: dict[Program, subprocess.Popen[bytes]] = {}
        self._stack = AsyncExitStack()

    @property
    def url(self) -> str:
        """The address of the hub's page."""
        return f"http://{LOOPBACK}:{self.hub_port}"

    @property
    def broker_kind(self) -> str:
        """Which broker carries the messages: "mosquitto" or "embedded", or "none"."""
        return self._broker.kind if self._broker else "none"

    @property
    def programs(self) -> tuple[Program, ...]:
        """The programs of this line."""
        return tuple(program for program in Program if program is not Program.BROKER or self._broker)

    @property
    def journal(self) -> Path:
        """The edge's journal."""
        return self.plan.work_dir / "edge" / "journal.db"

    @property
    def hub_database(self) -> Path:
        """The hub's database."""
        return self.plan.work_dir / "hub" / "hub.db"

    async def __aenter__(self) -> Self:
        """Register everything at the hub, then start broker, hub and edge; a failed start leaves nothing behind."""
        work_dir = self.plan.work_dir
        require_free(self.hub_port, "the hub's page", LineError)
        async with AsyncExitStack() as stack:
            (work_dir / "edge").mkdir(parents=True, exist_ok=True)
            await self.clock.start()
            stack.push_async_callback(self.clock.stop)
            await stack.enter_async_context(self.site)
            if self.plan.broker != "none":
                self._broker = await asyncio.to_thread(start_broker, self.plan.broker, free_port(), work_dir)
                stack.push_async_callback(asyncio.to_thread, self._broker.stop)
            await asyncio.to_thread(self._register)
            self.site.write_config(
                work_dir / "edge.toml",
                uplink=self._broker_url or self.url,
                seal_seconds=self.plan.seal_seconds,
                resend_seconds=self.plan.resend_seconds,
            )
            # Ended in the reverse order, so that the edge's last block still reaches the hub.
            for program in (Program.HUB, Program.EDGE):
                stack.push_async_callback(self.stop, program)
                await self.start(program)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything in order."""
        await self._stack.__aexit__(kind, error, trace)

    async def start(self, program: Program) -> None:
        """Start `program` (again), on the ports it had before."""
        if program is Program.BROKER:
            assert self._broker is not None, "this line has no broker"
            await asyncio.to_thread(self._broker.restart)
            return
        self.launch(program)
        await self._wait_for(program, self._is_hub_ready if program is Program.HUB else self._is_edge_ready)

    def launch(self, program: Program) -> None:
        """Start the hub or the edge, without waiting until it is ready."""
        command = self._hub_command() if program is Program.HUB else self._edge_command()
        with (self.plan.work_dir / f"{program}.log").open("ab") as log:
            # A session of its own: Ctrl-C in the terminal reaches only this process, which ends the others in order.
            self._processes[program] = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def kill(self, program: Program) -> None:
        """Kill `program` without warning (SIGKILL)."""
        if program is Program.BROKER:
            assert self._broker is not None, "this line has no broker"
            self._broker.kill()
            return
        process = self._processes.pop(program)
        process.kill()
        process.wait()

    async def stop(self, program: Program) -> None:
        """Ask `program` to end (SIGTERM) and wait for it; kill it only if it does not."""
        process = self._processes.pop(program, None)
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def check(self) -> None:
        """Raise LineError if the hub or the edge has ended by itself."""
        for program, process in self._processes.items():
            if (code := process.poll()) is not None:
                raise LineError(self._epitaph(program, code))

    def fetch_list(self, path: str, key: str) -> list[dict[str, object]]:
        """Return the list under `key` in the JSON object that the hub answers to a GET of `path`."""
        answer = json.loads(self._get(path))
        found: list[dict[str, object]] = answer[key]
        return found

    def _get(self, path: str, timeout_seconds: float = FETCH_SECONDS) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=timeout_seconds) as response:
            body: bytes = response.read()
            return body

    @property
    def _broker_url(self) -> str:
        """The broker's address, empty without one."""
        return f"mqtt://{LOOPBACK}:{self._broker.port}" if self._broker else ""

    def _hub_command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "hub", "serve", "--open", "--data", str(self.plan.work_dir / "hub")),
            *("--broker", self._broker_url or "none"),
            *("--listen", f"{LOOPBACK}:{self.hub_port}", "--safe", "commit"),
        ]

    def _edge_command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "simulators.edge_process"),
            *("--config", str(self.plan.work_dir / "edge.toml")),
            *("--clock", f"{LOOPBACK}:{self.clock.port}"),
        ]

    def _register(self) -> None:
        """Give the device its key, and introduce device, systems and meters at the hub, as its commands would."""
        edge_dir, hub_dir = self.plan.work_dir / "edge", self.plan.work_dir / "hub"
        device_key = ensure_signing_key(edge_dir / "signing-key.pem")
        hub_key = ensure_receipt_key(hub_dir)
        (self.plan.work_dir / "hub-key.pem").write_bytes(hub_key.public.to_pem())
        at = hub_clock.now_ms()
        with closing(open_hub(hub_dir, new_timeline=secrets.token_bytes(TIMELINE_LENGTH), at=at)) as database:
            device = register_device(database, public_pem(device_key), "Simulated site", at)
            for system in self.site.systems:
                register_system(database, system.pts_id, system.name, str(system.capacity_kw_dc), at)
                request = MeterRequest(system.pts_id, format_device_id(device.id), system.serial)
                register_meter(database, request, at)

    async def _wait_for(self, program: Program, is_ready: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await asyncio.to_thread(is_ready):
                    self.check()
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError as error:
            raise LineError(self._epitaph(program, None)) from error

    def _is_edge_ready(self) -> bool:
        return self.clock.is_used

    def _is_hub_ready(self) -> bool:
        try:
            self._get("/livez", timeout_seconds=1.0)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return True

    def _epitaph(self, program: Program, code: int | None) -> str:
        log = self.plan.work_dir / f"{program}.log"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        ended = f"ended by itself with exit code {code}" if code is not None else "did not get ready in time"
        return f"the {program} {ended}; the end of {log}: {' | '.join(lines[-3:]) or '(empty)'}"
