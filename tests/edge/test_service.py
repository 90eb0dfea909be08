"""`meter-edge run` as the service manager starts it: what it loads, how it ends, what it says when it cannot begin."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest

import edge
from benchmarks.edge_rig import UNIT, make_environment, unit_environment
from edge.__main__ import _is_plain_run
from edge.lean import POSTPONED, lean_imports
from edge.notify import watchdog_ms

ROOT = Path(edge.__file__).parents[1]
PATIENCE_SECONDS = 30
FOR_PEOPLE = ("typer", "rich", "pydantic", "markdown_it", "pygments", "shellingham", "tabulate")
NEVER_USED = (
    "click.core",
    "dateutil.parser._parser",
    "dateutil.tz",
    "email.message",
    "http.client",
    "importlib.metadata",
    "pymodbus.datastore.simulator",
    "pymodbus.simulator",
    "_random",
)
NOT_OURS = ("numpy", "pandas", "zipfile", "multiprocessing", "argparse")

LIST_LOADED = """
import json, sys
import edge.__main__
from edge.lean import lean_imports
with lean_imports():
    import edge.service
json.dump([name for name, module in sys.modules.items() if module], sys.stdout)
"""


def loaded_by_the_service(python: Path) -> set[str]:
    """Return the names of the modules that the service's way in has loaded."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [str(python), "-c", LIST_LOADED]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=PATIENCE_SECONDS, check=True)
    return set(json.loads(done.stdout))


def test_the_service_loads_nothing_that_only_people_need(tmp_path: Path) -> None:
    """On a device and in an environment with everything alike, no command line, tables or data frames come along."""
    for python in (make_environment(tmp_path / "device"), Path(sys.executable)):
        loaded = loaded_by_the_service(python)
        assert {"edge.agent", "sqlite_utils", "pymodbus.client", "paho.mqtt.client", "click"} <= loaded
        assert not loaded.intersection(FOR_PEOPLE + NEVER_USED + NOT_OURS)
        assert not [name for name in loaded if name.startswith(("hub", "simulators", "edge.cli"))]


