"""Is all well with this device? What an installer or an operator wants to know, judged from outside a running agent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import TYPE_CHECKING

from edge.health import Health
from edge.journal import is_owned, read_journal_summary, read_standing
from edge.keys import KeyFileError, load_hub_key
from edge.metering.schedule import next_edge
from edge.notify import watchdog_ms
from edge.space import free_bytes
from protocol import wire
from protocol.counts import read_value
from protocol.errors import ProtocolError
from protocol.messages import TimeQuality

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.config import AgentConfig
    from edge.health import LookSummary
    from edge.journal import JournalSummary, MeterSummary, Standing
    from edge.metering.tally import BusTally
    from edge.settings import MeterSettings, PulseMeter
    from protocol.messages import Instant, MeterDescriptor

BACKLOG_MS_MAX = 2 * 3_600_000
"""A reading that the hub lacks for longer, beyond the sealing interval, needs attention."""
_KWH_BY_UNIT = {"Wh": Decimal("0.001"), "kWh": Decimal(1), "MWh": Decimal(1000)}
_MEANINGS = {"1-0:2.8.0": "generated", "1-0:1.8.0": "consumed"}
_DIGITS = 40


class MeterState(StrEnum):
    """How a meter does: it gives readings, its newest poll failed, it has not been polled lately, or never gave one."""

    GOOD = "good"
    FAILING = "failing"
    OVERDUE = "overdue"
    NEVER_READ = "never-read"


@dataclass(frozen=True, slots=True)
class MeterCheckup:
    """How one configured meter does.

    `energy_kwh` has an exact decimal for each register whose unit is one of energy, by `generated` and `consumed`;
    `looks` is how it answers of late, None if no agent shows that.
    """

    settings: MeterSettings | PulseMeter
    state: MeterState
    summary: MeterSummary | None
    energy_kwh: Mapping[str, Decimal]
    looks: LookSummary | None = None


@dataclass(frozen=True, slots=True)
class Checkup:
    """How a device does. `attention` has one sentence for each thing that is not well; instants are UTC ms.

    `buses` are what happened on each bus since the agent started, by name; empty if no agent shows that.
    """

    at: Instant
    is_running: bool
    summary: JournalSummary
    standing: Standing
    meters: tuple[MeterCheckup, ...]
    buses: Mapping[str, BusTally]
    hub_heard_at: int | None
    next_edge_at: int
    disk_free_bytes: int
    attention: tuple[str, ...]


def check_up(config: AgentConfig, now: Instant, health: Health | None = None) -> Checkup:
    """Return how the device of this configuration does; raises JournalError if there is no journal to be read.

    `health` is what its agent shows, which is of no use once no agent runs.
    """
    summary, standing = read_journal_summary(config.journal_path), read_standing(config.journal_path)
    by_meter = {meter.meter: meter for meter in summary.meters}
    overdue_at = now.wall_ms - watchdog_ms(config.interval_seconds * 1000)
    is_running = is_owned(config.journal_path)
    shown = health if health is not None and is_running else Health({}, {})
    meters = tuple(
        replace(
            _check_meter(settings, by_meter.get(settings.index), standing.descriptors.get(settings.index), overdue_at),
            looks=shown.meters.get(settings.index),
        )
        for settings in config.everything_read
    )
    found = Checkup(
        at=now,
        is_running=is_running,
        summary=summary,
        standing=standing,
        meters=meters,
        buses=shown.buses,
        hub_heard_at=_hub_heard_at(config, standing),
        next_edge_at=next_edge(now.wall_ms + 1, config.interval_seconds * 1000),
        disk_free_bytes=free_bytes(config.state_dir),
        attention=(),
    )
    return _with_attention(found, config)


def spell_age(age_ms: int) -> str:
    """Return an age in the unit that suits it, rounded down: `48 s`, `12 min`, `5 h`, `3 days`."""
    seconds = max(age_ms, 0) // 1000
    for size, unit in ((172_800, "days"), (7200, "h"), (120, "min")):
        if seconds >= size:
            return f"{seconds // (size // 2)} {unit}"
    return f"{seconds} s"


def _check_meter(
    settings: MeterSettings | PulseMeter,
    summary: MeterSummary | None,
    descriptor: MeterDescriptor | None,
    overdue_at: int,
) -> MeterCheckup:
    if summary is None or summary.read_at is None:
        state = MeterState.NEVER_READ
    elif summary.failed_at is not None and summary.failed_at > summary.read_at:
        state = MeterState.FAILING
    else:
        state = MeterState.OVERDUE if summary.read_at < overdue_at else MeterState.GOOD
    return MeterCheckup(settings, state, summary, _energy_kwh(summary, descriptor))


def _energy_kwh(summary: MeterSummary | None, descriptor: MeterDescriptor | None) -> dict[str, Decimal]:
    energy: dict[str, Decimal] = {}
    if summary is None or descriptor is None:
        return energy
    for number, raw in summary.counts.items():
        register = descriptor.registers.get(number)
        value = None if register is None else read_value(raw, register, descriptor.ratio)
        if register is None or value is None or register.unit not in _KWH_BY_UNIT:
            continue
        with localcontext() as context:
            # Enough for 64 bits and any scale, so that only a ratio such as 1:3 is ever rounded.
            context.prec = _DIGITS
            kwh = Decimal(value.numerator) / Decimal(value.denominator) * _KWH_BY_UNIT[register.unit]
        energy[_MEANINGS.get(register.obis, register.obis)] = kwh
    return energy


def _hub_heard_at(config: AgentConfig, standing: Standing) -> int | None:
    """Return the hub's time in its latest word, None if it never spoke or its key is not at hand."""
    if standing.receipt is None:
        return None
    try:
        return wire.read_receipt(standing.receipt, load_hub_key(config.hub_key)).hub_at
    except (KeyFileError, ProtocolError):
        return None


def _with_attention(found: Checkup, config: AgentConfig) -> Checkup:
    now, sentences = found.at.wall_ms, []
    if not found.is_running:
        sentences.append("no agent is running: start it with `systemctl start meter-edge`")
    sentences += [_complain(meter, now) for meter in found.meters if meter.state is not MeterState.GOOD]
    since = found.standing.backlog_since
    if since is not None and now - since > BACKLOG_MS_MAX + config.seal_seconds * 1000:
        sentences.append(
            f"the hub lacks {found.standing.backlog_blocks} blocks, the oldest for {spell_age(now - since)}:"
            " look whether the broker can be reached"
        )
    if found.summary.thrift_since is not None:
        sentences.append(f"the disk is full and polls are left out for {spell_age(now - found.summary.thrift_since)}")
    if found.at.quality is TimeQuality.UNKNOWN:
        sentences.append("the kernel does not call its clock synchronised: let the device reach a time server")
    return replace(found, attention=tuple(sentences))


def _complain(meter: MeterCheckup, now: int) -> str:
    """Return one sentence: since when the meter gives nothing, and why, as the running agent says it."""
    note = "" if meter.looks is None or not meter.looks.note else f"; {meter.looks.note}"
    return f"{_spell_state(meter, now)}{note}"


def _spell_state(meter: MeterCheckup, now: int) -> str:
    name, summary = f"meter {meter.settings.index} ({meter.settings.name})", meter.summary
    if summary is None:
        return f"{name} was never polled"
    if summary.read_at is None:
        return f"{name} never gave a reading: {summary.cause}, {summary.failures} times"
    age = spell_age(now - summary.read_at)
    if meter.state is MeterState.FAILING:
        return f"{name} gave its last reading {age} ago: {summary.cause} since"
    return f"{name} was read {age} ago, and not since"
