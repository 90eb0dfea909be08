"""What somebody says of a system or a meter beside its name, laid over what is known already.

What is None is not said. To say that something is not known after all, name it in `forget`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from hub.rules.local_times import format_local

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from hub.rules.facts import MeterFacts, ReportingMode, SystemFacts, Technology

F = TypeVar("F", "SystemFacts", "MeterFacts")


@dataclass(frozen=True, slots=True)
class SystemDetails:
    """What is said of a system; each in the unit and meaning of its namesake in `SystemFacts`."""

    capacity_w_dc: int | None = None
    technology: Technology | None = None
    capacity_w_ac: int | None = None
    in_service_on: date | None = None
    annual_wh_estimated: int | None = None
    gis_asset: str | None = None
    reporting_mode: ReportingMode | None = None
    is_funded: bool | None = None
    latitude_microdegrees: int | None = None
    longitude_microdegrees: int | None = None
    tilt_degrees: int | None = None
    azimuth_degrees: int | None = None
    zip_code: str | None = None
    town: str | None = None


@dataclass(frozen=True, slots=True)
class MeterDetails:
    """What is said of a meter; each in the unit and meaning of its namesake in `MeterFacts`."""

    accuracy_class_ppm: int | None = None
    ansi_standard: str | None = None
    ct_ratio: str | None = None
    ct_class_ppm: int | None = None
    tested_on: date | None = None
    seal: str | None = None
    initial_wh: int | None = None
    initial_at: int | None = None
    modulus_wh: int | None = None
    is_revenue_grade: bool | None = None
    is_das: bool | None = None


SYSTEM_FORGETTABLE = {
    "capacity_w_ac": None,
    "in_service_on": None,
    "annual_wh_estimated": None,
    "gis_asset": "",
    "latitude_microdegrees": None,
    "longitude_microdegrees": None,
    "tilt_degrees": None,
    "azimuth_degrees": None,
    "zip_code": "",
    "town": "",
}
"""What of a system may be unknown, and how that is kept."""

METER_FORGETTABLE = {
    "accuracy_class_ppm": None,
    "ansi_standard": "",
    "ct_ratio": "",
    "ct_class_ppm": None,
    "tested_on": None,
    "seal": "",
    "initial_wh": None,
    "initial_at": None,
    "modulus_wh": None,
}
"""What of a meter may be unknown, and how that is kept."""

_NAMES = {kind: tuple(one.name for one in fields(kind)) for kind in (SystemDetails, MeterDetails)}


NOTHING_ON_SYSTEM = SystemDetails()
NOTHING_ON_METER = MeterDetails()


def lay_over(known: F, said: SystemDetails | MeterDetails) -> F:
    """Return the known facts with what is said in their place. Citation: `citations.FACTS_IN_VERSIONS`."""
    return replace(known, **_said(said))


def forget(known: F, names: Collection[str]) -> F:
    """Return the known facts without those of these names, which must be forgettable.

    Citation: `citations.FACTS_IN_VERSIONS`.
    """
    empty: Mapping[str, Any] = SYSTEM_FORGETTABLE | METER_FORGETTABLE
    return replace(known, **{name: empty[name] for name in names})


def contradictions(known: SystemFacts | MeterFacts, said: SystemDetails | MeterDetails) -> tuple[str, ...]:
    """Return the names of facts that are known otherwise than they are said now.

    What was not known is no contradiction, it is filled in. Citation: `citations.FACTS_IN_VERSIONS`.
    """
    return tuple(
        name
        for name, value in _said(said).items()
        if getattr(known, name) not in (None, "") and getattr(known, name) != value
    )


def effective(said: Sequence[SystemFacts], on: date) -> SystemFacts | None:
    """Return what holds of a system on a day, given all that was ever said of it in the order in which it was.

    Of what is effective by then that counts which became so last, and of this the newest.
    Citation: `citations.FACTS_IN_VERSIONS`.
    """
    return max(
        (one for one in reversed(said) if one.effective_on <= on), key=lambda one: one.effective_on, default=None
    )


def greatest_capacity(said: Sequence[SystemFacts], first_on: date, last_on: date) -> int | None:
    """Return the largest DC nameplate (W) that a system had on any of these days, both included; None without facts.

    Citation: `citations.FACTS_IN_VERSIONS`.
    """
    days = {first_on, *(one.effective_on for one in said if first_on < one.effective_on <= last_on)}
    held = (effective(said, day) for day in days)
    return max((one.capacity_w_dc for one in held if one is not None), default=None)


def inconsistency(meter: MeterFacts, now: int) -> str:
    """Return the sentence for what cannot all be true of a meter at `now` (UTC ms), empty where it can.

    Citation: `citations.FACTS_IN_VERSIONS`.
    """
    name = f"meter {meter.serial}"
    if (meter.initial_wh is None) != (meter.initial_at is None):
        return f"{name} began with a register and at a time: give both or none"
    if meter.initial_at is not None and meter.initial_at > now:
        return f"{format_local(meter.initial_at)} has not come yet: say with what {name} began once it has"
    if meter.initial_at is not None and meter.ended_at is not None and meter.initial_at > meter.ended_at:
        return f"{name} ended at {format_local(meter.ended_at)}: it cannot have begun later"
    highest_wh = max(meter.initial_wh or 0, meter.final_wh or 0)
    if meter.modulus_wh is not None and highest_wh >= meter.modulus_wh:
        return (
            f"the register of {name} cannot stand at {highest_wh} Wh and start again at {meter.modulus_wh} Wh: correct "
            "one of them"
        )
    return ""


def _said(said: SystemDetails | MeterDetails) -> dict[str, Any]:
    return {name: value for name in _NAMES[type(said)] if (value := getattr(said, name)) is not None}
