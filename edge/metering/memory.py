"""What is remembered of a meter from one poll to the next, and its form as text, which outlives the agent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from edge.metering.counter import CounterMemory, Doubt, ReadingTime, SeenCount
from edge.metering.witness import WitnessMemory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FORM = 1
"""The first thing in the text; a memory in another form is forgotten, and the meter begins anew."""

_Plain = int | str | None


@dataclass(frozen=True, slots=True)
class MeterMemory:
    """What is remembered of a meter: its registers, its witnesses, who it said it was, and its newest raw counts.

    `stranger` is the serial number of another meter that answers in its place; an exchange is stated once.
    """

    registers: Mapping[int, CounterMemory] = field(default_factory=dict)
    counts: Mapping[int, int] = field(default_factory=dict)
    witness: WitnessMemory = field(default_factory=WitnessMemory)
    firmware: str = ""
    configuration: str = ""
    stranger: str = ""


def write_memory(memory: MeterMemory) -> str:
    """Return a memory as text: a JSON list of all that is in it, one after the other."""
    plain: list[_Plain] = [FORM, memory.firmware, memory.configuration, memory.stranger]
    plain += [len(memory.counts), *(each for pair in memory.counts.items() for each in pair)]
    plain.append(len(memory.registers))
    for number, register in memory.registers.items():
        plain += [number, *_plain_register(register)]
    return json.dumps([*plain, *_plain_witness(memory.witness)], separators=(",", ":"))


def read_memory(text: str) -> MeterMemory | None:
    """Return the memory in a text, None if there is none in it."""
    try:
        source = _Source(iter(json.loads(text)))
        if source.whole() != FORM:
            return None
        memory = _memory(source)
        source.end()
    except (TypeError, ValueError, ZeroDivisionError, RecursionError):
        return None
    return memory


@dataclass(slots=True)
class _Source:
    """Gives one thing after the other; raises ValueError where it is of another kind, or missing."""

    plain: Iterator[object]

    def whole(self) -> int:
        found = next(self.plain, None)
        if isinstance(found, int):
            return found
        message = f"{found!r} is no whole number"
        raise ValueError(message)

    def text(self) -> str:
        found = next(self.plain, None)
        if isinstance(found, str):
            return found
        message = f"{found!r} is no text"
        raise ValueError(message)

    def fraction(self) -> Fraction:
        return Fraction(self.text())

    def flag(self) -> bool:
        return bool(self.whole())

    def end(self) -> None:
        for more in self.plain:
            message = f"{more!r} is left over"
            raise ValueError(message)


def _memory(source: _Source) -> MeterMemory:
    firmware, configuration, stranger = source.text(), source.text(), source.text()
    counts = {source.whole(): source.whole() for _ in range(source.whole())}
    registers = {source.whole(): _register(source) for _ in range(source.whole())}
    return MeterMemory(registers, counts, _witness(source), firmware, configuration, stranger)


def _plain_register(register: CounterMemory) -> list[_Plain]:
    plain: list[_Plain] = [*_plain_seen(register.base), register.serial, register.scale]
    plain += [int(register.is_held), int(register.is_restarted)]
    doubt = register.doubt
    if doubt is None:
        return [*plain, 0]
    return [*plain, doubt.sightings, *_plain_seen(doubt.first), *_plain_seen(doubt.newest)]


def _register(source: _Source) -> CounterMemory:
    base = _seen(source)
    serial, scale = source.text(), source.text()
    is_held, is_restarted = source.flag(), source.flag()
    sightings = source.whole()
    doubt = Doubt(_seen(source), _seen(source), sightings) if sightings else None
    return CounterMemory(base, serial, scale, is_held, doubt, is_restarted)


def _plain_seen(seen: SeenCount) -> list[_Plain]:
    return [seen.raw, str(seen.count), *_plain_time(seen.at)]


def _seen(source: _Source) -> SeenCount:
    return SeenCount(source.whole(), source.fraction(), _time(source))


def _plain_time(at: ReadingTime) -> list[_Plain]:
    return [at.read_at, at.boottime_ms, at.boot, int(at.is_trusted)]


def _time(source: _Source) -> ReadingTime:
    return ReadingTime(source.whole(), source.whole(), source.text(), source.flag())


def _plain_time_if_any(at: ReadingTime | None) -> list[_Plain]:
    return [0] if at is None else [1, *_plain_time(at)]


def _time_if_any(source: _Source) -> ReadingTime | None:
    return _time(source) if source.flag() else None


def _plain_witness(witness: WitnessMemory) -> list[_Plain]:
    return [
        len(witness.values),
        *(each for pair in witness.values.items() for each in pair),
        *_plain_time_if_any(witness.values_at),
        str(witness.power_w),
        *_plain_time_if_any(witness.power_at),
        *_plain_time_if_any(witness.moved_at),
        str(witness.unmoved_wh),
        witness.polls,
        str(witness.expected_wh),
        str(witness.gained_wh),
        *(int(flag) for flag in (witness.is_stale, witness.is_power_off, witness.is_sum_off)),
    ]


def _witness(source: _Source) -> WitnessMemory:
    return WitnessMemory(
        values={source.text(): source.whole() for _ in range(source.whole())},
        values_at=_time_if_any(source),
        power_w=source.fraction(),
        power_at=_time_if_any(source),
        moved_at=_time_if_any(source),
        unmoved_wh=source.fraction(),
        polls=source.whole(),
        expected_wh=source.fraction(),
        gained_wh=source.fraction(),
        is_stale=source.flag(),
        is_power_off=source.flag(),
        is_sum_off=source.flag(),
    )
