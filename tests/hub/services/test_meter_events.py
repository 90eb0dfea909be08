"""What happened to a meter: kept once, told in words beside its readings, and heard by the months."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.errors import UnknownSubjectError
from hub.rules.periods import parse_month
from hub.services.accept_blocks import accept_blocks
from hub.services.compute_production import compute_month
from hub.services.read_events import page_events, read_events
from hub.services.read_fleet import read_fleet
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.store import changes
from protocol.messages import MeterEvent
from protocol.records import STATUS_HELD, STATUS_SUSPECT, MeterEventKind
from tests.hub.conftest import SYSTEM
from tests.hub.making import GENERATED, JULY_AT, NOW, QUARTER_MS, TERMS, MadeDevice, fetch, make_meter, make_readings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.services.read_events import EventView
    from hub.store.database import Database
    from protocol.messages import Readings

DAY_MS = 86_400_000
JULY = parse_month("2016-07")
METER = make_meter()


def marked(readings: Readings, statuses: dict[int, int]) -> Readings:
    """Return readings of which some have a status."""
    return replace(readings, status=tuple(statuses.get(place, 0) for place in range(len(readings.read_at))))


def events(database: Database, limit: int = 20) -> Sequence[EventView]:
    """Return what happened to the system's meters."""
    with database.read() as connection:
        return read_events(connection, SYSTEM, limit)


def test_an_exchange_is_told_with_the_last_and_the_first_reading(registered: Database) -> None:
    """Both serial numbers and both readings in Wh; the event belongs to the system of either meter."""
    device, newer = MadeDevice(), make_meter(serial="WN-2002")
    device.seal(METER, make_readings(METER, [100, 200], JULY_AT))
    changed_at = JULY_AT + 2 * QUARTER_MS
    exchange = MeterEvent(
        0, changed_at, "exchange", 0, (JULY_AT + QUARTER_MS, 200), (changed_at, 7), "WN-1001", "WN-2002"
    )
    device.seal(exchange, newer, make_readings(newer, [7, 9], changed_at))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    (view,) = events(registered)
    assert view.text == "Meter WN-1001 was exchanged for WN-2002."
    assert view.stated.serial == "WN-2002"
    assert view.stated.before is not None
    assert view.stated.after is not None
    assert (view.stated.before.register_wh, view.stated.after.register_wh) == (200, 7)
    register_meter(registered, MeterRequest(SYSTEM, device.text, "WN-2002"), NOW)
    assert events(registered) == (view,)


def test_a_system_s_page_learns_of_what_happened_without_a_reading(registered: Database) -> None:
    """A meter that is turned away is not read; its system has changed all the same, and no other."""
    device = MadeDevice()
    device.seal(METER, make_readings(METER, [100], JULY_AT))
    device.seal(MeterEvent(0, JULY_AT + 1, "exchange", was="WN-1001", now="X"))
    device.seal(MeterEvent(1, JULY_AT + 1, "stale"))
    accept_blocks(registered, device.arrivals(0), TERMS, NOW)
    for seq, subjects in ((1, ["fleet", "system"]), (2, ["fleet"])):
        with registered.read() as connection:
            before = changes.latest_change(connection)
        accept_blocks(registered, device.arrivals(seq), TERMS, NOW)
        told = fetch(registered, f"SELECT subject_kind FROM change WHERE number > {before} ORDER BY 1")  # noqa: S608 - own
        assert [kind for (kind,) in told] == subjects


def test_a_refused_meter_shows_its_raw_count(registered: Database) -> None:
    """A reading that the hub never took has no energy, a whole meter no register; the note is told too."""
    device = MadeDevice()
    refused = MeterEvent(0, JULY_AT, "exchange", 0, None, (JULY_AT, (1 << 64) - 1), "WN-1001", "X", note="Refused.")
    stale = MeterEvent(0, JULY_AT + 1, "stale")
    device.seal(METER, make_readings(METER, [100], JULY_AT - 1), refused, stale)
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    newest, oldest = events(registered)
    assert newest.stated.kind == "stale"
    assert oldest.stated.before is None
    assert oldest.stated.after is not None
    assert (oldest.stated.after.raw, oldest.stated.after.register_wh) == ((1 << 64) - 1, None)
    assert oldest.text == "Meter WN-1001 was exchanged for X. Refused."
    assert events(registered, limit=1) == (newest,)


def test_every_kind_has_words_and_an_unknown_one_is_named(registered: Database) -> None:
    """What this hub does not know is told as the device said it, whatever is in it."""
    device = MadeDevice()
    kinds = [*MeterEventKind, "{odd}"]
    device.seal(METER, *[MeterEvent(0, JULY_AT + n, kind, was="{0}") for n, kind in enumerate(kinds)])
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    texts = [view.text for view in events(registered)]
    assert len(set(texts)) == len(kinds)
    assert texts[0] == "The device states '{odd}', which this hub does not know; update it."
    assert "The firmware changed from {0} to nothing." in texts


