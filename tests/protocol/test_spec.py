"""The prose names what the code knows: a code, kind or cause cannot be added to one of them alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from protocol import wire
from protocol.commands import Operation, ResultStatus
from protocol.cose import Kind
from protocol.custody.receiver import DecisionKind
from protocol.fields import FrameKind
from protocol.messages import GapCause, GenesisReason, MeterEventKind, PollCause, ReceiptCode, TimeQuality
from protocol.topics import Channel
from tests.protocol.vectors import vectors

SPEC = (Path(wire.__file__).parent / "spec" / "README.md").read_text()


WORDS = [*Kind, *MeterEventKind, *GenesisReason, *GapCause, *PollCause, *Operation, *ResultStatus, *vectors()]


@pytest.mark.parametrize("word", WORDS)
def test_words_of_the_wire_are_named(word: str) -> None:
    """Every word that can stand on the wire, and every vector, is named as code."""
    assert f"`{word}`" in SPEC


def test_codes_and_kinds_are_listed_with_their_numbers() -> None:
    """Receipt codes, frame kinds and time qualities stand under the numbers they have on the wire."""
    table = SPEC[SPEC.index("| Code | Name |") :]
    table = table[: table.index("\n\n")]
    codes = {int(number): name for number, name in re.findall(r"^\| (\d) \| ([a-z-]+) \|", table, re.MULTILINE)}
    for code in ReceiptCode:
        assert codes[code] == code.name.lower().replace("_", "-")
    kinds = {int(number) for number in re.findall(r"^\*\*(\d) [a-z ]+\*\*", SPEC, re.MULTILINE)}
    assert kinds == set(FrameKind)
    for quality in TimeQuality:
        assert f"{quality.value} {quality.name.lower()}" in SPEC


def test_channels_and_decisions_are_listed() -> None:
    """Each MQTT channel has its row, and each decision of a hub that keeps bytes is in the table."""
    for channel in Channel:
        assert re.search(rf"^\| {channel} \|", SPEC, re.MULTILINE)
    for decision in set(DecisionKind) - {DecisionKind.REJECT}:
        assert decision in SPEC
