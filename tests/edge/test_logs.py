"""What the agent says in its log: with journald's priorities, and never the same again and again."""

from __future__ import annotations

import io
import logging
import os
from typing import TYPE_CHECKING

import pytest

from edge.logs import KINDS_MAX, REPEAT_SECONDS, Restraint, ServiceFormatter, is_journal, set_up_logging

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAILED = "meter %d gave no reading: %s"


class Steady:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Return the seconds now."""
        return self.seconds


def say(restraint: Restraint, template: str, *about: object) -> str | None:
    """Return what comes of a sentence, None if it is kept back."""
    record = logging.LogRecord("edge.agent", logging.WARNING, "", 0, template, about, None)
    return record.getMessage() if restraint.filter(record) else None


def test_a_failure_that_goes_on_is_said_once_and_then_counted() -> None:
    """One sentence at first, one each half hour with the number of those kept back, whatever the note says."""
    steady = Steady()
    restraint = Restraint(steady)
    said = []
    for minute in range(0, 121, 15):
        steady.seconds = minute * 60.0
        said.append(say(restraint, FAILED, 3, "no reply" if minute % 2 else "not connected"))
    assert [sentence is not None for sentence in said] == [True, False] * 4 + [True]
    assert said[2] == "meter 3 gave no reading: not connected (and 1 times more in the last 30 min)"


def test_another_meter_is_another_matter() -> None:
    """The first failure of each meter is said at once, and so is another kind of sentence about the same meter."""
    restraint = Restraint(Steady())
    assert [say(restraint, FAILED, meter, "no reply") is None for meter in (1, 2, 1, 2)] == [False, False, True, True]
    assert say(restraint, "meter %d is another one", 1) == "meter 1 is another one"


def test_a_quiet_half_hour_leaves_nothing_to_add() -> None:
    """What was not repeated meanwhile is said as if for the first time."""
    steady = Steady()
    restraint = Restraint(steady)
    assert say(restraint, FAILED, 1, "x") == "meter 1 gave no reading: x"
    steady.seconds = REPEAT_SECONDS
    assert say(restraint, FAILED, 1, "x") == "meter 1 gave no reading: x"


def test_memory_of_what_was_said_is_bounded() -> None:
    """However many kinds there are, no more than a stated number is remembered, the latest."""
    restraint = Restraint(Steady())
    for meter in range(KINDS_MAX * 2):
        assert say(restraint, FAILED, meter, "x") is not None
    assert len(restraint._said) == KINDS_MAX
    assert say(restraint, FAILED, KINDS_MAX * 2 - 1, "x") is None


def test_every_line_carries_its_priority() -> None:
    """A record's lines, a traceback among them, each begin with the priority of its level."""
    formatter = ServiceFormatter("%(message)s")
    lines = {}
    for level in (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG):
        record = logging.LogRecord("edge", level, "", 0, "first\nsecond", (), None)
        lines[level] = formatter.format(record).splitlines()
    assert [said[0] for said in lines.values()] == ["<2>first", "<3>first", "<4>first", "<6>first", "<7>first"]
    assert lines[logging.INFO][1] == "<6>second"


@pytest.fixture
def _restored() -> Iterator[None]:
    """Give the root logger back as it was."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


@pytest.mark.usefixtures("_restored")
def test_priorities_are_for_journald_only(tmp_path: Path) -> None:
    """Where JOURNAL_STREAM names this very stream, lines are marked; a person's terminal and a file get words."""
    for is_read in (True, False):
        with (tmp_path / f"{is_read}.log").open("w+", encoding="utf-8") as stream:
            status = os.fstat(stream.fileno())
            name = f"{status.st_dev}:{status.st_ino}" if is_read else f"{status.st_dev}:{status.st_ino + 1}"
            set_up_logging(stream, {"JOURNAL_STREAM": name}, Steady())
            for _ in range(2):
                logging.getLogger("edge.agent").warning(FAILED, 1, "no reply")
            stream.seek(0)
            mark = "<4>" if is_read else "WARNING "
            assert stream.read() == f"{mark}edge.agent: meter 1 gave no reading: no reply\n"
    assert not is_journal(io.StringIO(), {"JOURNAL_STREAM": "1:1"})
