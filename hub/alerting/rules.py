"""The alert rules: what each means, what to do, how long it has to hold, and what mutes it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS


class Severity(StrEnum):
    """How soon somebody should look."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Code(StrEnum):
    """The rules there are."""

    FLEET_SILENT = "fleet_silent"
    DEVICE_SILENT = "device_silent"
    DEVICE_CONTESTED = "device_contested"
    STREAM_FORK = "stream_fork"
    BAD_SIGNATURE = "bad_signature"
    VALUE_CONFLICT = "value_conflict"
    CLOCK_SKEW = "clock_skew"
    BACKLOG = "backlog"
    REGISTER_SUSPECT = "register_suspect"
    METER_FROZEN = "meter_frozen"
    METER_STALE = "meter_stale"
    METER_IDENTITY = "meter_identity"
    DATA_GAP = "data_gap"
    COMM_ERRORS = "comm_errors"
    RS485_ERRORS = "rs485_errors"
    HOST_HEALTH = "host_health"
    WINDOW_CLOSING = "window_closing"
    WINDOW_MISSED = "window_missed"
    ERRATIC_MONTH = "erratic_month"
    BACKUP_STALE = "backup_stale"
    RESTORE_DRILL_STALE = "restore_drill_stale"
    CERTIFICATE_EXPIRY = "certificate_expiry"
    CRL_EXPIRY = "crl_expiry"
    BROKER_DOWN = "broker_down"
    HUB_INGEST_LAG = "hub_ingest_lag"
    HUB_SPACE = "hub_space"
    MAIL_WAITING = "mail_waiting"
    CHANNEL_FAILING = "channel_failing"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: it fires once it has held for `for_ms`, and is over once it has not held for `keep_ms`.

    While one of `inhibited_by` fires, nobody is told of this one: its cause is known.
    """

    code: Code
    title: str
    runbook: str
    for_ms: int = 0
    keep_ms: int = 0
    inhibited_by: tuple[Code, ...] = ()


RULES = {
    rule.code: rule
    for rule in (
        Rule(
            Code.FLEET_SILENT,
            "Much of the fleet is silent",
            "Look at the broker, its certificates and the network of the hub first: single devices are not the cause.",
            for_ms=5 * _MINUTE_MS,
            keep_ms=15 * _MINUTE_MS,
            inhibited_by=(Code.BROKER_DOWN,),
        ),
        Rule(
            Code.DEVICE_SILENT,
            "A device is silent",
            "Its readings are kept on it. Look at its power and network; call the site before the window closes.",
            for_ms=5 * _MINUTE_MS,
            keep_ms=5 * _MINUTE_MS,
            inhibited_by=(Code.FLEET_SILENT, Code.BROKER_DOWN),
        ),
        Rule(
            Code.DEVICE_CONTESTED,
            "Two things speak for one device",
            "Find the copy of its card and take it away, then run `meter-hub device resolve`.",
        ),
        Rule(
            Code.STREAM_FORK,
            "A device's log forks",
            "Two different blocks claim one place in its log: find out whether its card was copied.",
        ),
        Rule(
            Code.BAD_SIGNATURE,
            "Blocks with a bad signature are kept",
            "They count nothing. An intact copy takes their place if the device has one: `meter-hub command resend`.",
        ),
        Rule(
            Code.VALUE_CONFLICT,
            "Readings came twice with different values",
            "The first counts and both are kept: compare both with the meter.",
        ),
        Rule(
            Code.CLOCK_SKEW,
            "A device's clock is wrong",
            "Readings of months' edges depend on it: look at its time source.",
            for_ms=5 * _MINUTE_MS,
            keep_ms=_HOUR_MS,
            inhibited_by=(Code.DEVICE_SILENT, Code.FLEET_SILENT),
        ),
        Rule(
            Code.BACKLOG,
            "A device holds many blocks that the hub lacks",
            "It is heard and does not come after: look at its line, and at how fast the hub takes blocks.",
            for_ms=6 * _HOUR_MS,
            keep_ms=_HOUR_MS,
            inhibited_by=(Code.FLEET_SILENT,),
        ),
        Rule(
            Code.REGISTER_SUSPECT,
            "A register moved as it cannot",
            "Its readings decide no month until the device confirms them: compare them with the meter's display.",
            inhibited_by=(Code.DEVICE_SILENT,),
        ),
        Rule(
            Code.METER_FROZEN,
            "A meter stands still",
            "By day its site should produce: ask there, and look whether the meter, not the site, has stopped.",
            keep_ms=_HOUR_MS,
            inhibited_by=(Code.DEVICE_SILENT, Code.FLEET_SILENT),
        ),
        Rule(
            Code.METER_STALE,
            "A meter is not read any more",
            "Its device is heard: `comm_errors` says why polls fail. A meter that was taken away is to be ended.",
            for_ms=_HOUR_MS,
            keep_ms=5 * _MINUTE_MS,
            inhibited_by=(Code.DEVICE_SILENT, Code.FLEET_SILENT),
        ),
        Rule(
            Code.METER_IDENTITY,
            "A meter is read that nobody registered",
            "Its readings count for no system. Was one exchanged? Tell of the exchange, or register the meter.",
            for_ms=_HOUR_MS,
            keep_ms=5 * _MINUTE_MS,
        ),
        Rule(
            Code.DATA_GAP,
            "Blocks lie beyond a gap",
            "What lies between has not come for two days: `meter-hub command resend`, or the device has lost it.",
            for_ms=48 * _HOUR_MS,
            keep_ms=5 * _MINUTE_MS,
            inhibited_by=(Code.FLEET_SILENT,),
        ),
        Rule(
            Code.COMM_ERRORS,
            "A device's meters answer badly",
            "Time-outs are power, address or speed; bad replies are wiring, termination, or two meters of one address.",
            for_ms=5 * _MINUTE_MS,
            keep_ms=2 * _HOUR_MS,
            inhibited_by=(Code.DEVICE_SILENT, Code.FLEET_SILENT),
        ),
        Rule(
            Code.RS485_ERRORS,
            "Frames come broken on a device's line",
            "Look at the wiring: both ends terminated, polarity and common, one shield's end earthed, one master only.",
            for_ms=5 * _MINUTE_MS,
            keep_ms=6 * _HOUR_MS,
            inhibited_by=(Code.DEVICE_SILENT, Code.FLEET_SILENT),
        ),
        Rule(
            Code.HOST_HEALTH,
            "A device's machine is not well",
            "A weak supply or cable, a closed box, a card that wears out and wants exchange; a full disk ends polling.",
            for_ms=5 * _MINUTE_MS,
            keep_ms=6 * _HOUR_MS,
            inhibited_by=(Code.DEVICE_SILENT, Code.FLEET_SILENT),
        ),
        Rule(
            Code.WINDOW_CLOSING,
            "Systems lack the month that is being reported",
            "The window board has them, most at stake first, each with its reason.",
            keep_ms=15 * _MINUTE_MS,
        ),
        Rule(
            Code.WINDOW_MISSED,
            "Systems missed the window",
            "The Missing Production Report has them; what is found later is reconciled with the registry.",
            keep_ms=15 * _MINUTE_MS,
        ),
        Rule(
            Code.ERRATIC_MONTH,
            "Systems are erratic, and nobody has reviewed them",
            "The month's page lists them, the most doubtful first: ask, and say of each what you found out.",
            keep_ms=5 * _MINUTE_MS,
        ),
        Rule(
            Code.BACKUP_STALE,
            "The last verified backup is old",
            "Devices keep what no backup holds. Run `meter-hub backup`, and see why its timer did not.",
            keep_ms=_MINUTE_MS,
        ),
        Rule(
            Code.RESTORE_DRILL_STALE,
            "Nobody has tried for long to restore a backup",
            "Run `meter-hub drill` with the last backup: it is restored as if the hub were lost, and thrown away.",
            keep_ms=_MINUTE_MS,
        ),
        Rule(
            Code.CERTIFICATE_EXPIRY,
            "A certificate ends soon",
            "Whoever renews it did not, or its file cannot be read: renew it, and have its server read it again.",
            keep_ms=_MINUTE_MS,
        ),
        Rule(
            Code.CRL_EXPIRY,
            "The broker's revocation list is overdue soon",
            "Once it is overdue, the broker refuses every device: have the list issued anew, and the broker read it.",
            keep_ms=_MINUTE_MS,
        ),
        Rule(
            Code.BROKER_DOWN,
            "The hub hears no broker",
            "Nothing of any device arrives; they keep what they read. See that it runs and lets the hub subscribe.",
            for_ms=5 * _MINUTE_MS,
            keep_ms=_MINUTE_MS,
        ),
        Rule(
            Code.HUB_INGEST_LAG,
            "The hub does not come after with what devices send",
            "Nothing is lost, and nothing is receipted: look at its disk and its log; if that is still, restart it.",
            keep_ms=5 * _MINUTE_MS,
        ),
        Rule(
            Code.HUB_SPACE,
            "The hub's disk fills up",
            "Nothing is taken once it is full, and devices keep what they have: free some of it, or move the hub.",
            keep_ms=15 * _MINUTE_MS,
        ),
        Rule(
            Code.MAIL_WAITING,
            "Mail waits",
            "`meter-hub notices list` has what the mail server said.",
            for_ms=10 * _MINUTE_MS,
            keep_ms=5 * _MINUTE_MS,
        ),
        Rule(
            Code.CHANNEL_FAILING,
            "A channel takes no alerts",
            "The page of channels has what was answered. One that was switched off is on again once it is tried there.",
            keep_ms=5 * _MINUTE_MS,
        ),
    )
}
"""Every rule by its code."""
