"""Custody by stick: a site without a network loses nothing, counts nothing twice, and can be verified by anyone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

import edge.cli
import hub.cli
from edge.author import load_author
from edge.journal import open_journal, read_journal_summary
from edge.keys import ensure_signing_key
from protocol import verify
from protocol.messages import GenesisReason
from tests.edge.making import BOOT, MINUTE_MS, drawing, good, instant

if TYPE_CHECKING:
    from pathlib import Path

    import typer

    from edge.journal import Journal

SYSTEM = "SLF-AB1234-00001"
CONFIG = """
[device]
state_dir = "state"
interval_seconds = 60
seal_seconds = 60
[hub]
broker = "mqtt://127.0.0.1:1"
receipt_key = "hub-key.pem"
[[bus]]
name = "lan"
kind = "tcp"
host = "127.0.0.1"
[[meter]]
number = 0
name = "barn"
bus = "lan"
profile = "sunspec.meter-203"
generated = "energy_export"
"""


class Site:
    """A device and a hub that share nothing but files."""

    def __init__(self, folder: Path) -> None:
        self.state, self.data, self.stick = folder / "state", folder / "hub", folder / "stick.cbor"
        self.receipts, self.config = folder / "receipts.cbor", folder / "edge.toml"
        self.config.write_text(CONFIG, encoding="utf-8")
        key = ensure_signing_key(self.state / "signing-key.pem")
        public = folder / "device.pem"
        public.write_bytes(key.public.to_pem())
        (folder / "hub-key.pem").write_text(self.hub("key"), encoding="utf-8")
        self.hub("device", "add", "--key", public)
        self._draw = drawing()

    def journal(self, minute: int) -> Journal:
        """Open the device's journal as its agent does."""
        path = self.state / "journal.db"
        author = load_author(self.state / "signing-key.pem", path)
        return open_journal(path, author, BOOT, instant(minute), self._draw)

    def run_agent(self, minutes: range, *, starts_anew: bool = False) -> None:
        """Take and seal a reading a minute."""
        journal = self.journal(minutes.start)
        if starts_anew:
            journal.begin_epoch(GenesisReason.OPERATOR, instant(minutes.start), self._draw)
        for minute in minutes:
            journal.record(instant(minute).wall_ms, [good(0, minute, minute)], MINUTE_MS)
            journal.seal(instant(minute))
        journal.close()

    def hub(self, *arguments: object) -> str:
        """Run `meter-hub`."""
        return command(hub.cli.app, *arguments, "--data", self.data)

    def carry(self, *options: str) -> dict[str, object]:
        """Carry the stick to the hub and its receipts back; return what the hub said."""
        command(edge.cli.app, "export", self.stick, "--config", self.config, *options)
        said: dict[str, object] = json.loads(
            self.hub("import", self.stick, "--receipts", self.receipts, "--safe", "commit", "--json")
        )
        command(edge.cli.app, "take-receipts", self.receipts, "--config", self.config)
        return said


def command(app: typer.Typer, *arguments: object) -> str:
    """Run a command that must succeed and return what it printed."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a device that the hub knows."""
    return Site(tmp_path)


def test_a_stick_carries_custody_there_and_back(site: Site) -> None:
    """What the hub took is safe at the device afterwards; the next stick holds only what is new."""
    site.run_agent(range(1, 31))
    first = site.carry()
    summary = read_journal_summary(site.state / "journal.db")
    assert (summary.committed, summary.safe) == (summary.head, summary.head)
    assert first["new"] == summary.head + 1
    site.run_agent(range(31, 41))
    second = site.carry()
    assert (second["blocks"], second["new"], second["held"]) == (11, 10, 1)


def test_a_log_that_began_anew_is_whole_at_the_hub_and_for_an_auditor(site: Site) -> None:
    """What was sealed again counts once at the hub, and an export of everything is verified at every level."""
    site.run_agent(range(1, 31))
    site.run_agent(range(31, 41), starts_anew=True)
    site.carry("--all")
    command(hub.cli.app, "system", "add", SYSTEM, "--capacity-kw-dc", "7.5", "--data", site.data)
    (listed,) = json.loads(site.hub("meter", "list", "--json"))["meters"]
    assert listed["last_reading"]["raw"] == 40
    checked = json.loads(command(verify.app, site.stick, "--json"))
    assert (checked["verified"], checked["readings"], len(checked["epochs"])) == (True, 40, 2)
    assert [one for one in checked["findings"] if one["severity"] != "note"] == []
    name = listed["last_reading"]["name"]
    bundle = site.stick.with_name("bundle.cbor")
    site.hub("evidence", "--reading", name, "--out", bundle)
    assert "is borne out" in command(verify.app, bundle)