def test_what_waits_is_loaded_when_it_is_used(tmp_path: Path) -> None:
    """A postponed module is complete at its first use, also for who imports a name from it, and is one module only."""
    code = f"""
import sys
from edge.lean import lean_imports
with lean_imports():
    import edge.service
assert {POSTPONED!r}[0] in sys.modules and "click.core" not in sys.modules
from click import Group
from urllib.request import urlopen
from dateutil.parser import parse
import click.core
assert click.core.Group is click.Group is Group and callable(urlopen) and parse("2026-11-03").month == 11
assert not hasattr(click, "__no_such_name__") and not hasattr(click, "no_such_name")
import locale, tokenize
assert locale.getlocale and tokenize.open
import sqlite_utils.recipes
assert sqlite_utils.recipes.parsedate("3 Nov 2026") == "2026-11-03"
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    python = make_environment(tmp_path / "device")
    subprocess.run([python, "-c", code], env=environment, timeout=PATIENCE_SECONDS, check=True)


def test_of_a_servers_parts_only_names_are_left(tmp_path: Path) -> None:
    """What pymodbus's messages name in annotations is a name, and says so to whoever would make one."""
    code = """
from edge.lean import lean_imports
with lean_imports():
    import edge.service
import pymodbus.datastore
assert not hasattr(pymodbus.datastore, "__no_such_name__")
try:
    pymodbus.datastore.ModbusServerContext()
except NotImplementedError as error:
    assert "pymodbus.datastore is not loaded in the agent" in str(error)
else:
    raise AssertionError
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    python = make_environment(tmp_path / "device")
    subprocess.run([python, "-c", code], env=environment, timeout=PATIENCE_SECONDS, check=True)


def test_sparing_imports_end_with_their_context() -> None:
    """Outside, importing is as it was."""
    before = list(sys.meta_path)
    with lean_imports():
        assert sys.meta_path[1:] == before
    assert sys.meta_path == before


@pytest.mark.parametrize(
    ("arguments", "is_plain"),
    [
        (["run"], True),
        (["run", "--config", "a.toml"], True),
        (["run", "-c", "a.toml"], True),
        (["run", "--help"], False),
        (["run", "--config"], False),
        (["run", "--config", "--help"], False),
        (["run", "a.toml"], False),
        (["status"], False),
        ([], False),
    ],
)
def test_only_a_plain_run_goes_past_the_command_line(arguments: list[str], is_plain: bool) -> None:  # noqa: FBT001 - a case
    """All that is not a plain `run` is judged by the command line, which knows the same command and its options."""
    assert _is_plain_run(arguments) is is_plain


def test_both_ways_in_refuse_alike(tmp_path: Path) -> None:
    """A missing configuration is the same one sentence and exit code from the service as from the command line."""
    answers = []
    for arguments in (["run", "--config", "none.toml"], ["run", "--config=none.toml"]):
        command = [sys.executable, "-m", "edge", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        answers.append((done.returncode, done.stdout, done.stderr))
    assert answers[0] == answers[1]
    assert answers[0][0] == 2
    assert "there is no configuration at none.toml" in answers[0][2]


def test_the_version_is_stated_once() -> None:
    """The agent's own word on its version is the distribution's."""
    assert edge.__version__ == version("meterline")


def test_a_stop_by_the_manager_is_graceful(tmp_path: Path) -> None:
    """SIGTERM ends a real service with exit code 0, after its farewell, and what was open is sealed."""
    config = _write_site(tmp_path)
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(PATIENCE_SECONDS)
        environment = {**os.environ, **unit_environment(), "PYTHONPATH": str(ROOT)}
        environment["NOTIFY_SOCKET"] = str(tmp_path / "notify")
        with (tmp_path / "log").open("wb") as log:
            command = [sys.executable, "-m", "edge", "run", "--config", str(config)]
            process = subprocess.Popen(command, env=environment, stderr=log)
        try:
            while b"WATCHDOG=1" not in channel.recv(4096):
                pass
            process.send_signal(signal.SIGTERM)
            while b"STOPPING=1" not in channel.recv(4096):
                pass
            assert process.wait(PATIENCE_SECONDS) == 0
        finally:
            process.kill()
            process.wait()
    status = [sys.executable, "-m", "edge", "status", "--config", str(config), "--json"]
    done = subprocess.run(status, env=environment, capture_output=True, timeout=PATIENCE_SECONDS, check=False)
    shown = json.loads(done.stdout)
    assert shown["open_polls"] == 0
    assert shown["head"] >= 1
    assert shown["meters"][0]["cause"] == "not-connected"


def _write_site(folder: Path) -> Path:
    """Write the configuration of a device whose only meter is behind a port that is not there."""
    command = [sys.executable, "-m", "edge", "init", "--state-dir", str(folder / "state"), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=PATIENCE_SECONDS, check=True)
    (folder / "hub-key.pem").write_bytes(Path(json.loads(done.stdout)["public_key"]).read_bytes())
    config = folder / "edge.toml"
    config.write_text(
        """
[device]
state_dir = "state"
interval_seconds = 1
seal_seconds = 3600
[hub]
broker = "mqtt://127.0.0.1:1"
receipt_key = "hub-key.pem"
[[bus]]
name = "line"
kind = "rtu"
port = "/dev/serial/by-id/not-there"
[[meter]]
number = 1
name = "gone"
bus = "line"
profile = "ccs.wattnode-modbus"
generated = "energy_in_nr"
""",
        encoding="utf-8",
    )
    return config


def test_the_unit_keeps_what_the_agent_counts_on() -> None:
    """The unit is of type notify, waits out a drain, lets the clock be asked, and says the watchdog's patience."""
    text = UNIT.read_text(encoding="utf-8")
    lines = set(text.splitlines())
    assert {"Type=notify", "NotifyAccess=main", "User=meter-edge", "WatchdogSec=10min"} <= lines
    assert "ExecStart=/opt/meter-edge/bin/meter-edge run" in lines
    assert "TimeoutStopSec=3min" in lines
    assert f"{watchdog_ms(900_000) / 60_000:g} minutes at 15" in text
    filters = [line for line in text.splitlines() if line.startswith("SystemCallFilter=")]
    assert "adjtimex" in filters[-1], "an agent whose clock call is refused is killed by the kernel"
