"""What holds of a fleet: facts of devices and of the hub in, and what the rules see of them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.alerting.life import Seen
from hub.alerting.observing_hub import HUB, observe_hub
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

    from hub.alerting.observing_hub import HubFacts
    from hub.alerting.thresholds import Thresholds
    from hub.fleet.machine import Machine

WIRING_CAUSES = frozenset({PollCause.BAD_REPLY.value, PollCause.BUSY.value})
"""What a line does to frames: they come broken, or it is never silent enough to ask. A time-out is none of them."""


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """A device as it stands: `heard_at` None where it was never heard; counts of what is kept and not counted.

    `unset_since` is since when (UTC ms) it says that nobody keeps its clock right. `cadence_ms` is how often it seals a
    block by its own word, None where it did not say.

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
    unset_since: int | None = None
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


def observe(devices: Sequence[DeviceFacts], hub: HubFacts, at: int, limits: Thresholds = DEFAULTS) -> tuple[Seen, ...]:
    """Return what holds at `at` (UTC ms) by these thresholds, each rule of each subject once at most."""
    return (
        *_observe_fleet(devices, hub, at, limits),
        *observe_hub(hub, at, limits),
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
        yield from _observe_device(one, at, limits)
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
    judged_at = hub.listening.judged_at(at, settling_ms)
    if one.heard_at is None or judged_at is None:
        return False
    return judged_at - one.heard_at > silent_after_ms(one.cadence_ms, limits.ms("device_silent_hours"))


def _observe_device(one: DeviceFacts, at: int, limits: Thresholds) -> Iterator[Seen]:
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
    elif one.unset_since is not None and at - one.unset_since > limits.ms("clock_skew_unset_hours"):
        why = f"{one.name} says since {format_local(one.unset_since)} that nobody keeps its clock right."
        yield Seen(Code.CLOCK_SKEW, one.id, Severity.WARNING, why)
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


def _name_meters(numbers: tuple[int, ...]) -> str:
    return f"meter{'' if len(numbers) == 1 else 's'} {', '.join(map(str, numbers))}"


def _name_causes(failed: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{cause} {polls}" for cause, polls in failed)
