"""What holds of a fleet: facts of devices and of the hub in, and what the rules see of them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.alerting.life import Seen
from hub.alerting.rules import Code, Severity
from hub.alerting.thresholds import DEFAULTS
from hub.fleet.axes import UNREAD_MS
from hub.fleet.hearing import silent_after_ms
from hub.fleet.lifecycle import Stage, is_watched
from hub.fleet.machine import spell_celsius
from hub.rules.local_times import format_local
from protocol.records import PollCause

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hub.alerting.thresholds import Thresholds
    from hub.fleet.machine import Machine

WIRING_CAUSES = frozenset({PollCause.BAD_REPLY.value, PollCause.BUSY.value})
"""What a line does to frames: they come broken, or it is never silent enough to ask. A time-out is none of them."""
HUB = "hub"


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """A device as it stands: `heard_at` None where it was never heard; counts of what is kept and not counted.

    `cadence_ms` is how often it seals a block by its own word, None where it did not say.

    `suspect` and `frozen` are its meters, by their numbers there, of which it says that a register moved as it cannot,
    or does not move. `strangers` are serial numbers that it reads and that belong to no system, `beyond` counts blocks
    beyond a gap, `aside_blocks` blocks that contradict the log. `failed` has polls of the last day that failed, by
    their cause. `machine` is what it last said of its own, None before it did. `unread` are serial numbers of meters
    that it was registered to read and nobody has read for `UNREAD_MS`.
    """

    id: str
    name: str
    stage: Stage
    heard_at: int | None
    clock_ms: int | None = None
    cadence_ms: int | None = None
    backlog: int = 0
    contested: str = ""
    is_forked: bool = False
    bad_blocks: int = 0
    conflicts: int = 0
    suspect: tuple[int, ...] = ()
    frozen: tuple[int, ...] = ()
    strangers: tuple[str, ...] = ()
    beyond: int = 0
    failed: tuple[tuple[str, int], ...] = ()
    machine: Machine | None = None
    unread: tuple[str, ...] = ()
    aside_blocks: int = 0


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """A channel by its name and target: since when (UTC ms) a message waits there in vain, and whether it is off."""

    name: str
    target: str
    waiting_since: int | None = None
    is_off: bool = False


@dataclass(frozen=True, slots=True)
class ErraticFacts:
    """How many systems were found erratic in a month and nobody decided on, `zero` of them without any production."""

    month: str
    systems: int
    zero: int


@dataclass(frozen=True, slots=True)
class EndFacts:
    """Until when (UTC ms) a certificate is good, or the revocation list; None where its file does not tell."""

    use: str
    until: int | None
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class HubFacts:
    """The hub as it stands; instants are UTC ms.

    `lacking` counts systems that lack the month of the open window (None where none is open), which closes at
    `closes_at`; `missed` those that lacked it when the last one closed. `has_blocks` tells that there is something to
    back up. `free_per_cent` is how much of its disk is free, None where nobody can tell. `ingest_lag_ms` is how long
    the oldest message waits that was taken from the broker and is not committed. `erratic` are systems that wait for a
    review, None where none does. `restorable_at` is when a backup of it was last seen to be restored: in a drill, or as
    its own beginning, from which on there is time for the first.
    """

    began_at: int
    lacking: int | None = None
    closes_at: int = 0
    missed: int = 0
    backup_at: int | None = None
    has_blocks: bool = False
    oldest_mail_at: int | None = None
    channels: tuple[ChannelFacts, ...] = ()
    free_per_cent: int | None = None
    ingest_lag_ms: int = 0
    erratic: ErraticFacts | None = None
    restorable_at: int | None = None
    ends: tuple[EndFacts, ...] = ()


def observe(devices: Sequence[DeviceFacts], hub: HubFacts, at: int, limits: Thresholds = DEFAULTS) -> tuple[Seen, ...]:
    """Return what holds at `at` (UTC ms) by these thresholds, each rule of each subject once at most."""
    return (
        *_observe_fleet(devices, hub, at, limits),
        *_observe_months(hub, at, limits),
        *_observe_hub(hub, at, limits),
        *_observe_ends(hub, at, limits),
    )


def _observe_fleet(devices: Sequence[DeviceFacts], hub: HubFacts, at: int, limits: Thresholds) -> Iterator[Seen]:
    watched = [one for one in devices if is_watched(one.stage)]
    silent = [one for one in watched if _is_silent(one, hub, at, limits)]
    share = limits["fleet_silent_per_cent"]
    if len(silent) >= limits["fleet_silent_devices"] and len(silent) * 100 > share * len(watched):
        for_long = limits.say("device_silent_hours")
        why = f"{len(silent)} of {len(watched)} devices in service were not heard for {for_long}."
        yield Seen(Code.FLEET_SILENT, HUB, Severity.CRITICAL, why)
    is_near = hub.lacking is not None and hub.closes_at - at <= limits.ms("window_closing_days")
    for one in silent:
        assert one.heard_at is not None, "only what was heard can be silent"
        severity = Severity.CRITICAL if is_near else Severity.WARNING
        yield Seen(Code.DEVICE_SILENT, one.id, severity, f"{one.name} was last heard {format_local(one.heard_at)}.")
    for one in watched:
        yield from _observe_device(one, limits)
        # A day's blocks that the hub lacks may well hold what it takes for unread.
        is_heard = one.heard_at is not None and at - one.heard_at <= UNREAD_MS
        is_current = is_heard and one.backlog < limits["backlog_blocks"]
        if one.unread and is_current:
            why = f"{one.name} is heard and has not read for a day: {', '.join(one.unread)}."
            yield Seen(Code.METER_STALE, one.id, Severity.WARNING, why)
        ill = () if one.machine is None else tuple(_name_ills(one.machine, at, limits))
        if ill:
            yield Seen(Code.HOST_HEALTH, one.id, Severity.WARNING, f"{one.name}: {', '.join(ill)}.")


def _is_silent(one: DeviceFacts, hub: HubFacts, at: int, limits: Thresholds) -> bool:
    # Devices have to find a hub again that has just started, and each to have had the time to bring a block.
    settling_ms = max(limits.ms("device_silent_settling_minutes"), one.cadence_ms or 0)
    if one.heard_at is None or at - hub.began_at < settling_ms:
        return False
    return at - one.heard_at > silent_after_ms(one.cadence_ms, limits.ms("device_silent_hours"))


def _observe_device(one: DeviceFacts, limits: Thresholds) -> Iterator[Seen]:
    if one.contested:
        yield Seen(Code.DEVICE_CONTESTED, one.id, Severity.CRITICAL, f"{one.name}: {one.contested}.")
    if one.is_forked:
        yield Seen(Code.STREAM_FORK, one.id, Severity.CRITICAL, f"{one.name}: two blocks claim one place in its log.")
    if one.bad_blocks:
        yield Seen(Code.BAD_SIGNATURE, one.id, Severity.CRITICAL, f"{one.name}: {one.bad_blocks} blocks.")
    if one.conflicts:
        yield Seen(Code.VALUE_CONFLICT, one.id, Severity.CRITICAL, f"{one.name}: {one.conflicts} readings.")
    if one.beyond:
        yield Seen(Code.DATA_GAP, one.id, Severity.WARNING, f"{one.name}: {one.beyond} blocks.")
    yield from _observe_meters(one, limits)
    if one.clock_ms is not None and abs(one.clock_ms) > limits.ms("clock_skew_warning_seconds"):
        is_critical = abs(one.clock_ms) > limits.ms("clock_skew_critical_seconds")
        severity = Severity.CRITICAL if is_critical else Severity.WARNING
        way = "behind" if one.clock_ms > 0 else "ahead of"
        yield Seen(Code.CLOCK_SKEW, one.id, severity, f"{one.name} is {abs(one.clock_ms) // 1000} s {way} the hub.")
    if one.backlog >= limits["backlog_blocks"]:
        yield Seen(Code.BACKLOG, one.id, Severity.WARNING, f"{one.name} holds {one.backlog} blocks that the hub lacks.")


def _observe_meters(one: DeviceFacts, limits: Thresholds) -> Iterator[Seen]:
    if one.suspect:
        yield Seen(Code.REGISTER_SUSPECT, one.id, Severity.CRITICAL, f"{one.name}: {_name_meters(one.suspect)}.")
    if one.frozen:
        yield Seen(Code.METER_FROZEN, one.id, Severity.WARNING, f"{one.name}: {_name_meters(one.frozen)}.")
    if sum(polls for _, polls in one.failed) >= limits["comm_errors_polls"]:
        why = f"{one.name}: polls failed in a day, {_name_causes(one.failed)}."
        yield Seen(Code.COMM_ERRORS, one.id, Severity.WARNING, why)
    broken = [(cause, polls) for cause, polls in one.failed if cause in WIRING_CAUSES]
    if sum(polls for _, polls in broken) >= limits["rs485_errors_polls"]:
        why = f"{one.name}: polls broken on the line in a day, {_name_causes(broken)}."
        yield Seen(Code.RS485_ERRORS, one.id, Severity.WARNING, why)
    if one.strangers:
        why = f"{one.name} reads {', '.join(one.strangers)}."
        yield Seen(Code.METER_IDENTITY, one.id, Severity.CRITICAL, why)


def _name_ills(machine: Machine, at: int, limits: Thresholds) -> Iterator[str]:
    if machine.is_under_voltage:
        yield "its supply is or was too low"
    if machine.disk_percent is not None and machine.disk_percent > limits["host_health_disk_per_cent"]:
        yield f"its disk is {machine.disk_percent} % full"
    if machine.disk_errors:
        yield f"its disk had {machine.disk_errors} errors since it was last checked"
    if machine.millicelsius is not None and machine.millicelsius > 1000 * limits["host_health_celsius"]:
        yield f"its processor is at {spell_celsius(machine.millicelsius)} °C"
    if (starts := machine.starts_at(at)) > limits["host_health_starts"]:
        yield f"it started {starts} times within a day"


def _observe_months(hub: HubFacts, at: int, limits: Thresholds) -> Iterator[Seen]:
    if hub.lacking and hub.closes_at - at <= limits.ms("window_closing_days"):
        is_critical = hub.closes_at - at <= limits.ms("window_closing_critical_hours")
        severity = Severity.CRITICAL if is_critical else Severity.INFO
        why = f"{hub.lacking} systems lack a reading, and the window closes {format_local(hub.closes_at)}."
        yield Seen(Code.WINDOW_CLOSING, HUB, severity, why)
    if hub.lacking is None and hub.missed:
        yield Seen(Code.WINDOW_MISSED, HUB, Severity.CRITICAL, f"{hub.missed} systems lacked a reading when it closed.")
    if hub.erratic is not None:
        why = f"{hub.erratic.month}: {hub.erratic.systems} erratic, {hub.erratic.zero} of them without any production."
        yield Seen(Code.ERRATIC_MONTH, HUB, Severity.INFO, why)


def _observe_hub(hub: HubFacts, at: int, limits: Thresholds) -> Iterator[Seen]:
    if hub.has_blocks and (hub.backup_at is None or at - hub.backup_at > limits.ms("backup_stale_hours")):
        last = "there is none" if hub.backup_at is None else f"the last was verified {format_local(hub.backup_at)}"
        yield Seen(Code.BACKUP_STALE, HUB, Severity.CRITICAL, f"Of backups {last}.")
    drilled_ms = limits.ms("restore_drill_stale_days")
    if hub.has_blocks and hub.restorable_at is not None and at - hub.restorable_at > drilled_ms:
        why = f"No backup was restored or drilled since {format_local(hub.restorable_at)}."
        yield Seen(Code.RESTORE_DRILL_STALE, HUB, Severity.WARNING, why)
    if hub.free_per_cent is not None and hub.free_per_cent < limits["hub_space_warning_per_cent"]:
        is_critical = hub.free_per_cent < limits["hub_space_critical_per_cent"]
        severity = Severity.CRITICAL if is_critical else Severity.WARNING
        yield Seen(Code.HUB_SPACE, HUB, severity, f"{hub.free_per_cent} % of its disk is free.")
    if hub.ingest_lag_ms > limits.ms("hub_ingest_lag_warning_seconds"):
        is_critical = hub.ingest_lag_ms > limits.ms("hub_ingest_lag_critical_seconds")
        severity = Severity.CRITICAL if is_critical else Severity.WARNING
        why = f"A message of a device waits for {hub.ingest_lag_ms // 1000} s to be committed."
        yield Seen(Code.HUB_INGEST_LAG, HUB, severity, why)
    if hub.oldest_mail_at is not None and at - hub.oldest_mail_at > limits.ms("mail_waiting_minutes"):
        yield Seen(
            Code.MAIL_WAITING, HUB, Severity.WARNING, f"The oldest waits since {format_local(hub.oldest_mail_at)}."
        )
    for one in hub.channels:
        if one.is_off:
            yield Seen(Code.CHANNEL_FAILING, one.name, Severity.CRITICAL, f"{one.target} is switched off.")
        elif one.waiting_since is not None and at - one.waiting_since > limits.ms("channel_failing_minutes"):
            since = format_local(one.waiting_since)
            yield Seen(Code.CHANNEL_FAILING, one.name, Severity.WARNING, f"{one.target} takes nothing since {since}.")


def _observe_ends(hub: HubFacts, at: int, limits: Thresholds) -> Iterator[Seen]:
    for one in hub.ends:
        name = "crl_expiry_days" if one.is_list else "certificate_expiry_warning_days"
        if one.until is not None and one.until - at >= limits.ms(name):
            continue
        ends = "cannot be read" if one.until is None else f"is good until {format_local(one.until)}"
        is_near = one.until is not None and one.until - at < limits.ms("certificate_expiry_critical_days")
        severity = Severity.CRITICAL if one.is_list or is_near else Severity.WARNING
        if one.is_list:
            yield Seen(Code.CRL_EXPIRY, HUB, severity, f"The {one.use} {ends}.")
        else:
            yield Seen(Code.CERTIFICATE_EXPIRY, f"certificate {one.use}", severity, f"The one for {one.use} {ends}.")


def _name_meters(numbers: tuple[int, ...]) -> str:
    return f"meter{'' if len(numbers) == 1 else 's'} {', '.join(map(str, numbers))}"


def _name_causes(failed: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{cause} {polls}" for cause, polls in failed)
