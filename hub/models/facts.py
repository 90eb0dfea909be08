"""The JSON of what is known of systems and meters: whole W and Wh, dates as YYYY-MM-DD, times as RFC 3339 in UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from hub.rules.facts import MeterFacts, Programme, SystemFacts
    from hub.services.read_facts import MetersView, SystemView
    from hub.store.exchanges import Decision, Exchange
    from hub.store.facts import Recorded


class _Json(BaseModel):
    model_config = ConfigDict(frozen=True)


class RecordedJson(_Json):
    """By whose word something holds, since when the hub knows it, and why it was said."""

    actor: str
    recorded_at: str
    reason: str


class SystemFactsJson(_Json):
    """What holds of a system from `effective_on` on; null, or an empty text, is not known. See `hub.rules.facts`."""

    system: str
    name: str
    effective_on: str
    capacity_w_dc: int
    capacity_w_ac: int | None
    technology: str
    in_service_on: str | None
    annual_wh_estimated: int | None
    gis_asset: str
    reporting_mode: str
    is_funded: bool
    latitude_microdegrees: int | None
    longitude_microdegrees: int | None
    tilt_degrees: int | None
    azimuth_degrees: int | None
    zip_code: str
    town: str
    version: int
    recorded: RecordedJson | None = None


class ProgrammeJson(_Json):
    """A programme from its first day through its last, or on; 80 percent is the factor 0.8."""

    programme: str
    from_on: str
    until_on: str | None
    factor_percent: int
    version: int
    recorded: RecordedJson | None = None


class SystemHistoryJson(_Json):
    """What holds of a system on a day, its programme then, and all that was ever said, in the order it was."""

    on: str
    facts: SystemFactsJson
    programme: ProgrammeJson | None
    versions: list[SystemFactsJson]
    programmes: list[ProgrammeJson]


class MeterFactsJson(_Json):
    """What is known of a meter; null, or an empty text, is not known. See `hub.rules.facts`."""

    meter: int
    system: str
    serial: str
    make: str
    model: str
    accuracy_class_ppm: int | None
    ansi_standard: str
    ct_ratio: str
    ct_class_ppm: int | None
    tested_on: str | None
    seal: str
    initial_wh: int | None
    initial_at: str | None
    final_wh: int | None
    ended_at: str | None
    modulus_wh: int | None
    is_revenue_grade: bool
    is_das: bool
    version: int


class DecisionJson(_Json):
    """What was decided on an exchange; `new_meter` is the id of the meter that came into service by it."""

    approved: bool
    decided_by: str
    decided_at: str
    reason: str
    new_meter: int | None


class ExchangeJson(_Json):
    """A meter exchange; it counts once it was approved, and waits while `decision` is null."""

    number: int
    system: str
    old_meter: int
    new_serial: str
    new_make: str
    new_model: str
    at: str
    final_wh: int
    initial_wh: int
    evidence: str
    requested_by: str
    requested_at: str
    decision: DecisionJson | None


class ExchangesJson(_Json):
    """Meter exchanges, by number; `next` begins the next page, None after the last."""

    exchanges: list[ExchangeJson]
    next: int | None = None


class MeterFindingJson(_Json):
    """What speaks against a meter, by its serial number; it warns, and refuses nothing."""

    meter: str
    code: str
    text: str


class SystemMetersJson(_Json):
    """What is known of a system's meters, by serial, their exchanges, by number, and what speaks against them."""

    system: str
    meters: list[MeterFactsJson]
    exchanges: list[ExchangeJson]
    findings: list[MeterFindingJson]


