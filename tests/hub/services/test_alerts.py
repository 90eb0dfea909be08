"""Alerts as a hub keeps them: begun, answered and over, at most one open of a rule and a subject."""

from __future__ import annotations

import shutil
from collections import namedtuple
from typing import TYPE_CHECKING

import pytest

from hub.alerting.life import Silence, Standing
from hub.alerting.rules import Code
from hub.errors import InputError, UnknownSubjectError
from hub.fleet.lifecycle import Said, Word
from hub.services.accept_blocks import accept_blocks
from hub.services.answer_alert import acknowledge_alerts, end_silence, silence_alerts
from hub.services.answer_state import answer_state
from hub.services.evaluate_alerts import Evaluated, evaluate_alerts
from hub.services.read_alerts import AlertView, read_open, read_over
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.say_of_device import say_of_device
from hub.store import alerts, audit_log
from protocol.messages import MeterEvent, PollErrors
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, made_log, make_meter, make_readings

if TYPE_CHECKING:
    from hub.store.database import Database

DAY_MS = 86_400_000
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
LATER = NOW + DAY_MS + MINUTE_MS
DEVICE = MadeDevice().text


@pytest.fixture
def heard(registered: Database) -> Database:
    """Return a hub whose device sent its blocks a day ago and fell silent."""
    accept_blocks(registered, made_log([5, 9], per_block=2).arrivals(), TERMS, NOW)
    return registered


def open_alerts(database: Database, at: int) -> dict[Code, AlertView]:
    """Return what is open, by rule."""
    with database.read() as connection:
        return {view.kept.episode.code: view for view in read_open(connection, at)}


def test_a_silent_device_is_told_of_once_and_is_over_when_it_speaks(heard: Database) -> None:
    """Pending until it has held, firing while it lasts, and one episode however often one looks."""
    evaluate_alerts(heard, 0, LATER)
    assert open_alerts(heard, LATER)[Code.DEVICE_SILENT].standing is Standing.PENDING
    for minute in (5, 6, 7):
        evaluate_alerts(heard, 0, LATER + minute * MINUTE_MS)
    found = open_alerts(heard, LATER)[Code.DEVICE_SILENT]
    assert (found.standing, found.kept.episode.subject) == (Standing.FIRING, DEVICE)
    with heard.read() as connection:
        assert sum(one.episode.code is Code.DEVICE_SILENT for one in alerts.list_open(connection)) == 1
    device = made_log([5, 9, 12, 15], per_block=2)
    spoken = LATER + 10 * MINUTE_MS
    accept_blocks(heard, device.arrivals(), TERMS, spoken)
    evaluate_alerts(heard, 0, spoken)
    assert open_alerts(heard, spoken)[Code.DEVICE_SILENT].standing is Standing.FIRING
    ended = spoken + 5 * MINUTE_MS
    assert evaluate_alerts(heard, 0, ended).ended == 1
    assert Code.DEVICE_SILENT not in open_alerts(heard, ended)
    with heard.read() as connection:
        (over,) = [one for one in read_over(connection, None, 10) if one.kept.episode.code is Code.DEVICE_SILENT]
        assert read_over(connection, over.kept.number, 10) == ()
    assert (over.standing, over.kept.episode.ended_at) == (Standing.RESOLVED, ended)


def test_maintenance_keeps_a_silence_from_being_told(heard: Database) -> None:
    """And at its end it is told by itself."""
    until = LATER + DAY_MS
    say_of_device(heard, DEVICE, Said(Word.MAINTAIN, until), actor="olga", now=LATER, reason="roof works")
    evaluate_alerts(heard, 0, LATER)
    assert Code.DEVICE_SILENT not in open_alerts(heard, LATER)
    evaluate_alerts(heard, 0, until)
    assert Code.DEVICE_SILENT in open_alerts(heard, until)


def test_what_is_gone_before_it_fired_leaves_nothing(heard: Database) -> None:
    """Nobody was told of it."""
    evaluate_alerts(heard, 0, LATER)
    accept_blocks(heard, made_log([5, 9, 12, 15], per_block=2).arrivals(), TERMS, LATER)
    evaluate_alerts(heard, 0, LATER + MINUTE_MS)
    assert Code.DEVICE_SILENT not in open_alerts(heard, LATER)
    with heard.read() as connection:
        assert [one for one in read_over(connection, None, 10) if one.kept.episode.code is Code.DEVICE_SILENT] == []


