"""What `meter-edge status` finds: how each meter does, what the hub lacks, one sentence for what is not well."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from edge.author import load_author
from edge.checkup import Checkup, MeterState, check_up, spell_age
from edge.cli import app, status
from edge.config import AgentConfig, load_config
from edge.health import Health, HealthWatch, LookSummary
from edge.journal import open_journal
from edge.keys import ensure_signing_key
from edge.metering.tally import BusTally
from protocol import wire
from protocol.cose import SigningKey
from protocol.custody.sender import RetryPolicy
from protocol.identity import format_device_id
from protocol.messages import Instant, Receipt, TimeQuality
from tests.edge.making import AUTHOR, BOOT, MINUTE_MS, START_MS, draw, failed, good, instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge.journal import Journal

HUB_KEY = SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
QUARTER_MS = 15 * MINUTE_MS
METER = """
[[meter]]
number = {number}
name = "Roof {number}"
bus = "line"
unit = {number}
profile = "ccs.wattnode-modbus"
generated = "energy_in_nr"
"""
CONFIG = """
[device]
state_dir = "state"
[hub]
broker = "mqtt://127.0.0.1:1"
receipt_key = "hub-key.pem"
[[bus]]
name = "line"
kind = "rtu"
port = "/dev/ttyUSB0"
"""


@pytest.fixture
def config(tmp_path: Path) -> AgentConfig:
    """Return the configuration of a device with two meters and its hub's key."""
    ensure_signing_key(tmp_path / "state" / "signing-key.pem")
    (tmp_path / "hub-key.pem").write_bytes(HUB_KEY.public.to_pem())
    file = tmp_path / "edge.toml"
    file.write_text(CONFIG + METER.format(number=1) + METER.format(number=2), encoding="utf-8")
    return load_config(file)


@pytest.fixture
def journal(config: AgentConfig) -> Iterator[Journal]:
    """Hold the journal of that device, as a running agent does."""
    with closing(open_journal(config.journal_path, AUTHOR, BOOT, instant(0), draw)) as held:
        yield held


def at(minute: int) -> Instant:
    """Return an instant so many minutes after the start, for a look."""
    return instant(minute)


def poll(journal: Journal, minute: int, *, second_fails: bool = False) -> None:
    """Poll both meters at an interval edge and seal what came."""
    second = failed(2, minute) if second_fails else good(2, minute, 7)
    journal.record(START_MS + minute * MINUTE_MS, [good(1, minute, 123_456 + minute), second], QUARTER_MS)
    journal.seal(instant(minute))


def states(found: Checkup) -> list[MeterState]:
    """Return the meters' states in the order of the configuration."""
    return [meter.state for meter in found.meters]


def test_a_device_that_does_well_needs_no_attention(config: AgentConfig, journal: Journal) -> None:
    """With its agent running and readings fresh nothing is complained of, and energy is exact by the descriptor."""
    poll(journal, 0)
    receipt = Receipt(AUTHOR.device, journal.epoch, -1, -1, b"", (), 16, 0, b"", hub_at=START_MS + 1234)
    journal.acknowledge(journal.sender(RetryPolicy()), wire.seal_receipt(receipt, HUB_KEY))
    found = check_up(config, at(1))
    assert found.attention == ()
    assert found.is_running
    assert states(found) == [MeterState.GOOD] * 2
    assert [str(meter.energy_kwh["generated"]) for meter in found.meters] == ["12345.600", "0.700"]
    assert found.hub_heard_at == START_MS + 1234
    assert found.next_edge_at == START_MS + QUARTER_MS
    assert (found.standing.backlog_blocks, found.standing.backlog_since) == (2, START_MS)


def test_each_thing_that_is_not_well_is_one_sentence(config: AgentConfig, journal: Journal) -> None:
    """A failing meter, a hub that hears nothing, a full disk, a clock nobody steers: each is named with its age."""
    poll(journal, 0)
    for minute in range(15, 300, 15):
        poll(journal, minute, second_fails=True)
    journal.skip_from(START_MS + 290 * MINUTE_MS)
    found = check_up(config, replace(at(300), quality=TimeQuality.UNKNOWN))
    assert states(found) == [MeterState.GOOD, MeterState.FAILING]
    failing, lacking, full, unsteered = found.attention
    assert failing == "meter 2 (Roof 2) gave its last reading 5 h ago: timeout since"
    assert lacking.startswith("the hub lacks 21 blocks, the oldest for 5 h")
    assert full == "the disk is full and polls are left out for 10 min"
    assert "time server" in unsteered


def test_a_silent_agent_is_noticed(config: AgentConfig, journal: Journal) -> None:
    """Readings older than the watchdog's patience are overdue, also while an agent holds the journal."""
    poll(journal, 0)
    patience = 15 * 5 // 2
    assert states(check_up(config, at(patience))) == [MeterState.GOOD] * 2
    found = check_up(config, at(patience + 1))
    assert states(found) == [MeterState.OVERDUE] * 2
    assert found.attention[0] == "meter 1 (Roof 1) was read 38 min ago, and not since"


