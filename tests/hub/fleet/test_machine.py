"""What a device's machine is like: starts counted by their numbers, and words for what was said."""

from __future__ import annotations

from itertools import pairwise

import pytest

from hub.fleet.machine import STARTS_KEPT, Machine, Start, describe_machine, hear_machine, spell_celsius

NOW = 1_700_000_000_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def heard(*words: tuple[int, int]) -> Machine:
    """Return a machine after it named its boot at these instants after NOW."""
    machine = None
    for after_ms, boot in words:
        machine = hear_machine(machine, {}, boot, NOW + after_ms)
    assert machine is not None
    return machine


@pytest.mark.parametrize(
    ("words", "at", "expected"),
    [
        (((0, 7),), 0, 0),
        (((0, 7), (HOUR_MS, 7)), HOUR_MS, 0),
        (((0, 7), (HOUR_MS, 8)), HOUR_MS, 1),
        (((0, 7), (HOUR_MS, 11)), HOUR_MS, 4),
        (((0, 7), (HOUR_MS, 8), (2 * HOUR_MS, 10)), 2 * HOUR_MS, 3),
        (((0, 7), (HOUR_MS, 8)), HOUR_MS + DAY_MS - 1, 1),
        (((0, 7), (HOUR_MS, 8)), HOUR_MS + DAY_MS, 0),
        (((0, 7), (DAY_MS, 9)), DAY_MS, 0),
        (((0, 7), (HOUR_MS, 1)), HOUR_MS, 1),
        (((0, 0), (HOUR_MS, 5)), HOUR_MS, 0),
        (((0, 5), (HOUR_MS, 0), (2 * HOUR_MS, 6)), 2 * HOUR_MS, 1),
    ],
)
def test_starts_are_those_of_a_day(words: tuple[tuple[int, int], ...], at: int, expected: int) -> None:
    """By the boot's number, so that none is lost that nobody heard; those of an unknown day are none."""
    assert heard(*words).starts_at(NOW + at) == expected


def test_a_machine_that_starts_for_ever_is_not_kept_for_ever() -> None:
    """The newest starts of a day, no more than a bound."""
    machine = heard(*((number, number + 1) for number in range(2 * STARTS_KEPT)))
    assert len(machine.starts) == STARTS_KEPT
    assert all(earlier.at < later.at for earlier, later in pairwise(machine.starts))
    assert hear_machine(machine, {}, machine.boot_count, NOW + 2 * DAY_MS).starts == ()


def test_what_was_said_is_told_in_words() -> None:
    """Nothing of what was not said, and nothing of names that nobody knows."""
    assert describe_machine(Machine(NOW, {"mood": 3}), NOW) == {}
    numbers = {"under_voltage": 0, "disk_used_percent": 61, "processor_millicelsius": 48_050}
    machine = Machine(NOW, numbers | {"memory_free_bytes": 300 << 20}, 4, (Start(NOW, 2),))
    assert describe_machine(machine, NOW) == {
        "Supply": "good",
        "Disk": "61 % full",
        "Processor": "48.1 °C",
        "Memory": "300 MiB free",
        "Starts": "2 within a day",
    }


@pytest.mark.parametrize(
    ("millicelsius", "expected"),
    [(58_432, "58.4"), (80_000, "80.0"), (-4_960, "-5.0"), (-49, "0.0"), (99_950, "100.0")],
)
def test_degrees_have_one_decimal(millicelsius: int, expected: str) -> None:
    """Rounded, also below zero."""
    assert spell_celsius(millicelsius) == expected