def test_what_is_looked_after_and_gone_before_it_fired_leaves_nothing_either(heard: Database) -> None:
    """Somebody was quicker than the rule; the next look is not stopped by it."""
    evaluate_alerts(heard, 0, LATER)
    number = open_alerts(heard, LATER)[Code.DEVICE_SILENT].kept.number
    acknowledge_alerts(heard, [number], LATER + DAY_MS, actor="olga", now=LATER, reason="called the site")
    accept_blocks(heard, made_log([5, 9, 12, 15], per_block=2).arrivals(), TERMS, LATER)
    evaluate_alerts(heard, 0, LATER + MINUTE_MS)
    assert Code.DEVICE_SILENT not in open_alerts(heard, LATER)
    with heard.read() as connection:
        assert alerts.list_acknowledgements(connection, number) == ()


def firing(database: Database) -> int:
    """Let the device's silence fire, and return its number."""
    for minute in (0, 5):
        evaluate_alerts(database, 0, LATER + minute * MINUTE_MS)
    return open_alerts(database, LATER)[Code.DEVICE_SILENT].kept.number


def test_somebody_looks_after_it_until_an_instant(heard: Database) -> None:
    """With an entry of the audit log; at its end it fires again, and nothing is kept of what is refused."""
    number, until = firing(heard), LATER + DAY_MS
    for numbers, end, reason, named in (
        ([number], LATER, "x", "until when"),
        ([number], until, " ", "say why"),
    ):
        with pytest.raises(InputError, match=named):
            acknowledge_alerts(heard, numbers, end, actor="olga", now=LATER, reason=reason)
    with pytest.raises(UnknownSubjectError, match="no alert 99"):
        acknowledge_alerts(heard, [number, 99], until, actor="olga", now=LATER, reason="x")
    with heard.read() as connection:
        assert alerts.list_acknowledgements(connection, number) == ()
    acknowledge_alerts(heard, [number, number], until, actor="olga", now=LATER, reason="called the site")
    found = open_alerts(heard, LATER)[Code.DEVICE_SILENT]
    assert (found.standing, found.acknowledged_until) == (Standing.ACKNOWLEDGED, until)
    assert open_alerts(heard, until)[Code.DEVICE_SILENT].standing is Standing.FIRING
    with heard.read() as connection:
        (said,) = alerts.list_acknowledgements(connection, number)
        (entry,) = audit_log.list_audit(connection, subject="alerts", limit=5)
    assert (said.recorded.actor, entry.action, entry.reason) == ("olga", "acknowledge alerts", "called the site")


def test_one_that_is_over_is_not_looked_after(heard: Database) -> None:
    """There is nothing left to do."""
    number = firing(heard)
    accept_blocks(heard, made_log([5, 9, 12, 15], per_block=2).arrivals(), TERMS, LATER)
    evaluate_alerts(heard, 0, LATER + 20 * MINUTE_MS)
    with pytest.raises(InputError, match="is over"):
        acknowledge_alerts(heard, [number], LATER + DAY_MS, actor="olga", now=LATER, reason="x")


def test_a_silence_holds_until_it_ends_or_is_ended(heard: Database) -> None:
    """Of a rule or a device, never of everything."""
    firing(heard)
    with pytest.raises(InputError, match="never muted"):
        silence_alerts(heard, Silence(None, None, LATER + DAY_MS), actor="olga", now=LATER, reason="x")
    wanted = Silence(Code.DEVICE_SILENT, None, LATER + DAY_MS)
    kept = silence_alerts(heard, wanted, actor="olga", now=LATER, reason="works on the network")
    assert open_alerts(heard, LATER)[Code.DEVICE_SILENT].standing is Standing.SILENCED
    assert open_alerts(heard, LATER + DAY_MS)[Code.DEVICE_SILENT].standing is Standing.FIRING
    end_silence(heard, kept.number, actor="olga", now=LATER + 1, reason="done")
    assert open_alerts(heard, LATER + 1)[Code.DEVICE_SILENT].standing is Standing.FIRING
    with pytest.raises(InputError, match="has ended already"):
        end_silence(heard, kept.number, actor="olga", now=LATER + 2, reason="x")
    with pytest.raises(UnknownSubjectError, match="no silence 99"):
        end_silence(heard, 99, actor="olga", now=LATER, reason="x")
    of_device = silence_alerts(heard, Silence(None, DEVICE, LATER + DAY_MS), actor="olga", now=LATER, reason="x")
    with heard.read() as connection:
        assert alerts.find_silence(connection, of_device.number) == of_device


