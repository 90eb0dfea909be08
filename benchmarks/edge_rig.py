"""The rig that the edge is measured on: the real agent as systemd starts it, eight meters, a broker behind TLS, a hub.

The agent runs in an environment that holds the packages of `requirements/edge.txt` and no others, linked from this one,
as `deploy/install-edge.sh` makes it on a device. All else (meters, broker, hub) lives in other processes.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import socket
import subprocess
import sys
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, distribution
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge.keys import ensure_signing_key, public_pem
from hub import clock as hub_clock
from hub.keys import ensure_receipt_key
from hub.services.open_hub import TIMELINE_LENGTH, open_hub
from hub.services.register_device import register_device
from simulators.broker import find_mosquitto
from simulators.ports import LOOPBACK, free_port
from simulators.site import RTU_BUS, SimulatedSite, SimulatedSystem
from simulators.sunshine import SeededSun

if TYPE_CHECKING:
    from types import TracebackType

    from simulators.bus import MeterClock

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "edge.txt"
UNIT = ROOT / "deploy" / "meter-edge.service"
DEBIAN_PYTHON = Path("/usr/bin/python3")
METERS = 8
PATIENCE_SECONDS = 150.0


def make_environment(folder: Path) -> Path:
    """Make an environment with the packages of the edge's lock file, linked from this one; return its Python."""
    # A device has Debian's build of Python; where it is here and reads the same byte code, it is what is measured.
    base = DEBIAN_PYTHON if _is_same_version(DEBIAN_PYTHON) else Path(sys.executable)
    subprocess.run([base, "-m", "venv", "--without-pip", "--symlinks", folder], check=True)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    locked = re.findall(r"^([A-Za-z0-9_.-]+)==", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    for name in (*locked, "meterline"):
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue  # locked for another platform
        for top in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            # Our own code comes from this folder, our version from its metadata.
            if name != "meterline" or top.endswith(".dist-info"):
                (site_packages / top).symlink_to(Path(str(found.locate_file(top))))
    return folder / "bin" / "python"


def _is_same_version(python: Path) -> bool:
    if not python.exists():
        return False
    tag = "import sys; print(sys.implementation.cache_tag)"
    done = subprocess.run([python, "-c", tag], capture_output=True, text=True, check=True)
    return done.stdout.strip() == sys.implementation.cache_tag


def unit_environment() -> dict[str, str]:
    """Return the variables that the unit sets for the agent."""
    lines = re.findall(r"^Environment=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(word.split("=", 1) for line in lines for word in line.split())


def make_systems() -> tuple[SimulatedSystem, ...]:
    """Return eight systems: four meters on a serial line, four on network ports, of three makes."""
    line = [_system(n, "ccs.wattnode-modbus", RTU_BUS, n) for n in range(1, 5)]
    kinds = ("sunspec.meter-203", "eig.shark-100") * 2
    return (*line, *(_system(n, profile, f"port-{n}", 1) for n, profile in enumerate(kinds, start=5)))


def _system(number: int, profile: str, bus: str, unit: int) -> SimulatedSystem:
    serial = f"00{351000 + number:08d}" if profile.startswith("eig") else f"{351000 + number}"
    return SimulatedSystem(f"SIM-PV{number:04d}-{number:05d}", f"Roof {number}", Decimal(1), profile, bus, unit, serial)


class Manager:
    """Plays the service manager: hears what the agent notifies, see sd_notify(3)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._channel.bind(str(path))
        self._channel.settimeout(0)

    async def hear(self, word: str) -> float:
        """Return the loop's time at which a message with this line has come."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while word not in (await loop.sock_recv(self._channel, 4096)).decode().splitlines():
                pass
        return loop.time()

    def close(self) -> None:
        """Stop listening."""
        self._channel.close()
        self.path.unlink()


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process holds in memory, bytes: resident, and its share of it where pages are shared."""

    rss: int
    pss: int


class AgentProcess:
    """A running agent, and what the kernel accounts to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._proc = Path("/proc") / str(process.pid)

    def memory(self) -> Memory:
        """Return its memory now, of smaps_rollup in proc(5)."""
        text = (self._proc / "smaps_rollup").read_text(encoding="utf-8")
        rss, pss = (int(match) << 10 for match in re.findall(r"^(?:Rss|Pss): +(\d+) kB$", text, re.MULTILINE))
        return Memory(rss, pss)

    def cpu_seconds(self) -> float:
        """Return the processor time it has used, of all its threads."""
        fields = (self._proc / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def written_bytes(self) -> int:
        """Return the bytes it caused to be sent to the storage layer, `write_bytes` of proc(5)."""
        text = (self._proc / "io").read_text(encoding="utf-8")
        return int(text.split("\nwrite_bytes: ")[1].split("\n")[0])

    async def stop(self) -> None:
        """Ask it to end (SIGTERM) and wait for it."""
        if self._process.returncode is None:
            self._process.terminate()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._process.wait()


def device_written_bytes(folder: Path) -> int | None:
    """Return the bytes that the block device under `folder` has taken from everybody; None if it does not say."""
    device = folder.stat().st_dev
    counters = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")
    if not counters.is_file():
        return None
    return int(counters.read_text(encoding="utf-8").split()[6]) * 512


class Rig:
    """A context manager: inside it, meters answer, a hub takes custody behind a broker with TLS, and agents can start.

    `clock` is the meters' time. Nothing here starts an agent by itself.
    """

    def __init__(self, folder: Path, clock: MeterClock, *, interval_seconds: int) -> None:
        self.folder = folder
        self.config = folder / "meter-edge.toml"
        self._interval_seconds = interval_seconds
        sun = SeededSun(seed=1, kilowatts=5, start_ms=clock.now_ms - 86_400_000)
        sun.energy_at(clock.now_ms)  # made now, so that the first meter to be asked is not late
        self._site = SimulatedSite(make_systems(), lambda _system: sun, clock, folder)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start meters, broker and hub."""
        async with AsyncExitStack() as stack:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.python = make_environment(self.folder / "environment")
            await stack.enter_async_context(self._site)
            plain, tls, page = free_port(), free_port(), free_port()
            make_certificate(self.folder)
            settings = self.folder / "mosquitto.conf"
            settings.write_text(_broker_settings(plain, tls, self.folder), encoding="utf-8")
            mosquitto = find_mosquitto()
            if mosquitto is None:
                message = "the edge is measured over TLS to Mosquitto: install the package mosquitto"
                raise RuntimeError(message)
            await self._launch(stack, mosquitto, "-c", str(settings), port=tls)
            self._register()
            hub = ("-m", "hub", "serve", "--data", str(self.folder / "hub"), "--safe", "commit")
            ports = ("--broker", f"mqtt://{LOOPBACK}:{plain}", "--listen", f"{LOOPBACK}:{page}")
            await self._launch(stack, sys.executable, *hub, *ports, port=page)
            self._write_config(tls)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything in the reverse order."""
        await self._stack.__aexit__(kind, error, trace)

    async def start_agent(self, manager: Manager, *command: str) -> AgentProcess:
        """Start an agent as the unit does; without a command it is `meter-edge run` under the machine's own clock."""
        command = command or ("-m", "edge", "run")
        environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "NOTIFY_SOCKET": str(manager.path),
            "WATCHDOG_USEC": "600000000",
            **unit_environment(),
        }
        with (self.folder / "agent.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                str(self.python), *command, "--config", str(self.config), stdout=log, stderr=log, env=environment
            )
        return AgentProcess(process)

    def forget(self) -> None:
        """Empty the agent's log, so that the next start is that of a new device with the same key."""
        for file in (self.folder / "edge").iterdir():
            if file.name != "signing-key.pem":
                file.unlink()

    async def _launch(self, stack: AsyncExitStack, *command: str, port: int) -> None:
        """Start a program and wait until it accepts connections."""
        with (self.folder / "programs.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, cwd=ROOT)
        stack.push_async_callback(AgentProcess(process).stop)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    _, writer = await asyncio.open_connection(LOOPBACK, port)
                except OSError:
                    await asyncio.sleep(0.1)
                    continue
                writer.close()
                return

    def _register(self) -> None:
        (self.folder / "edge").mkdir(exist_ok=True)
        key = ensure_signing_key(self.folder / "edge" / "signing-key.pem")
        receipts = ensure_receipt_key(self.folder / "hub")
        (self.folder / "hub-key.pem").write_bytes(receipts.public.to_pem())
        new_timeline = secrets.token_bytes(TIMELINE_LENGTH)
        at = hub_clock.now_ms()
        with closing(open_hub(self.folder / "hub", new_timeline=new_timeline, at=at)) as database:
            register_device(database, public_pem(key), "Bench", at)

    def _write_config(self, tls: int) -> None:
        url = f"mqtts://{LOOPBACK}:{tls}"
        self._site.write_config(self.config, uplink=url, seal_seconds=3600, resend_seconds=30)
        text = self.config.read_text(encoding="utf-8")
        text = text.replace("interval_seconds = 900", f"interval_seconds = {self._interval_seconds}")
        text = text.replace(f'"{url}"\n', f'"{url}"\ntls_ca = "tls.pem"\n')
        self.config.write_text(text, encoding="utf-8")


def make_certificate(folder: Path) -> None:
    """Write a self-signed certificate for the loopback, `tls.pem`, and its key, `tls-key.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    now = datetime.fromtimestamp(hub_clock.now_ms() // 1000, UTC)
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key(), serial_number=1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "tls.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "tls-key.pem").write_bytes(private)


def _broker_settings(plain: int, tls: int, folder: Path) -> str:
    return (
        f"user root\npersistence false\nallow_anonymous true\nlog_dest stderr\nlog_type error\n"
        f"listener {plain} {LOOPBACK}\n"
        f"listener {tls} {LOOPBACK}\ncertfile {folder / 'tls.pem'}\nkeyfile {folder / 'tls-key.pem'}\n"
    )
