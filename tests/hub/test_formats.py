"""Words for people: instants inside of sentences, and what is over or to come."""

from __future__ import annotations

from datetime import date

import pytest

from hub.formats import kilowatts, plain_kilowatts, planned, spoken


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("silent since 2026-11-03 16:30-05:00.", "silent since 3 Nov 2026, 16:30 EST."),
        (
            "of 2026-07-01 00:00-04:00, and 2026-11-01 01:30-05:00",
            "of 1 Jul 2026, 00:00 EDT, and 1 Nov 2026, 01:30 EST",
        ),
        ("reason: 2026-02-31 10:00-05:00", "reason: 2026-02-31 10:00-05:00"),
        ("2026-11 is reported already", "2026-11 is reported already"),
    ],
)
def test_instants_in_sentences_are_told_as_people_read_them(sentence: str, told: str) -> None:
    """With the clock of Massachusetts, each of them; what only looks like one stays."""
    assert spoken(sentence).replace("\u00a0", " ") == told


def test_what_is_to_come_is_not_told_as_done() -> None:
    """On the day itself it is."""
    today = date(2026, 11, 27)
    told = [planned("sent", date(2026, 11, day), today).replace("\u00a0", " ") for day in (26, 27, 28)]
    assert told == ["sent on 26 Nov 2026", "sent on 27 Nov 2026", "to be sent on 28 Nov 2026"]


def test_power_has_thousands_apart_for_people_only() -> None:
    """What a field or a program reads has no comma; both are exact."""
    told = [(kilowatts(power_w), plain_kilowatts(power_w)) for power_w in (0, 7_500, 2_406_700, 1_000_001)]
    assert told == [("0", "0"), ("7.5", "7.5"), ("2,406.7", "2406.7"), ("1,000.001", "1000.001")]