def test_the_hub_itself_is_looked_at(heard: Database) -> None:
    """There are blocks and no backup."""
    assert evaluate_alerts(heard, 0, LATER) == Evaluated(fired=1, ended=0)
    assert open_alerts(heard, LATER)[Code.BACKUP_STALE].standing is Standing.FIRING


def test_a_meter_that_stands_still_or_moves_as_it_cannot_is_told_of(registered: Database) -> None:
    """By its device's own word, until it says that all is well."""
    device, meter = MadeDevice(), make_meter()
    device.seal(meter, make_readings(meter, [100, 200], JULY_AT))
    device.seal(MeterEvent(0, JULY_AT + 1, "stale"), MeterEvent(0, JULY_AT + 2, "suspect", 0))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    evaluate_alerts(registered, 0, NOW)
    found = open_alerts(registered, NOW)
    assert {code: found[code].kept.episode.why for code in (Code.METER_FROZEN, Code.REGISTER_SUSPECT)} == {
        Code.METER_FROZEN: "Barn: meter 0.",
        Code.REGISTER_SUSPECT: "Barn: meter 0.",
    }
    assert {found[code].standing for code in (Code.METER_FROZEN, Code.REGISTER_SUSPECT)} == {Standing.FIRING}
    device.seal(MeterEvent(0, JULY_AT + 3, "moving"), MeterEvent(0, JULY_AT + 4, "confirmed", 0))
    accept_blocks(registered, device.arrivals(), TERMS, NOW + MINUTE_MS)
    evaluate_alerts(registered, 0, NOW + MINUTE_MS)
    assert Code.REGISTER_SUSPECT not in open_alerts(registered, NOW + MINUTE_MS)
    for minutes in (2, 70):
        evaluate_alerts(registered, 0, NOW + minutes * MINUTE_MS)
    assert Code.METER_FROZEN not in open_alerts(registered, NOW + 70 * MINUTE_MS)


