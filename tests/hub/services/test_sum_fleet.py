"""What a look sums up of the fleet: each device and meter counted once, and nobody named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.alerting.life import Standing as AlertStanding
from hub.alerting.rules import Code, Severity
from hub.fleet.lifecycle import Said, Word
from hub.fleet.standing import Standing
from hub.services.accept_blocks import accept_blocks
from hub.services.answer_state import answer_state
from hub.services.draw_board import draw_board
from hub.services.evaluate_alerts import evaluate_alerts
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.services.say_of_device import say_of_device
from hub.services.sum_fleet import METER_STATES, POLL_KINDS
from protocol.messages import MeterEvent, PollErrors
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, make_meter, make_readings

if TYPE_CHECKING:
    from hub.services.sum_fleet import FleetSums
    from hub.store.database import Database

MINUTE_MS = 60_000
DAY_MS = 86_400_000
LATER = NOW + 2 * DAY_MS


def summed(database: Database, at: int) -> FleetSums:
    """Return what a look comes to."""
    sums = evaluate_alerts(database, 0, at).sums
    assert sums is not None
    return sums


def meters(sums: FleetSums) -> dict[str, int]:
    """Return the states that meters are in."""
    assert set(sums.meters) == set(METER_STATES)
    return {state: number for state, number in sums.meters.items() if number}


def hear(database: Database, device: MadeDevice, at: int) -> None:
    """Let a device say that it is there."""
    answer_state(database, device.id, device.state(), terms=TERMS, now=at, retained=False)


def test_a_meter_is_in_one_state(registered: Database) -> None:
    """New for a day; then it answers, or does not, or nobody knows as its device is silent; or nobody registered it."""
    device = MadeDevice()
    assert meters(summed(registered, NOW + 1)) == {"new": 1}
    assert meters(summed(registered, LATER)) == {"not_known": 1}
    hear(registered, device, LATER)
    assert meters(summed(registered, LATER)) == {"not_answering": 1}
    device.seal(make_meter(), make_readings(make_meter(), [100], LATER - MINUTE_MS))
    stranger = make_meter(serial="NOT-OURS")
    device.seal(stranger, make_readings(stranger, [7], LATER - MINUTE_MS))
    accept_blocks(registered, device.arrivals(), TERMS, LATER)
    assert meters(summed(registered, LATER)) == {"answering": 1, "unregistered": 1}
    register_meter(registered, MeterRequest(SYSTEM, device.text, "NOT-OURS"), LATER)
    assert meters(summed(registered, LATER)) == {"answering": 1, "new": 1}


def test_what_devices_say_is_added_up(registered: Database) -> None:
    """Doubted meters, polls that failed by what kind of cause, custody."""
    device = MadeDevice()
    device.seal(make_meter(), make_readings(make_meter(), [100, 200], JULY_AT))
    device.seal(MeterEvent(0, JULY_AT + 1, "stale"), MeterEvent(0, JULY_AT + 2, "suspect", 0))
    counts = {"timeout": 15, "exception-2": 3, "exception-11": 1, "of-its-own": 2}
    device.seal(PollErrors(0, NOW - 60 * MINUTE_MS, NOW - MINUTE_MS, counts))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    sums = summed(registered, NOW)
    assert (sums.suspect, sums.frozen) == (1, 1)
    assert sums.failed == {"timeout": 15, "exception": 4, "other": 2}
    assert set(sums.failed) <= set(POLL_KINDS)
    assert (sums.oldest_block_at, sums.newest_block_at, sums.backlog, sums.contested) == (NOW, NOW, 0, 0)
    assert summed(registered, LATER).failed == {}


def test_clocks_of_devices_in_service_are_measured(registered: Database) -> None:
    """Either way off; not of one that said no time, nor of one under maintenance."""
    off, unset, away = MadeDevice(), MadeDevice(2), MadeDevice(3)
    for one in (unset, away):
        register_device(registered, one.pem, one.text, NOW)
    for one in (off, unset, away):
        one.seal(make_meter())
        accept_blocks(registered, one.arrivals(), TERMS, NOW)
    hear(registered, off, JULY_AT - 5_000)
    hear(registered, away, JULY_AT + 7_000)
    assert sorted(summed(registered, NOW).skews_ms) == [5_000, 7_000]
    say_of_device(registered, away.text, Said(Word.MAINTAIN, LATER), actor="olga", now=NOW, reason="roof works")
    assert summed(registered, NOW).skews_ms == (5_000,)


def test_alerts_and_systems_are_counted_by_how_they_stand(registered: Database) -> None:
    """As the look leaves them, with those that it began."""
    device = MadeDevice()
    device.seal(make_meter(), make_readings(make_meter(), [100], JULY_AT))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    register_system(registered, "SLF-AB1234-00002", "Shed", "5", NOW)
    draw_board(registered, NOW)
    sums = summed(registered, LATER)
    assert sums.alerts[Code.BACKUP_STALE, Severity.CRITICAL, AlertStanding.FIRING] == 1
    assert sum(sums.systems.values()) == 2
    assert set(sums.systems) <= set(Standing)