def system_facts_json(facts: SystemFacts, recorded: Recorded | None = None) -> SystemFactsJson:
    """Return what holds of a system, with who said so where that is wanted."""
    return SystemFactsJson(
        system=facts.system,
        name=facts.name,
        effective_on=facts.effective_on.isoformat(),
        capacity_w_dc=facts.capacity_w_dc,
        capacity_w_ac=facts.capacity_w_ac,
        technology=facts.technology,
        in_service_on=None if facts.in_service_on is None else facts.in_service_on.isoformat(),
        annual_wh_estimated=facts.annual_wh_estimated,
        gis_asset=facts.gis_asset,
        reporting_mode=facts.reporting_mode,
        is_funded=facts.is_funded,
        latitude_microdegrees=facts.latitude_microdegrees,
        longitude_microdegrees=facts.longitude_microdegrees,
        tilt_degrees=facts.tilt_degrees,
        azimuth_degrees=facts.azimuth_degrees,
        zip_code=facts.zip_code,
        town=facts.town,
        version=facts.version,
        recorded=_recorded(recorded),
    )


def programme_json(programme: Programme, recorded: Recorded | None = None) -> ProgrammeJson:
    """Return a programme, with who said so where that is wanted."""
    return ProgrammeJson(
        programme=programme.programme,
        from_on=programme.from_on.isoformat(),
        until_on=None if programme.until_on is None else programme.until_on.isoformat(),
        factor_percent=programme.factor_percent,
        version=programme.version,
        recorded=_recorded(recorded),
    )


def system_history_json(view: SystemView) -> SystemHistoryJson:
    """Return what is known of a system and how it came to be known."""
    return SystemHistoryJson(
        on=view.on.isoformat(),
        facts=system_facts_json(view.facts),
        programme=None if view.programme is None else programme_json(view.programme),
        versions=[system_facts_json(one.facts, one.recorded) for one in view.versions],
        programmes=[programme_json(one.facts, one.recorded) for one in view.programmes],
    )


def meter_facts_json(facts: MeterFacts) -> MeterFactsJson:
    """Return what is known of a meter."""
    return MeterFactsJson(
        meter=facts.meter,
        system=facts.system,
        serial=facts.serial,
        make=facts.make,
        model=facts.model,
        accuracy_class_ppm=facts.accuracy_class_ppm,
        ansi_standard=facts.ansi_standard,
        ct_ratio=facts.ct_ratio,
        ct_class_ppm=facts.ct_class_ppm,
        tested_on=None if facts.tested_on is None else facts.tested_on.isoformat(),
        seal=facts.seal,
        initial_wh=facts.initial_wh,
        initial_at=_instant(facts.initial_at),
        final_wh=facts.final_wh,
        ended_at=_instant(facts.ended_at),
        modulus_wh=facts.modulus_wh,
        is_revenue_grade=facts.is_revenue_grade,
        is_das=facts.is_das,
        version=facts.version,
    )


def exchange_json(exchange: Exchange) -> ExchangeJson:
    """Return a meter exchange with its decision."""
    asked, decision = exchange.asked, exchange.decision
    return ExchangeJson(
        number=exchange.number,
        system=asked.system,
        old_meter=asked.old_meter,
        new_serial=asked.new_serial,
        new_make=asked.new_make,
        new_model=asked.new_model,
        at=format_instant(asked.at),
        final_wh=asked.final_wh,
        initial_wh=asked.initial_wh,
        evidence=asked.evidence,
        requested_by=asked.requested_by,
        requested_at=format_instant(asked.requested_at),
        decision=None if decision is None else _decision(decision),
    )


def system_meters_json(view: MetersView) -> SystemMetersJson:
    """Return what is known of a system's meters."""
    return SystemMetersJson(
        system=view.system,
        meters=[meter_facts_json(one) for one in view.meters],
        exchanges=[exchange_json(one) for one in view.exchanges],
        findings=[MeterFindingJson(meter=serial, code=one.code.value, text=one.text) for serial, one in view.findings],
    )


def _decision(decision: Decision) -> DecisionJson:
    return DecisionJson(
        approved=decision.approved,
        decided_by=decision.decided_by,
        decided_at=format_instant(decision.decided_at),
        reason=decision.reason,
        new_meter=decision.new_meter,
    )


def _recorded(recorded: Recorded | None) -> RecordedJson | None:
    if recorded is None:
        return None
    return RecordedJson(actor=recorded.actor, recorded_at=format_instant(recorded.at), reason=recorded.reason)


def _instant(at_ms: int | None) -> str | None:
    return None if at_ms is None else format_instant(at_ms)
