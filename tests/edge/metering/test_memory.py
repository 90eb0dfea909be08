"""A memory as text is the same memory, and what is no memory is none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.metering.counter import CounterMemory, Doubt, ReadingTime, SeenCount
from edge.metering.memory import FORM, MeterMemory, read_memory, write_memory
from edge.metering.witness import WitnessMemory

TIMES = st.builds(ReadingTime, st.integers(), st.integers(), st.text(max_size=8), st.booleans())
SEEN = st.builds(SeenCount, st.integers(0, (1 << 64) - 1), st.fractions(), TIMES)
DOUBTS = st.none() | st.builds(Doubt, SEEN, SEEN, st.integers(1, 9))
REGISTERS = st.builds(
    CounterMemory, SEEN, st.text(max_size=5), st.text(max_size=5), st.booleans(), DOUBTS, st.booleans()
)
WITNESSES = st.builds(
    WitnessMemory,
    values=st.dictionaries(st.sampled_from(["tick", "uptime", "resets"]), st.integers()),
    values_at=st.none() | TIMES,
    power_w=st.fractions(),
    power_at=st.none() | TIMES,
    moved_at=st.none() | TIMES,
    unmoved_wh=st.fractions(),
    polls=st.integers(0, 99),
    expected_wh=st.fractions(),
    gained_wh=st.fractions(),
    is_stale=st.booleans(),
    is_power_off=st.booleans(),
    is_sum_off=st.booleans(),
)
MEMORIES = st.builds(
    MeterMemory,
    registers=st.dictionaries(st.integers(0, 9), REGISTERS, max_size=2),
    counts=st.dictionaries(st.integers(0, 9), st.integers(0, (1 << 64) - 1), max_size=2),
    witness=WITNESSES,
    firmware=st.text(max_size=5),
    configuration=st.text(max_size=5),
    stranger=st.text(max_size=5),
)


@settings(max_examples=30)
@given(memory=MEMORIES)
def test_a_memory_outlives_its_text(memory: MeterMemory) -> None:
    """What was written is what is read."""
    assert read_memory(write_memory(memory)) == memory


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "7",
        "[]",
        "{}",
        f"[{FORM + 1}]",
        f"[{FORM}]",
        f'[{FORM}, "", "", 5]',
        f'[{FORM}, "", "", "", "x"]',
        write_memory(MeterMemory())[:-1] + ", 1]",
        write_memory(MeterMemory()).replace('"0"', '"1/0"'),
        "[" * 100_000,
    ],
)
def test_what_is_no_memory_is_none(text: str) -> None:
    """A damaged text, or one in another form, is forgotten instead of believed."""
    assert read_memory(text) is None


@settings(max_examples=30)
@given(memory=MEMORIES, data=st.data())
def test_a_shortened_memory_is_none(memory: MeterMemory, data: st.DataObject) -> None:
    """No part of a memory passes for a whole one."""
    plain = json.loads(write_memory(memory))
    kept = data.draw(st.integers(0, len(plain) - 1))
    assert read_memory(json.dumps(plain[:kept])) is None
