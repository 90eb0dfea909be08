"""What somebody says of a system or a meter beside its name, laid over what is known already.

What is None is not said. To say that something is not known after all, name it in `forget`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
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


def lay_over(known: F, said: SystemDetails | MeterDetails) -> F:
    """Return the known facts with what is said in their place. Citation: `citations.FACTS_IN_VERSIONS`."""
    return replace(known, **_said(said))


def contradictions(known: SystemFacts | MeterFacts, said: SystemDetails | MeterDetails) -> tuple[str, ...]:
    """Return the names of facts that are known otherwise than they are said now.

    What was not known is no contradiction, it is filled in. Citation: `citations.FACTS_IN_VERSIONS`.
    """
    return tuple(
        name
        for name, value in _said(said).items()
        if getattr(known, name) not in (None, "") and getattr(known, name) != value
    )


def _said(said: SystemDetails | MeterDetails) -> dict[str, Any]:
    return {name: value for name in _NAMES[type(said)] if (value := getattr(said, name)) is not None}
