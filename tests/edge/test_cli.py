"""`meter-edge` as a person uses it: each command's word, and each mistake's one sentence."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.author import load_author
from edge.clock import SystemClock
from edge.config import load_config
from edge.journal import CommandBook, JournalError, Trial, open_journal, read_journal_summary
from edge.keys import draft_signing_key, load_signing_key, public_pem
from edge.profiles import load_profile
from protocol.cose import SigningKey, VerifyingKey
from protocol.identity import derive_device_id, format_device_id
from protocol.key_statement import seal_key_statement
from simulators.bus import TcpBus
from simulators.meter import MeterSetup, SimulatedMeter
from tests.simulators.steady import SteadySun

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EXAMPLE = Path(__file__).parents[2] / "deploy" / "meter-edge.example.toml"
PATIENCE_SECONDS = 30


def meter_edge(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    command = [sys.executable, "-m", "edge", *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)


def refusal(*arguments: str | Path) -> str:
    """Run a command that must fail, and return its one sentence."""
    done = meter_edge(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    return sentence


def example(folder: Path, old: str = "", new: str = "") -> Path:
    """Write the example configuration, with `new` for `old`, and the hub's key that it names beside it."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    (folder / "hub-key.pem").write_bytes(SigningKey.from_private(key).public.to_pem())
    config = folder / "edge.toml"
    config.write_text(EXAMPLE.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return config


class RealTime:
    """Real time for simulated meters."""

    def __init__(self) -> None:
        self._clock = SystemClock()

    @property
    def now_ms(self) -> int:
        """This moment."""
        return self._clock.now().wall_ms


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Path]:
    """Write a configuration with one meter that answers and one behind a port that is not there."""
    profile = load_profile("sunspec.meter-203")
    meter = SimulatedMeter(profile, SteadySun(1000), MeterSetup(unit=1, serial="A1"))
    assert meter_edge("init", "--state-dir", folder / "state").returncode == 0
    (folder / "hub-key.pem").write_bytes(public_pem(load_signing_key(folder / "state" / "signing-key.pem")))
    async with TcpBus({1: meter}, RealTime()) as bus:
        config = folder / "edge.toml"
        config.write_text(
            f"""
[device]
state_dir = "state"
interval_seconds = 1
seal_seconds = 1
[hub]
broker = "mqtt://127.0.0.1:1"
receipt_key = "hub-key.pem"
[[bus]]
name = "lan"
kind = "tcp"
host = "127.0.0.1"
port = {bus.port}
[[bus]]
name = "line"
kind = "rtu"
port = "/dev/serial/by-id/not-there"
[[meter]]
number = 1
name = "good"
bus = "lan"
profile = "sunspec.meter-203"
generated = "energy_export"
[[meter]]
number = 2
name = "gone"
bus = "line"
profile = "ccs.wattnode-modbus"
generated = "energy_in_nr"
""",
            encoding="utf-8",
        )
        yield config


def test_init_makes_an_identity_once(tmp_path: Path) -> None:
    """A device's key is made with its public half beside it, private to its owner; a second time changes nothing."""
    done = meter_edge("init", "--state-dir", tmp_path / "state", "--json")
    answer = json.loads(done.stdout)
    key_path = tmp_path / "state" / "signing-key.pem"
    public = VerifyingKey.from_pem(Path(answer["public_key"]).read_bytes())
    assert Path(answer["public_key"]).name == f"{answer['device']}.pem"
    assert answer["device"] == format_device_id(derive_device_id(public.spki))
    assert key_path.stat().st_mode & 0o777 == 0o600
    before = key_path.read_bytes()
    Path(answer["public_key"]).unlink()
    assert json.loads(meter_edge("init", "--state-dir", tmp_path / "state", "--json").stdout) == answer
    assert Path(answer["public_key"]).exists()
    assert key_path.read_bytes() == before
    assert "cannot be written" in refusal("init", "--state-dir", key_path / "below-a-file")


def test_the_example_configuration_is_good(tmp_path: Path) -> None:
    """The file that the README points to is accepted as it stands, and `check` says what it means."""
    config = example(tmp_path)
    done = meter_edge("check", "--config", config, "--json")
    assert [meter["number"] for meter in json.loads(done.stdout)["meters"]] == [1, 2]
    assert "Barn roof" in meter_edge("check", "--config", config).stdout
    assert load_config(EXAMPLE).meters[0].serial == "351001"
    assert json.loads(done.stdout)["advice"] == []


def test_check_advises_against_a_port_that_may_be_another_tomorrow(tmp_path: Path) -> None:
    """A USB adapter named by its number is good, and `check` says what would be better."""
    config = example(tmp_path, "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A10001-if00-port0", "/dev/ttyUSB987")
    assert (
        "Better: bus 'rs485': /dev/ttyUSB987 may be another adapter" in meter_edge("check", "--config", config).stdout
    )