def test_a_disk_that_is_not_there_is_no_alert_of_its_own(registered: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """`/readyz` tells of that; one that fills up is an alert, and is over when there is room."""
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - as shutil returns it
    for free, expected in ((19, True), (50, False)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage(100, 100 - free, free))
        for minutes in (0, 20):
            evaluate_alerts(registered, 0, NOW + (minutes + free) * MINUTE_MS)
        assert (Code.HUB_SPACE in open_alerts(registered, NOW + 100 * MINUTE_MS)) is expected

    def refuse(_: object) -> None:
        raise OSError

    monkeypatch.setattr(shutil, "disk_usage", refuse)
    evaluate_alerts(registered, 0, NOW + 200 * MINUTE_MS)
    assert Code.HUB_SPACE not in open_alerts(registered, NOW + 200 * MINUTE_MS)


def test_a_meter_that_nobody_registered_and_a_gap_are_told_of_in_time(registered: Database) -> None:
    """The first after an hour, the second after two days; both are over when they are mended."""
    device, other = MadeDevice(), make_meter(1, serial="WN-9")
    device.seal(make_meter(), make_readings(make_meter(), [100], JULY_AT))
    missing = device.seal(other, make_readings(other, [5], JULY_AT))
    device.seal(make_readings(other, [6], JULY_AT + 900_000))
    accept_blocks(registered, device.arrivals(0, 2), TERMS, NOW)
    evaluate_alerts(registered, 0, NOW)
    assert open_alerts(registered, NOW)[Code.DATA_GAP].standing is Standing.PENDING
    evaluate_alerts(registered, 0, NOW + 2 * DAY_MS)
    assert open_alerts(registered, NOW + 2 * DAY_MS)[Code.DATA_GAP].standing is Standing.FIRING
    assert missing == device.blocks[1]
    at = NOW + 2 * DAY_MS + MINUTE_MS
    accept_blocks(registered, device.arrivals(1), TERMS, at)
    for minutes in (0, 61):
        evaluate_alerts(registered, 0, at + minutes * MINUTE_MS)
    found = open_alerts(registered, at + 61 * MINUTE_MS)
    assert Code.DATA_GAP not in found
    assert (found[Code.METER_IDENTITY].standing, found[Code.METER_IDENTITY].kept.episode.why) == (
        Standing.FIRING,
        "Barn reads WN-9.",
    )
    register_meter(registered, MeterRequest(SYSTEM, DEVICE, "WN-9"), at)
    for minutes in (62, 70):
        evaluate_alerts(registered, 0, at + minutes * MINUTE_MS)
    assert Code.METER_IDENTITY not in open_alerts(registered, at + 70 * MINUTE_MS)


def test_a_machine_that_is_not_well_is_told_of(registered: Database) -> None:
    """By its device's own word; it is over once that was well for six hours."""
    device = made_log([5])
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    for at, health in ((NOW, {"under_voltage": 1}), (NOW + 60 * MINUTE_MS, {"under_voltage": 0})):
        answer_state(registered, device.id, device.state(health=health), terms=TERMS, now=at, retained=False)
        for minutes in (0, 5):
            evaluate_alerts(registered, 0, at + minutes * MINUTE_MS)
        found = open_alerts(registered, at + 5 * MINUTE_MS)[Code.HOST_HEALTH]
        assert (found.standing, found.kept.episode.why) == (Standing.FIRING, "Barn: its supply is or was too low.")
    evaluate_alerts(registered, 0, NOW + 366 * MINUTE_MS)
    assert Code.HOST_HEALTH not in open_alerts(registered, NOW + 366 * MINUTE_MS)


def test_a_meter_that_is_not_read_any_more_is_told_of(registered: Database) -> None:
    """Of a device that is heard, after a day and an hour; a reading ends it."""
    device, meter = MadeDevice(), make_meter()
    device.seal(meter, make_readings(meter, [100], NOW - MINUTE_MS))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    times = {DAY_MS - MINUTE_MS: None, DAY_MS + MINUTE_MS: Standing.PENDING, 26 * HOUR_MS: Standing.FIRING}
    for after_ms, expected in times.items():
        at = NOW + after_ms
        answer_state(registered, device.id, device.state(), terms=TERMS, now=at, retained=False)
        evaluate_alerts(registered, 0, at)
        found = open_alerts(registered, at).get(Code.METER_STALE)
        assert (found.standing if found else None) is expected
    assert found is not None
    assert found.kept.episode.why == "Barn is heard and has not read for a day: WN-1001."
    device.seal(make_readings(meter, [150], at - MINUTE_MS))
    accept_blocks(registered, device.arrivals(), TERMS, at)
    evaluate_alerts(registered, 0, at + 5 * MINUTE_MS)
    assert Code.METER_STALE not in open_alerts(registered, at)


def test_polls_that_failed_are_told_of_with_their_causes(registered: Database) -> None:
    """Those of the last day, over all meters of a device; a day later they are forgotten."""
    device = MadeDevice()
    device.seal(make_meter(), make_readings(make_meter(), [100], NOW - MINUTE_MS))
    device.seal(PollErrors(0, NOW - 60 * MINUTE_MS, NOW - MINUTE_MS, {"timeout": 15, "bad-reply": 6}))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    for minutes in (0, 5):
        evaluate_alerts(registered, 0, NOW + minutes * MINUTE_MS)
    found = open_alerts(registered, NOW + 5 * MINUTE_MS)[Code.COMM_ERRORS]
    assert (found.standing, found.kept.episode.why) == (
        Standing.FIRING,
        "Barn: polls failed in a day, bad-reply 6, timeout 15.",
    )
    broken = open_alerts(registered, NOW + 5 * MINUTE_MS)[Code.RS485_ERRORS]
    assert (broken.standing, broken.kept.episode.why) == (
        Standing.FIRING,
        "Barn: polls broken on the line in a day, bad-reply 6.",
    )
    for hours in (23, 27):
        evaluate_alerts(registered, 0, NOW + hours * 60 * MINUTE_MS)
    kept = open_alerts(registered, NOW + 27 * 60 * MINUTE_MS)
    assert Code.COMM_ERRORS not in kept
    assert Code.RS485_ERRORS in kept
    evaluate_alerts(registered, 0, NOW + 29 * 60 * MINUTE_MS)
    assert Code.RS485_ERRORS not in open_alerts(registered, NOW + 29 * 60 * MINUTE_MS)
