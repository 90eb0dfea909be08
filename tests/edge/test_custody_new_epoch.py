"""`meter-edge new-epoch`: a person ends an epoch, and what the hub does not hold safely is sealed again."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from edge.author import load_author
from edge.cli import app
from edge.journal import JournalError, open_journal
from edge.keys import ensure_signing_key
from tests.edge.making import BOOT, MINUTE_MS, drawing, good, instant

if TYPE_CHECKING:
    from typer.testing import Result

    from edge.journal import Journal

EXAMPLE = Path(__file__).parents[2] / "deploy" / "meter-edge.example.toml"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return the configuration of a device that has a key and nothing else."""
    path = tmp_path / "edge.toml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8").replace("/var/lib/meter-edge", "state"), encoding="utf-8")
    ensure_signing_key(tmp_path / "state" / "signing-key.pem")
    return path


def open_log(config: Path) -> Journal:
    """Open the device's journal."""
    state = config.parent / "state"
    author = load_author(state / "signing-key.pem", state / "journal.db")
    return open_journal(state / "journal.db", author, BOOT, instant(0), drawing())


def run(config: Path, *arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(app, ["new-epoch", "--config", str(config), *arguments])


def test_an_epoch_is_ended_by_hand(config: Path) -> None:
    """The command names both epochs and what it sealed again, and the agent goes on in the new one."""
    with closing(open_log(config)) as journal:
        journal.record(instant(1).wall_ms, [good(1, 1, 1)], MINUTE_MS)
        journal.seal(instant(1))
        old = journal.epoch
    done = run(config, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.output)
    assert (said["predecessor"], said["sealed_again"]) == (old.hex(), 1)
    with closing(open_log(config)) as journal:
        assert journal.epoch.hex() == said["epoch"]
        assert journal.db.execute("select count(*) from epoch").fetchone() == (2,)
    assert "1 blocks above that are sealed again" in run(config).output


def test_it_takes_a_journal_that_nobody_else_has(config: Path) -> None:
    """Without a journal there is nothing to end, and a running agent is not disturbed; neither leaves a trace."""
    assert "there is no journal" in str(run(config).exception)
    assert not (config.parent / "state" / "journal.db").exists()
    with closing(open_log(config)) as journal:
        refused = run(config)
        assert isinstance(refused.exception, JournalError)
        assert "another agent is running" in str(refused.exception)
        assert journal.db.execute("select count(*) from epoch").fetchone() == (1,)
