"""The adapter asks the library for what counting needs, and says in one sentence what it cannot have."""

from __future__ import annotations

import errno
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import gpiod
import pytest
from gpiod.line import Bias, Clock, Direction, Edge, Value

from edge.bus_errors import NotConnectedError
from edge.pulse.contacts import Edge as ContactEdge
from edge.pulse.gpio import GpioLines, open_gpio

if TYPE_CHECKING:
    from pathlib import Path

LINES = GpioLines("/dev/gpiochip0", {"y": 17, "z": 27}, "pull-up")


class _Request:
    """The library's open lines."""

    fd = 9

    def __init__(self) -> None:
        self.released = False

    def get_value(self, offset: int) -> Value:
        return Value.ACTIVE if offset == 27 else Value.INACTIVE

    def read_edge_events(self, max_events: int) -> list[object]:
        assert max_events > 0
        kind = gpiod.EdgeEvent.Type
        return [
            SimpleNamespace(
                line_offset=offset, event_type=event_type, Type=kind, timestamp_ns=number * 1000, line_seqno=number
            )
            for offset, event_type, number in ((17, kind.RISING_EDGE, 1), (27, kind.FALLING_EDGE, 1))
        ]

    def release(self) -> None:
        self.released = True


def test_the_lines_are_asked_for_as_inputs_with_both_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulled up and active low, edges stamped by the monotonic clock; what comes back are contacts and edges."""
    asked: dict[str, object] = {}
    request = _Request()

    def request_lines(path: str, config: dict[tuple[int, ...], gpiod.LineSettings], **rest: object) -> _Request:
        asked.update(path=path, config=config, **rest)
        return request

    monkeypatch.setattr(gpiod, "request_lines", request_lines)
    opened = open_gpio(LINES)
    [(offsets, settings)] = asked["config"].items()  # type: ignore[attr-defined]
    assert (asked["path"], offsets) == ("/dev/gpiochip0", (17, 27))
    assert settings == gpiod.LineSettings(
        direction=Direction.INPUT,
        edge_detection=Edge.BOTH,
        bias=Bias.PULL_UP,
        active_low=True,
        event_clock=Clock.MONOTONIC,
    )
    assert opened.fileno() == 9
    assert opened.stand() == {"y": False, "z": True}
    assert opened.read() == [
        ContactEdge("y", is_closed=True, at_ns=1000, number=1),
        ContactEdge("z", is_closed=False, at_ns=1000, number=1),
    ]
    opened.close()
    assert request.released


def test_a_chip_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The library itself is asked: for no file, and for a file that is no chip."""
    file = tmp_path / "file"
    file.touch()
    for path in (tmp_path / "none", file):
        with pytest.raises(NotConnectedError, match=f"there is no GPIO chip {path}; correct chip"):
            open_gpio(GpioLines(str(path), {"y": 17}, "none"))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.EACCES, "Permission denied"), "may not be opened by this user; add the user to the group gpio"),
        (OSError(errno.EBUSY, "busy"), "line 17 and 27 of /dev/gpiochip0 is held by another program"),
        (OSError(errno.EINVAL, "Invalid argument"), "has no line 17 and 27 to be used as an input; correct line"),
        (ValueError("offset out of range"), "has no line 17 and 27 to be used as an input; correct line"),
        (OSError(errno.EIO, "I/O error"), "cannot be opened: .*I/O error; check the chip"),
    ],
)
def test_a_line_that_cannot_be_had_is_explained(
    monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    """Each refusal of the kernel has one sentence that names the line and what to do."""

    def request_lines(*_args: object, **_rest: object) -> None:
        raise error

    monkeypatch.setattr(gpiod, "request_lines", request_lines)
    with pytest.raises(NotConnectedError, match=sentence):
        open_gpio(LINES)


def test_without_the_library_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent installed without the extra says so instead of failing at its import."""
    monkeypatch.setitem(sys.modules, "gpiod", None)
    with pytest.raises(NotConnectedError, match=r"pip install 'meterline\[edge,pulse\]'"):
        open_gpio(LINES)