def test_an_agent_that_ended_is_named_first(config: AgentConfig, journal: Journal) -> None:
    """Without an owner of the journal the first sentence says how to start one; a look never becomes the owner."""
    poll(journal, 0)
    journal.close()
    found = check_up(config, at(1))
    assert not found.is_running
    assert found.attention == ("no agent is running: start it with `systemctl start meter-edge`",)
    with closing(open_journal(config.journal_path, AUTHOR, BOOT, instant(2), draw)):
        assert check_up(config, at(2)).is_running


def test_meters_without_a_reading_are_told_apart(config: AgentConfig, journal: Journal) -> None:
    """One that was never polled and one that failed at every poll are both never read, and are said so."""
    journal.record(START_MS, [failed(1, 0)], QUARTER_MS)
    found = check_up(config, at(1))
    assert states(found) == [MeterState.NEVER_READ] * 2
    assert found.attention == (
        "meter 1 (Roof 1) never gave a reading: timeout, 1 times",
        "meter 2 (Roof 2) was never polled",
    )


def test_what_the_agent_shows_between_edges_goes_along(config: AgentConfig, journal: Journal) -> None:
    """Looks and buses are those of the running agent; the sentence of a failing meter says why, as the agent does."""
    poll(journal, 0, second_fails=True)
    looks = LookSummary(START_MS, "not-connected", "there is no port", failures=1, looks=1, counts={}, power_w=None)
    health = Health({2: looks}, {"line": BusTally(requests=1, timeouts=1)})
    found = check_up(config, at(1), health)
    assert [meter.looks for meter in found.meters] == [None, looks]
    assert found.buses == health.buses
    assert found.attention == ("meter 2 (Roof 2) never gave a reading: timeout, 1 times; there is no port",)
    journal.close()
    found = check_up(config, at(1), health)
    assert ([meter.looks for meter in found.meters], found.buses) == ([None, None], {})


def test_a_hub_without_its_key_was_never_heard(config: AgentConfig, journal: Journal) -> None:
    """A receipt that cannot be verified here tells nothing."""
    poll(journal, 0)
    stranger = Receipt(AUTHOR.device, journal.epoch, -1, -1, b"", (), 16, 0, b"", hub_at=START_MS)
    journal.acknowledge(journal.sender(RetryPolicy()), wire.seal_receipt(stranger, AUTHOR.key))
    assert check_up(config, at(1)).hub_heard_at is None
    config.hub_key.unlink()
    assert check_up(config, at(1)).hub_heard_at is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_799, "47 h"),
        (172_800, "2 days"),
    ],
)
def test_ages_have_a_unit_that_suits_them(seconds: int, words: str) -> None:
    """A unit changes when two of the next are full, and nothing is rounded up."""
    assert spell_age(seconds * 1000) == words


def test_the_command_shows_what_was_found(
    config: AgentConfig, journal: Journal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """People get tables and the sentences, machines the documented keys, both the exit code that tells them apart."""
    poll(journal, 0)

    class Then:
        """A clock that shows the minute after."""

        def now(self) -> Instant:
            """Return it."""
            return at(1)

    monkeypatch.setattr(status, "SystemClock", Then)
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    device = format_device_id(load_author(config.key_path, config.journal_path).device)
    tally = BusTally(requests=1000, replies=999, timeouts=1, delay_ms=33_000, delay_ms_max=48)
    watch = HealthWatch(MINUTE_MS, tmp_path, device, lambda: {"[line]": tally})
    watch.take([good(1, 0, 123_456), failed(2, 0)], 100)
    runner = CliRunner()
    shown = runner.invoke(app, ["status", "--config", str(config.path), "--json"])
    answer = json.loads(shown.stdout)
    assert shown.exit_code == 0
    documented = {word for line in (status.__doc__ or "").splitlines() if line[:4].isspace() for word in _keys(line)}
    assert answer.keys() == documented
    assert answer["meters"][0]["energy_kwh"] == {"generated": "12345.600"}
    looks, bus = answer["meters"][1]["looks"], answer["buses"][0]
    assert (looks["cause"], looks["failures"], looks["looks"]) == ("timeout", 1, 1)
    assert (bus["bus"], bus["quality_permille"], bus["delay_ms_mean"]) == ("[line]", 999, 33)
    people = runner.invoke(app, ["status", "--config", str(config.path)], env={"COLUMNS": "80"})
    assert people.exit_code == 0
    assert "12,345.6" in people.stdout
    assert "0 of 1" in people.stdout
    assert "[line] 99.9 %" in people.stdout
    assert "…" not in people.stdout
    assert "all is well" in people.stdout
    journal.close()
    assert runner.invoke(app, ["status", "--config", str(config.path)]).exit_code == 1


def _keys(line: str) -> list[str]:
    """Return the keys at the beginning of a line of the command's documentation; none in a line that goes on."""
    names = line.strip().split("  ")[0]
    return [] if line.startswith(" " * 8) else names.split(", ")
