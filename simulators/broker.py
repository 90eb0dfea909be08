"""An MQTT broker for the simulation, as a program of its own on 127.0.0.1: Mosquitto where installed, else amqtt.

A real broker in a real process, so that it can be killed. It keeps nothing on disk and has its default limits: the
guarantees of custody must not depend on it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from simulators.errors import BrokerError
from simulators.ports import LOOPBACK, free_port, require_free

if TYPE_CHECKING:
    from types import TracebackType

BrokerChoice = Literal["auto", "mosquitto", "embedded"]
Carrier = Literal["auto", "mosquitto", "embedded", "none"]
"""What carries the messages of a line: a broker, or none, where the edge posts them to the hub."""

# Debian installs the program where only the administrator's PATH leads.
_SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
_START_SECONDS_MAX = 20.0
_STOP_SECONDS_MAX = 5.0
_LOOK_SECONDS = 0.02
_ROOT = Path(__file__).resolve().parent.parent


def find_mosquitto() -> str | None:
    """Return the path of the Mosquitto program, or None if it is not installed."""
    return shutil.which("mosquitto", path=os.pathsep.join((os.environ.get("PATH", ""), *_SYSTEM_FOLDERS)))


def start_broker(choice: BrokerChoice, port: int, work_dir: Path) -> Broker:
    """Return a broker that accepts connections on 127.0.0.1:`port` (0: a free one).

    Its settings and its log go to `work_dir`, which is made if missing.

    Raises BrokerError if "mosquitto" is asked for and missing, if the port is taken, or if the broker does not accept
    connections within 20 seconds.
    """
    mosquitto = None if choice == "embedded" else find_mosquitto()
    if mosquitto is None and choice == "mosquitto":
        message = "Mosquitto is not installed; install the package mosquitto or choose the embedded broker"
        raise BrokerError(message)
    port = port or free_port()
    # The program runs elsewhere, so a relative path would lead it astray.
    work_dir = work_dir.resolve()
    work_dir.mkdir(parents=True, exist_ok=True)
    if mosquitto is not None:
        settings = work_dir / "mosquitto.conf"
        settings.write_text(_mosquitto_settings(port), encoding="utf-8")
        command: tuple[str, ...] = (mosquitto, "-c", str(settings))
    else:
        command = (sys.executable, "-m", "simulators.embedded_broker", "--port", str(port))
    broker = Broker("embedded" if mosquitto is None else "mosquitto", port, command, work_dir / "broker.log")
    broker.start()
    return broker


def _mosquitto_settings(port: int) -> str:
    """Return the settings file; what it does not say has Mosquitto's default, see mosquitto.conf(5)."""
    return f"listener {port} {LOOPBACK}\nallow_anonymous true\npersistence false\nlog_dest stderr\nlog_type error\n"


class Broker:
    """A running broker: `kind` is "mosquitto" or "embedded". As a context manager it stops at the end."""

    def __init__(self, kind: Literal["mosquitto", "embedded"], port: int, command: tuple[str, ...], log: Path) -> None:
        self.kind = kind
        self.port = port
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the program is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the program and return when it accepts connections; nothing if it runs. Raises BrokerError."""
        if self.is_running:
            return
        require_free(self.port, "the broker", BrokerError)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
                self._command,
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in a terminal is for the program that started this one, which ends its parts in order.
                start_new_session=True,
            )
        try:
            self._wait_until_accepting(self._process)
        except BrokerError:
            self.kill()
            raise

    def stop(self) -> None:
        """Ask the program to end, and end it if it does not within 5 seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End the program at once, as a power cut would."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None

    def restart(self) -> None:
        """Start the program anew on the same port; what it knew is forgotten. Raises BrokerError."""
        self.stop()
        self.start()

    def _wait_until_accepting(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS_MAX
        while time.monotonic() < deadline:
            if process.poll() is not None:
                message = f"the {self.kind} broker ended with code {process.returncode} at its start; see {self._log}"
                raise BrokerError(message)
            try:
                socket.create_connection((LOOPBACK, self.port), timeout=_LOOK_SECONDS).close()
            except OSError:
                time.sleep(_LOOK_SECONDS)
            else:
                return
        message = f"the {self.kind} broker accepts no connection after {_START_SECONDS_MAX:.0f} s; see {self._log}"
        raise BrokerError(message)

    def __enter__(self) -> Self:
        """Return the running broker."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop it, whatever happened."""
        self.stop()
