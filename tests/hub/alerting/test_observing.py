"""What the rules see of a fleet: each at both sides of its edge, with the numbers that say why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.alerting.listening import Listening
from hub.alerting.observing import DeviceFacts, observe
from hub.alerting.observing_hub import ChannelFacts, EndFacts, ErraticFacts, HubFacts
from hub.alerting.rules import Code, Severity
from hub.alerting.thresholds import DEFAULTS, Thresholds
from hub.fleet.axes import UNREAD_MS
from hub.fleet.lifecycle import Stage
from hub.fleet.machine import Machine, Start

NOW = 1_700_000_000_000
BACKLOG_BLOCKS = DEFAULTS["backlog_blocks"]
BACKUP_MS = DEFAULTS.ms("backup_stale_hours")
CHANNEL_MS = DEFAULTS.ms("channel_failing_minutes")
FLEET_DEVICES_MIN = DEFAULTS["fleet_silent_devices"]
MAIL_MS = DEFAULTS.ms("mail_waiting_minutes")
NEAR_MS = DEFAULTS.ms("window_closing_days")
RESTORE_DRILL_MS = DEFAULTS.ms("restore_drill_stale_days")
SETTLING_MS = DEFAULTS.ms("device_silent_settling_minutes")
SILENT_MS = DEFAULTS.ms("device_silent_hours")
SKEW_CRITICAL_MS = DEFAULTS.ms("clock_skew_critical_seconds")
SKEW_WARNING_MS = DEFAULTS.ms("clock_skew_warning_seconds")
DEVICE = DeviceFacts("d1", "Barn", Stage.IN_SERVICE, NOW)
DAY_MS = 86_400_000
CRL = EndFacts("revocation list", NOW + 7 * DAY_MS - 1, is_list=True)
HUB = HubFacts(Listening(NOW - SETTLING_MS))
WELL = {"under_voltage": 0, "disk_used_percent": 85, "processor_millicelsius": 80_000}
MACHINE = Machine(NOW, {"disk_used_percent": 50, "processor_millicelsius": 60_000}, 2, (Start(NOW, 1),))
ENDS = (
    (Code.CERTIFICATE_EXPIRY, Severity.WARNING),
    (Code.CERTIFICATE_EXPIRY, Severity.CRITICAL),
    (Code.CRL_EXPIRY, Severity.CRITICAL),
)
MACHINE_ILL = (Code.HOST_HEALTH, Severity.WARNING)
BACKED = replace(HUB, has_blocks=True, backup_at=NOW)
SILENT = replace(DEVICE, heard_at=NOW - SILENT_MS - 1)


def seen(device: DeviceFacts = DEVICE, hub: HubFacts = HUB) -> list[tuple[Code, Severity]]:
    """Return what is seen of one device and the hub."""
    return [(one.code, one.severity) for one in observe([device], hub, NOW)]


@pytest.mark.parametrize(
    ("device", "hub", "expected"),
    [
        (DEVICE, HUB, []),
        (SILENT, HUB, [(Code.DEVICE_SILENT, Severity.WARNING)]),
        (replace(DEVICE, heard_at=NOW - SILENT_MS), HUB, []),
        (replace(DEVICE, heard_at=None), HUB, []),
        (SILENT, replace(HUB, listening=Listening(NOW - SETTLING_MS + 1)), []),
        (SILENT, replace(HUB, listening=Listening(NOW, NOW)), [(Code.DEVICE_SILENT, Severity.WARNING)]),
        (SILENT, replace(HUB, listening=Listening(NOW, NOW - 1)), []),
        (replace(SILENT, stage=Stage.MAINTENANCE), HUB, []),
        (replace(SILENT, stage=Stage.DECOMMISSIONED), HUB, []),
        (replace(DEVICE, clock_ms=SKEW_WARNING_MS), HUB, []),
        (replace(DEVICE, clock_ms=-SKEW_WARNING_MS - 1), HUB, [(Code.CLOCK_SKEW, Severity.WARNING)]),
        (replace(DEVICE, clock_ms=SKEW_CRITICAL_MS + 1), HUB, [(Code.CLOCK_SKEW, Severity.CRITICAL)]),
        (replace(DEVICE, unset_since=NOW - DAY_MS), HUB, []),
        (replace(DEVICE, unset_since=NOW - DAY_MS - 1), HUB, [(Code.CLOCK_SKEW, Severity.WARNING)]),
        (
            replace(DEVICE, unset_since=0, clock_ms=SKEW_CRITICAL_MS + 1),
            HUB,
            [(Code.CLOCK_SKEW, Severity.CRITICAL)],
        ),
        (DEVICE, replace(HUB, is_deaf=True), [(Code.BROKER_DOWN, Severity.CRITICAL)]),
        (DEVICE, replace(HUB, free_per_cent=50, days_left=14), []),
        (DEVICE, replace(HUB, free_per_cent=50, days_left=13), [(Code.HUB_SPACE, Severity.WARNING)]),
        (DEVICE, replace(HUB, free_per_cent=4, days_left=13), [(Code.HUB_SPACE, Severity.CRITICAL)]),
        (replace(DEVICE, backlog=BACKLOG_BLOCKS), HUB, [(Code.BACKLOG, Severity.WARNING)]),
        (replace(DEVICE, backlog=BACKLOG_BLOCKS - 1), HUB, []),
        (replace(DEVICE, contested="two boards"), HUB, [(Code.DEVICE_CONTESTED, Severity.CRITICAL)]),
        (replace(DEVICE, is_forked=True), HUB, [(Code.STREAM_FORK, Severity.CRITICAL)]),
        (replace(DEVICE, bad_blocks=1), HUB, [(Code.BAD_SIGNATURE, Severity.CRITICAL)]),
        (replace(DEVICE, conflicts=1), HUB, [(Code.VALUE_CONFLICT, Severity.CRITICAL)]),
        (DEVICE, replace(HUB, lacking=3, closes_at=NOW + NEAR_MS), [(Code.WINDOW_CLOSING, Severity.INFO)]),
        (DEVICE, replace(HUB, lacking=3, closes_at=NOW + NEAR_MS + 1), []),
        (DEVICE, replace(HUB, lacking=3, closes_at=NOW + 86_400_000), [(Code.WINDOW_CLOSING, Severity.CRITICAL)]),
        (DEVICE, replace(HUB, lacking=0, closes_at=NOW + 1), []),
        (DEVICE, replace(HUB, missed=2), [(Code.WINDOW_MISSED, Severity.CRITICAL)]),
        (DEVICE, replace(HUB, missed=2, lacking=0, closes_at=NOW + NEAR_MS * 2), []),
        (DEVICE, replace(HUB, has_blocks=True), [(Code.BACKUP_STALE, Severity.CRITICAL)]),
        (DEVICE, replace(HUB, has_blocks=True, backup_at=NOW - BACKUP_MS), []),
        (
            DEVICE,
            replace(HUB, has_blocks=True, backup_at=NOW - BACKUP_MS - 1),
            [(Code.BACKUP_STALE, Severity.CRITICAL)],
        ),
        (replace(DEVICE, suspect=(2,)), HUB, [(Code.REGISTER_SUSPECT, Severity.CRITICAL)]),
        (replace(DEVICE, frozen=(0, 1)), HUB, [(Code.METER_FROZEN, Severity.WARNING)]),
        (replace(DEVICE, strangers=("W-7",)), HUB, [(Code.METER_IDENTITY, Severity.CRITICAL)]),
        (replace(DEVICE, failed=(("bad-reply", 4), ("timeout", 15))), HUB, []),
        (
            replace(DEVICE, failed=(("bad-reply", 4), ("timeout", 16))),
            HUB,
            [(Code.COMM_ERRORS, Severity.WARNING)],
        ),
        (
            replace(DEVICE, failed=(("bad-reply", 3), ("busy", 2), ("exception-2", 9))),
            HUB,
            [(Code.RS485_ERRORS, Severity.WARNING)],
        ),
        (replace(DEVICE, machine=Machine(NOW, WELL, 9, (Start(NOW - 1, 3), Start(NOW - 86_400_000, 9)))), HUB, []),
        (replace(DEVICE, machine=Machine(NOW, {"disk_free_bytes": 0})), HUB, []),
        (replace(DEVICE, machine=Machine(NOW, WELL | {"under_voltage": 1})), HUB, [MACHINE_ILL]),
        (replace(DEVICE, machine=Machine(NOW, WELL | {"disk_used_percent": 86})), HUB, [MACHINE_ILL]),
        (replace(DEVICE, machine=Machine(NOW, WELL | {"processor_millicelsius": 80_001})), HUB, [MACHINE_ILL]),
        (replace(DEVICE, machine=Machine(NOW, {}, 9, (Start(NOW - 1, 4),))), HUB, [MACHINE_ILL]),
        (replace(DEVICE, unread=("W-1",), heard_at=NOW - UNREAD_MS), HUB, [(Code.METER_STALE, Severity.WARNING)]),
        (replace(SILENT, unread=("W-1",)), HUB, [(Code.DEVICE_SILENT, Severity.WARNING)]),
        (replace(DEVICE, unread=("W-1",), heard_at=None), HUB, []),
        (replace(DEVICE, unread=("W-1",), backlog=BACKLOG_BLOCKS), HUB, [(Code.BACKLOG, Severity.WARNING)]),
        (replace(DEVICE, beyond=1), HUB, [(Code.DATA_GAP, Severity.WARNING)]),
        (DEVICE, replace(HUB, free_per_cent=20), []),
        (DEVICE, replace(HUB, free_per_cent=19), [(Code.HUB_SPACE, Severity.WARNING)]),
        (DEVICE, replace(HUB, free_per_cent=4), [(Code.HUB_SPACE, Severity.CRITICAL)]),
        (DEVICE, replace(HUB, channels=(ChannelFacts("channel 1", "x"),)), []),
        (DEVICE, replace(HUB, channels=(ChannelFacts("channel 1", "x", NOW - CHANNEL_MS),)), []),
        (
            DEVICE,
            replace(HUB, channels=(ChannelFacts("channel 1", "x", NOW - CHANNEL_MS - 1),)),
            [(Code.CHANNEL_FAILING, Severity.WARNING)],
        ),
        (
            DEVICE,
            replace(HUB, channels=(ChannelFacts("channel 1", "x", is_off=True),)),
            [(Code.CHANNEL_FAILING, Severity.CRITICAL)],
        ),
        (DEVICE, replace(HUB, erratic=ErraticFacts("2026-10", 7, 2)), [(Code.ERRATIC_MONTH, Severity.INFO)]),
        (DEVICE, replace(HUB, restorable_at=0), []),
        (DEVICE, replace(HUB, ends=(EndFacts("pages", NOW + 30 * DAY_MS),)), []),
        (DEVICE, replace(HUB, ends=(EndFacts("pages", NOW + 30 * DAY_MS - 1),)), [ENDS[0]]),
        (DEVICE, replace(HUB, ends=(EndFacts("pages", None),)), [ENDS[0]]),
        (DEVICE, replace(HUB, ends=(EndFacts("pages", NOW + 7 * DAY_MS - 1),)), [ENDS[1]]),
        (DEVICE, replace(HUB, ends=(replace(CRL, until=NOW + 7 * DAY_MS),)), []),
        (DEVICE, replace(HUB, ends=(CRL,)), [ENDS[2]]),
        (DEVICE, replace(HUB, ends=(replace(CRL, until=None),)), [ENDS[2]]),
        (DEVICE, replace(BACKED, restorable_at=NOW - RESTORE_DRILL_MS), []),
        (
            DEVICE,
            replace(BACKED, restorable_at=NOW - RESTORE_DRILL_MS - 1),
            [(Code.RESTORE_DRILL_STALE, Severity.WARNING)],
        ),
        (DEVICE, replace(HUB, ingest_lag_ms=60_000), []),
        (DEVICE, replace(HUB, ingest_lag_ms=60_001), [(Code.HUB_INGEST_LAG, Severity.WARNING)]),
        (DEVICE, replace(HUB, ingest_lag_ms=600_001), [(Code.HUB_INGEST_LAG, Severity.CRITICAL)]),
        (DEVICE, replace(HUB, oldest_mail_at=NOW - MAIL_MS), []),
        (DEVICE, replace(HUB, oldest_mail_at=NOW - MAIL_MS - 1), [(Code.MAIL_WAITING, Severity.WARNING)]),
    ],
)
def test_each_rule_at_its_edge(device: DeviceFacts, hub: HubFacts, expected: list[tuple[Code, Severity]]) -> None:
    """Nothing more is seen than what is wrong."""
    assert seen(device, hub) == expected


def test_a_silence_is_critical_while_its_month_is_reported() -> None:
    """Five days before the window closes there is no time to lose."""
    hub = replace(HUB, lacking=1, closes_at=NOW + NEAR_MS)
    assert (Code.DEVICE_SILENT, Severity.CRITICAL) in seen(SILENT, hub)


@pytest.mark.parametrize(
    ("silent", "well", "is_fleet"),
    [(FLEET_DEVICES_MIN, 0, True), (FLEET_DEVICES_MIN - 1, 0, False), (10, 190, False), (11, 189, True)],
)
def test_much_of_a_fleet_is_an_alert_of_its_own(silent: int, well: int, is_fleet: bool) -> None:  # noqa: FBT001
    """More than five per cent, and ten at least."""
    devices = [replace(SILENT, id=f"s{number}") for number in range(silent)]
    devices += [replace(DEVICE, id=f"w{number}") for number in range(well)]
    found = [one for one in observe(devices, HUB, NOW) if one.code is Code.FLEET_SILENT]
    assert bool(found) == is_fleet
    assert all(f"{silent} of {silent + well} devices" in one.why for one in found)


def test_each_rule_holds_of_a_subject_once() -> None:
    """However much is wrong with it."""
    worst = replace(SILENT, clock_ms=10**9, backlog=99, contested="x", is_forked=True, bad_blocks=3, conflicts=4)
    hub = HubFacts(Listening(0), None, 0, 5, None, has_blocks=True, oldest_mail_at=0)
    found = observe([worst], hub, NOW)
    assert len({(one.code, one.subject) for one in found}) == len(found) == 10


def test_a_machine_s_ills_are_named_together() -> None:
    """One alert of a device, whatever is wrong with its machine."""
    numbers = {"under_voltage": 1, "disk_used_percent": 91, "disk_errors": 2, "processor_millicelsius": 84_250}
    device = replace(DEVICE, machine=Machine(NOW, numbers, 9, (Start(NOW, 5),)))
    (found,) = observe([device], HUB, NOW)
    assert found.why == (
        "Barn: its supply is or was too low, its disk is 91 % full, its disk had 2 errors since it was last checked, "
        "its processor is at 84.3 °C, it started 5 times within a day."
    )


@pytest.mark.parametrize(
    ("device", "hub", "values", "expected"),
    [
        (replace(DEVICE, heard_at=NOW - 3_600_001), HUB, {"device_silent_hours": 1}, [Code.DEVICE_SILENT]),
        (
            replace(DEVICE, heard_at=NOW - SILENT_MS - 1, cadence_ms=SILENT_MS // 6 + 1),
            replace(HUB, listening=Listening(0)),
            {},
            [],
        ),
        (replace(SILENT, cadence_ms=SILENT_MS // 6), replace(HUB, listening=Listening(0)), {}, [Code.DEVICE_SILENT]),
        (
            replace(SILENT, cadence_ms=SETTLING_MS + 60_000),
            replace(HUB, listening=Listening(NOW - SETTLING_MS)),
            {},
            [],
        ),
        (SILENT, replace(HUB, listening=Listening(NOW)), {"device_silent_settling_minutes": 0}, [Code.DEVICE_SILENT]),
        (
            SILENT,
            HUB,
            {"fleet_silent_devices": 1, "fleet_silent_per_cent": 99},
            [Code.FLEET_SILENT, Code.DEVICE_SILENT],
        ),
        (replace(DEVICE, clock_ms=2_000), HUB, {"clock_skew_warning_seconds": 1}, [Code.CLOCK_SKEW]),
        (replace(DEVICE, backlog=24), HUB, {"backlog_blocks": 25}, []),
        (replace(DEVICE, failed=(("timeout", 20),)), HUB, {"comm_errors_polls": 21}, []),
        (replace(DEVICE, failed=(("bad-reply", 5),)), HUB, {"rs485_errors_polls": 6}, []),
        (replace(DEVICE, machine=MACHINE), HUB, {"host_health_disk_per_cent": 49}, [Code.HOST_HEALTH]),
        (replace(DEVICE, machine=MACHINE), HUB, {"host_health_celsius": 59}, [Code.HOST_HEALTH]),
        (replace(DEVICE, machine=MACHINE), HUB, {"host_health_starts": 0}, [Code.HOST_HEALTH]),
        (DEVICE, replace(HUB, ingest_lag_ms=2_000), {"hub_ingest_lag_warning_seconds": 1}, [Code.HUB_INGEST_LAG]),
        (DEVICE, replace(HUB, lacking=1, closes_at=NOW + 86_400_001), {"window_closing_days": 1}, []),
        (
            DEVICE,
            replace(HUB, has_blocks=True, backup_at=NOW - 3_600_001),
            {"backup_stale_hours": 1},
            [Code.BACKUP_STALE],
        ),
        (
            DEVICE,
            replace(BACKED, restorable_at=NOW - 86_400_001),
            {"restore_drill_stale_days": 1},
            [Code.RESTORE_DRILL_STALE],
        ),
        (DEVICE, replace(HUB, ends=(EndFacts("pages", NOW + 86_400_000),)), {"certificate_expiry_warning_days": 1}, []),
        (DEVICE, replace(HUB, ends=(CRL,)), {"crl_expiry_days": 1}, []),
        (DEVICE, replace(HUB, days_left=13), {"hub_space_days": 13}, []),
        (replace(DEVICE, unset_since=NOW - DAY_MS - 1), HUB, {"clock_skew_unset_hours": 25}, []),
        (DEVICE, replace(HUB, free_per_cent=19), {"hub_space_warning_per_cent": 19}, []),
        (DEVICE, replace(HUB, oldest_mail_at=NOW - 60_001), {"mail_waiting_minutes": 1}, [Code.MAIL_WAITING]),
        (
            DEVICE,
            replace(HUB, channels=(ChannelFacts("channel 1", "x", NOW - 60_001),)),
            {"channel_failing_minutes": 1},
            [Code.CHANNEL_FAILING],
        ),
    ],
)
def test_each_rule_compares_with_what_holds(
    device: DeviceFacts, hub: HubFacts, values: dict[str, int], expected: list[Code]
) -> None:
    """Each threshold that was changed moves the edge of its rule."""
    assert [one.code for one in observe([device], hub, NOW, Thresholds(values))] == expected


@pytest.mark.parametrize(
    ("device", "hub", "name", "value"),
    [
        (DEVICE, replace(HUB, ingest_lag_ms=500_000), "hub_ingest_lag_critical_seconds", 499),
        (replace(DEVICE, clock_ms=299_000), HUB, "clock_skew_critical_seconds", 298),
        (DEVICE, replace(HUB, lacking=1, closes_at=NOW + 3 * 86_400_000), "window_closing_critical_hours", 72),
        (DEVICE, replace(HUB, free_per_cent=10), "hub_space_critical_per_cent", 11),
    ],
)
def test_what_is_critical_follows_what_holds(device: DeviceFacts, hub: HubFacts, name: str, value: int) -> None:
    """By the default it is not."""
    (before,) = observe([device], hub, NOW)
    (after,) = observe([device], hub, NOW, Thresholds({name: value}))
    assert before.severity is not Severity.CRITICAL
    assert after.severity is Severity.CRITICAL


def test_it_says_for_how_long_a_fleet_was_not_heard() -> None:
    """By what holds."""
    devices = [replace(SILENT, id=f"s{number}") for number in range(10)]
    (found, *_) = observe(devices, HUB, NOW, Thresholds({"device_silent_hours": 1}))
    assert found.why == "10 of 10 devices in service were not heard for 1 hour."