def test_missing_things_are_one_sentence_each(tmp_path: Path) -> None:
    """No configuration, no key, no hub key, no journal: each is named with the command that makes it."""
    assert "there is no configuration at" in refusal("run", "--config", tmp_path / "none.toml")
    config = tmp_path / "edge.toml"
    config.write_text(EXAMPLE.read_text(encoding="utf-8").replace("/var/lib/meter-edge", "state"), encoding="utf-8")
    assert "meter-edge init --state-dir" in refusal("run", "--config", config)
    assert meter_edge("init", "--state-dir", tmp_path / "state").returncode == 0
    assert "meter-hub key" in refusal("run", "--config", config)
    (tmp_path / "hub-key.pem").write_text("no key", encoding="utf-8")
    assert "hub-key.pem is not the public key of a hub" in refusal("run", "--config", config)
    assert "no journal at" in refusal("status", "--config", config)


def test_check_looks_into_the_files_that_are_named(tmp_path: Path) -> None:
    """Keys and certificates that the agent could not use are told before it runs: one sentence each, exit code 2."""
    config = example(tmp_path, "mqtt://broker.example:1883", "mqtts://broker.example")
    assert meter_edge("check", "--config", config).returncode == 0
    (tmp_path / "ca.pem").write_text("no certificate", encoding="utf-8")
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("[[bus]]", 'tls_ca = "ca.pem"\n[[bus]]', 1), encoding="utf-8")
    sentence = refusal("check", "--config", config)
    assert f"TLS cannot be used with tls_ca = {tmp_path / 'ca.pem'} (" in sentence
    assert "tls_key" not in sentence
    config.write_text(text.replace('# command_key = "hub', 'command_key = "hub'), encoding="utf-8")
    assert "`meter-hub key --command`" in refusal("check", "--config", config)
    (tmp_path / "hub-key.pem").write_text("no key", encoding="utf-8")
    assert "hub-key.pem is not the public key of a hub" in refusal("check", "--config", config)
    (tmp_path / "hub-key.pem").unlink()
    assert "`meter-hub key`" in refusal("check", "--config", config)


def test_what_the_hub_changed_is_shown(tmp_path: Path) -> None:
    """`check` and `status` name the version in force and what it changes; a rotated key is still the same device."""
    state = tmp_path / "state"
    device = json.loads(meter_edge("init", "--state-dir", state, "--json").stdout)
    enrolled = Path(device["public_key"]).read_bytes()
    config = example(tmp_path, "/var/lib/meter-edge", "state")
    file = json.loads(meter_edge("check", "--config", config, "--json").stdout)
    assert (file["config_version"], file["config_changes"], file["interval_seconds"]) == (0, {}, 900)
    clock = SystemClock()
    journal_path = state / "journal.db"
    author = load_author(state / "signing-key.pem", journal_path)
    journal = open_journal(journal_path, author, clock.boot_id, clock.now(), bytes)
    book = CommandBook(journal.db)
    book.try_configuration(7, {"interval_seconds": 300}, Trial(clock.kernel_boot_id, 1))
    draft = draft_signing_key(state / "signing-key.pem")
    book.add_key_statement(seal_key_statement(author.device, author.key, draft))
    journal.close()
    changed = json.loads(meter_edge("check", "--config", config, "--json").stdout)
    assert (changed["config_version"], changed["config_changes"]) == (1, {"interval_seconds": 300})
    assert changed["interval_seconds"] == 300
    sentence = "configuration 1 of command 7 is in force, on trial until the hub is heard: interval_seconds = 300"
    assert sentence in meter_edge("check", "--config", config).stdout
    assert sentence in meter_edge("status", "--config", config).stdout
    shown = json.loads(meter_edge("status", "--config", config, "--json").stdout)
    assert (shown["device"], shown["config_version"], shown["config_on_trial"]) == (device["device"], 1, True)
    assert json.loads(meter_edge("init", "--state-dir", state, "--json").stdout) == device
    assert Path(device["public_key"]).read_bytes() == enrolled


def test_profiles_are_listed_with_their_confidence() -> None:
    """An installer can see which meters are known and how surely."""
    known = json.loads(meter_edge("profiles", "--json").stdout)
    assert {"ccs.wattnode-modbus", "sunspec.meter-203", "eig.shark-100"} <= {profile["id"] for profile in known}
    assert all(profile["confidence"] in {"H", "M", "L"} for profile in known)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
async def test_the_agent_lives_on_the_machines_clock(tmp_path: Path, ending: signal.Signals) -> None:
    """Without hub or broker, and with one meter gone, polls are journaled each second; an end seals or keeps them."""
    async with site(tmp_path) as config:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge", "run", "--config", str(config)), stderr=asyncio.subprocess.PIPE
        )
        journal = tmp_path / "state" / "journal.db"
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    with suppress(JournalError):
                        meters = read_journal_summary(journal).meters
                        if meters and meters[0].polls >= 3:
                            break
                    await asyncio.sleep(0.1)
                process.send_signal(ending)
                _, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode == (0 if ending is signal.SIGTERM else -signal.SIGKILL), errors.decode()
        assert b"not-there" in errors
        assert b"Traceback" not in errors
    good, gone = read_journal_summary(journal).meters
    assert good.failures == 0
    assert good.polls >= 3
    assert gone.failures == gone.polls == good.polls
    assert gone.cause == "not-connected"
    if ending is signal.SIGTERM:
        assert read_journal_summary(journal).open_polls == 0
    shown = json.loads(meter_edge("status", "--config", config, "--json").stdout)
    assert shown["committed"] == -1
    assert [meter["name"] for meter in shown["meters"]] == ["good", "gone"]
    assert "not-connected" in meter_edge("status", "--config", config).stdout