def test_a_system_that_is_not_registered_has_no_events(registered: Database) -> None:
    """Nobody is told that nothing happened to what is not there; a registered one without a reading has none."""
    assert events(registered) == ()
    with registered.read() as connection, pytest.raises(UnknownSubjectError):
        read_events(connection, "SLF-NO-00001", 5)


def test_another_devices_meter_of_the_same_number_is_not_meant(registered: Database) -> None:
    """Numbers belong to their device."""
    other = MadeDevice(seed=2)
    other.seal(make_meter(serial="B"), MeterEvent(0, JULY_AT, "stale"))
    accept_blocks(registered, other.arrivals(), TERMS, NOW)
    mine = MadeDevice()
    mine.seal(METER, make_readings(METER, [100], JULY_AT))
    accept_blocks(registered, mine.arrivals(), TERMS, NOW)
    assert events(registered) == ()


def test_events_come_in_pages_each_once(registered: Database) -> None:
    """Those of all devices of the system, the latest first; of one instant, by the record that states them."""
    mine, other = MadeDevice(), MadeDevice(seed=2)
    register_device(registered, other.pem, "Shed", NOW)
    register_meter(registered, MeterRequest(SYSTEM, other.text, "WN-2"), NOW)
    for device, meter in ((mine, METER), (other, make_meter(serial="WN-2"))):
        device.seal(meter, *(MeterEvent(0, JULY_AT + place // 2, kind) for place, kind in enumerate(MeterEventKind)))
        accept_blocks(registered, device.arrivals(), TERMS, NOW)
    for limit in (1, 3, 100):
        found: list[tuple[str, str]] = []
        before, at = None, JULY_AT + 100
        with registered.read() as connection:
            while page := page_events(connection, SYSTEM, before, limit):
                found += [(view.stated.serial, view.stated.kind) for view in page]
                before = page[-1].stated.place
                assert before.at <= at
                at = before.at
        assert len(found) == len(set(found)) == 2 * len(MeterEventKind)


def test_doubted_readings_are_kept_and_decide_nothing(registered: Database) -> None:
    """They are stored with their status; month, drops, dials and findings go by the others."""
    device = MadeDevice()
    counts = [1000 + 100 * day for day in range(32)]
    counts[10], counts[20], counts[31] = 0, 9_000_000, 9_000_000
    status = {10: STATUS_SUSPECT, 20: STATUS_SUSPECT, 31: STATUS_HELD}
    device.seal(METER, marked(make_readings(METER, counts, JULY_AT, DAY_MS), status))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    assert fetch(registered, "SELECT raw FROM reading ORDER BY read_at") == [(count,) for count in counts]
    with registered.read() as connection:
        (part,) = compute_month(connection, SYSTEM, JULY).meters
        fleet = read_fleet(connection, NOW)
    assert part.production.production_wh == 30 * 100
    assert not part.production.complete
    assert [str(finding.kind) for finding in part.production.findings] == ["reading_doubted"]
    (view,) = fleet.meters
    assert view.last is not None
    assert view.last.register_wh == 1000 + 30 * 100
    assert fleet.findings == ()


@pytest.mark.parametrize(
    ("kind", "rid", "number_stands", "found"),
    [
        ("confirmed", 0, False, ["register_break"]),
        ("configuration-change", 0, True, ["register_break"]),
        ("scale-change", 0, True, ["register_break"]),
        ("confirmed", 1, True, []),
        ("suspect", 0, True, []),
    ],
)
def test_a_break_is_heard_by_its_month(
    registered: Database, kind: str, rid: int, found: list[str], *, number_stands: bool
) -> None:
    """A jump that stayed forbids the number until somebody has judged it; other registers' breaks are their own."""
    device, at = MadeDevice(), JULY_AT + 5 * DAY_MS
    both = replace(METER, registers={0: GENERATED, 1: replace(GENERATED, obis="1-0:1.8.0")})
    event = MeterEvent(0, at, kind, rid, (at - DAY_MS, 1400), (at, 1500), "x1", "x2")
    counts = [1000 + 100 * day for day in range(32)]
    readings = make_readings(both, counts, JULY_AT, DAY_MS)
    device.seal(both, event, replace(readings, registers={0: tuple(counts), 1: tuple(counts)}))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    with registered.read() as connection:
        (part,) = compute_month(connection, SYSTEM, JULY).meters
    assert part.production.production_wh == (31 * 100 if number_stands else None)
    assert [str(finding.kind) for finding in part.production.findings] == found
