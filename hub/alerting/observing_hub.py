"""What holds of the hub itself, and of the months that it is there for: facts in, what the rules see of them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.alerting.life import Seen
from hub.alerting.rules import Code, Severity
from hub.rules.local_times import format_local

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.alerting.listening import Listening
    from hub.alerting.thresholds import Thresholds

HUB = "hub"


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

    `listening` tells since when it hears devices. `lacking` counts systems that lack the month of the open window (None
    where none is open), which closes at `closes_at`; `missed` those that lacked it when the last one closed.
    `has_blocks` tells that there is something to back up. `free_per_cent` is how much of its disk is free, `days_left`
    for how many days it has room as the database grows; None where nobody can tell. `is_deaf` tells that it has no
    session with its broker. `ingest_lag_ms` is how long the oldest message waits that was taken from the broker and is
    not committed. `erratic` are systems that wait for a review, None where none does. `restorable_at` is when a backup
    of it was last seen to be restored: in a drill, or as its own beginning, from which on there is time for the first.
    """

    listening: Listening
    lacking: int | None = None
    closes_at: int = 0
    missed: int = 0
    backup_at: int | None = None
    has_blocks: bool = False
    oldest_mail_at: int | None = None
    channels: tuple[ChannelFacts, ...] = ()
    free_per_cent: int | None = None
    days_left: int | None = None
    is_deaf: bool = False
    ingest_lag_ms: int = 0
    erratic: ErraticFacts | None = None
    restorable_at: int | None = None
    ends: tuple[EndFacts, ...] = ()


def observe_hub(hub: HubFacts, at: int, limits: Thresholds) -> Iterator[Seen]:
    """Yield what holds of the hub at `at` (UTC ms) by these thresholds, each rule of each subject once at most."""
    yield from _observe_months(hub, at, limits)
    yield from _observe_backups(hub, at, limits)
    yield from _observe_space(hub, limits)
    yield from _observe_ways(hub, at, limits)
    yield from _observe_ends(hub, at, limits)


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


def _observe_backups(hub: HubFacts, at: int, limits: Thresholds) -> Iterator[Seen]:
    if hub.has_blocks and (hub.backup_at is None or at - hub.backup_at > limits.ms("backup_stale_hours")):
        last = "there is none" if hub.backup_at is None else f"the last was verified {format_local(hub.backup_at)}"
        yield Seen(Code.BACKUP_STALE, HUB, Severity.CRITICAL, f"Of backups {last}.")
    drilled_ms = limits.ms("restore_drill_stale_days")
    if hub.has_blocks and hub.restorable_at is not None and at - hub.restorable_at > drilled_ms:
        why = f"No backup was restored or drilled since {format_local(hub.restorable_at)}."
        yield Seen(Code.RESTORE_DRILL_STALE, HUB, Severity.WARNING, why)


def _observe_space(hub: HubFacts, limits: Thresholds) -> Iterator[Seen]:
    if hub.free_per_cent is not None and hub.free_per_cent < limits["hub_space_warning_per_cent"]:
        is_critical = hub.free_per_cent < limits["hub_space_critical_per_cent"]
        severity = Severity.CRITICAL if is_critical else Severity.WARNING
        yield Seen(Code.HUB_SPACE, HUB, severity, f"{hub.free_per_cent} % of its disk is free.")
    elif hub.days_left is not None and hub.days_left < limits["hub_space_days"]:
        why = f"Its disk is full in {hub.days_left} days if the database goes on growing so."
        yield Seen(Code.HUB_SPACE, HUB, Severity.WARNING, why)


def _observe_ways(hub: HubFacts, at: int, limits: Thresholds) -> Iterator[Seen]:
    """Yield what holds of what comes in from devices and goes out to people."""
    if hub.is_deaf:
        yield Seen(Code.BROKER_DOWN, HUB, Severity.CRITICAL, "It has no session with its broker.")
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
