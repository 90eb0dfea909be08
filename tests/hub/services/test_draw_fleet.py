"""The fleet board as looks draw it: where devices stand, when links changed, how an hour went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.fleet.axes import Axis
from hub.fleet.lifecycle import Said, Word
from hub.fleet.links import UNWATCHED
from hub.fleet.looks import HOUR_MS, Came, FleetLook, hour_of
from hub.fleet.standing import Standing
from hub.services.accept_blocks import accept_blocks
from hub.services.answer_state import answer_state
from hub.services.draw_fleet import HOURS_KEPT_MS, LINKS_KEPT_MS
from hub.services.evaluate_alerts import HubSigns, evaluate_alerts
from hub.services.read_device import read_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.say_of_device import say_of_device
from hub.store import board, device_axes, fleet_hours, link_changes
from hub.store.board import Line
from tests.hub.conftest import SYSTEM
from tests.hub.making import NOW, TERMS, MadeDevice, make_meter, make_readings

if TYPE_CHECKING:
    from hub.store.database import Database

DAY_MS = 86_400_000
DEVICE = MadeDevice()


@pytest.fixture
def heard(registered: Database) -> Database:
    """Return a hub whose device reads a meter and was heard just now."""
    register_meter(registered, MeterRequest(SYSTEM, DEVICE.text, "WN-1001"), NOW, "olga")
    accept_blocks(registered, device_at(NOW).arrivals(), TERMS, NOW)
    answer_state(registered, DEVICE.id, DEVICE.state(), terms=TERMS, now=NOW, retained=False)
    return registered


def device_at(read_at: int) -> MadeDevice:
    """Return the device with a log that ends with a reading of an instant."""
    made, meter = MadeDevice(), make_meter()
    made.seal(meter)
    made.seal(make_readings(meter, [1_000], read_at))
    return made


def look(database: Database, at: int, came: Came | None = None) -> FleetLook:
    """Look once."""
    evaluated = evaluate_alerts(database, 0, at, HubSigns(came or Came()))
    assert evaluated.fleet is not None
    return evaluated.fleet


def words_of(database: Database) -> tuple[str, ...] | None:
    """Return where the device stands."""
    with database.read() as connection:
        found = device_axes.load_axes(connection).get(DEVICE.id)
    return None if found is None else found.words


def changes_of(database: Database) -> list[tuple[int, str, str]]:
    """Return how its link changed."""
    with database.read() as connection:
        return [(one.at, one.was, one.link) for one in link_changes.list_changes(connection, DEVICE.id, 0, 100)]


def test_a_look_says_what_the_page_of_the_device_says(heard: Database) -> None:
    """On every axis, while it is heard and when its meter and itself fall silent."""
    for at in (NOW, NOW + DAY_MS, NOW + DAY_MS + 1, NOW + 3 * DAY_MS):
        counts = look(heard, at).counts
        with heard.read() as connection:
            axes = read_device(connection, DEVICE.text, at).axes
        assert words_of(heard) == tuple(one.word for one in axes)
        assert counts == {one.axis: {one.word: 1} for one in axes}
    assert counts[Axis.LINK] == {"silent": 1}


def test_a_device_stands_with_the_systems_that_it_reports(heard: Database) -> None:
    """As the window board has them; before that is drawn nothing is due."""
    assert set(look(heard, NOW).counts[Axis.REPORT]) == {"not due"}
    missing = Line(SYSTEM, "2017-06", Standing.MISSING, "The window has closed.", 7_500, 1)
    with heard.write() as connection:
        board.save_lines(connection, [missing])
    assert look(heard, NOW).counts[Axis.REPORT] == {"missing": 1}


def test_a_meter_that_is_not_read_is_told(heard: Database) -> None:
    """The device is heard, its meter was not read for a day."""
    later = NOW + DAY_MS + 1
    answer_state(heard, DEVICE.id, DEVICE.state(), terms=TERMS, now=later, retained=False)
    assert look(heard, later).counts[Axis.METER] == {"not answering": 1}


def test_a_link_that_changes_is_remembered_with_its_instant(heard: Database) -> None:
    """Since when it is so, and not when somebody looked; and nothing is written where nothing changed."""
    look(heard, NOW + 1)
    assert changes_of(heard) == [(NOW, UNWATCHED, "online")]
    look(heard, NOW + HOUR_MS)
    assert len(changes_of(heard)) == 1
    answer_state(heard, DEVICE.id, DEVICE.state(online=False), terms=TERMS, now=NOW + 2 * HOUR_MS, retained=False)
    look(heard, NOW + 3 * HOUR_MS)
    assert changes_of(heard)[1:] == [(NOW + 2 * HOUR_MS, "online", "offline")]


def test_a_silence_begins_a_day_after_the_last_word(heard: Database) -> None:
    """However late the look; what ends it is dated by the look."""
    look(heard, NOW + 1)
    look(heard, NOW + 2 * DAY_MS)
    assert changes_of(heard)[-1] == (NOW + DAY_MS, "online", "silent")
    again = NOW + 3 * DAY_MS
    answer_state(heard, DEVICE.id, DEVICE.state(), terms=TERMS, now=again, retained=False)
    look(heard, again + 1)
    assert changes_of(heard)[-1] == (again + 1, "silent", "online")


def test_a_decommissioned_device_is_left_out(heard: Database) -> None:
    """Its link is known no further, until it is in service again."""
    look(heard, NOW)
    say_of_device(heard, DEVICE.text, Said(Word.RETIRE), actor="olga", now=NOW + 1, reason="sold")
    seen = look(heard, NOW + 2)
    assert (seen.counts[Axis.LINK], seen.in_service, words_of(heard)) == ({}, 0, None)
    assert changes_of(heard)[-1] == (NOW + 2, "online", UNWATCHED)
    say_of_device(heard, DEVICE.text, Said(Word.RESUME), actor="olga", now=NOW + 3, reason="bought back")
    assert look(heard, NOW + 4).counts[Axis.LINK] == {"online": 1}


def test_an_hour_is_kept_as_its_last_look_found_it(heard: Database) -> None:
    """What came in it adds up; an hour without a look is not there."""
    first = hour_of(NOW) + 10 * HOUR_MS
    for at, came in ((first, Came(2, 8)), (first + 60_000, Came(1, 4)), (first + 2 * HOUR_MS, Came())):
        look(heard, at, came)
    with heard.read() as connection:
        hours = fleet_hours.list_hours(connection, first)
    assert [(one.hour_at, one.looked_at, one.blocks, one.readings) for one in hours] == [
        (first, first + 60_000, 3, 12),
        (first + 2 * HOUR_MS, first + 2 * HOUR_MS, 0, 0),
    ]


def test_heard_is_within_the_hour_before_the_look(heard: Database) -> None:
    """Of devices in service, others have no part in it."""
    seen = look(heard, NOW + HOUR_MS - 1)
    assert (seen.heard, seen.in_service) == (1, 1)
    assert look(heard, NOW + HOUR_MS).heard == 0
    say_of_device(heard, DEVICE.text, Said(Word.MAINTAIN, NOW + DAY_MS), actor="olga", now=NOW, reason="roof works")
    assert look(heard, NOW + 1).in_service == 0


def test_a_backlog_is_told_with_who_waits(heard: Database) -> None:
    """The device names a head that the hub lacks."""
    assert look(heard, NOW).longest is None
    answer_state(heard, DEVICE.id, DEVICE.state(head=9), terms=TERMS, now=NOW, retained=False)
    seen = look(heard, NOW)
    assert (seen.backlog, seen.behind, seen.counts[Axis.DATA]) == (8, 1, {"backlog": 1})
    assert seen.longest is not None
    assert (seen.longest.device, seen.longest.backlog, seen.longest.block_at) == (DEVICE.text, 8, NOW)


def test_what_is_old_is_forgotten(heard: Database) -> None:
    """Hours after a year, links after a quarter; where devices stand is not."""
    look(heard, NOW)
    look(heard, NOW + LINKS_KEPT_MS + HOUR_MS)
    assert [at for at, _, _ in changes_of(heard)] == [NOW + DAY_MS]
    later = NOW + HOURS_KEPT_MS + HOUR_MS
    look(heard, later)
    with heard.read() as connection:
        assert NOW not in [one.looked_at for one in fleet_hours.list_hours(connection, 0)]
    assert changes_of(heard) == []
    assert words_of(heard) is not None
