"""What is known of a system and of a meter: said by people, dated, and corrected by saying it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


class Technology(StrEnum):
    """By what a system generates."""

    PV = "pv"
    WIND = "wind"
    HYDRO = "hydro"
    BIOMASS = "biomass"
    OTHER = "other"


class ReportingMode(StrEnum):
    """Whether a person reads the meter and enters the reading, or a device reports it."""

    MANUAL = "manual"
    AUTOMATIC = "automatic"


class ProgrammeName(StrEnum):
    """Under which programme a system's certificates are created."""

    SREC_1 = "srec_1"
    SREC_2 = "srec_2"
    CLASS_1 = "class_1"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SystemFacts:
    """What holds of a system from `effective_on` until other facts become effective.

    Nameplates are whole watts, the estimated annual production whole Wh, the place micro-degrees (north and east
    positive). `azimuth_degrees` counts clockwise from north. None, or an empty text, is not known. `version` is the
    number in the ledger, 0 before it is kept; it makes no difference between facts.
    """

    system: str
    name: str
    effective_on: date
    capacity_w_dc: int
    technology: Technology = Technology.PV
    capacity_w_ac: int | None = None
    in_service_on: date | None = None
    annual_wh_estimated: int | None = None
    gis_asset: str = ""
    reporting_mode: ReportingMode = ReportingMode.AUTOMATIC
    is_funded: bool = False
    latitude_microdegrees: int | None = None
    longitude_microdegrees: int | None = None
    tilt_degrees: int | None = None
    azimuth_degrees: int | None = None
    zip_code: str = ""
    town: str = ""
    version: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Programme:
    """The programme of a system from `from_on` through `until_on`, both included, or on where that is None.

    `factor_percent` is how many certificates each hundred MWh give: 80 is the factor 0.8. `version` as in
    `SystemFacts`.
    """

    system: str
    programme: ProgrammeName
    from_on: date
    until_on: date | None = None
    factor_percent: int = 100
    version: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class MeterFacts:
    """What is known of a meter; `meter` is its id, by which readings name it.

    Classes are in parts per million of what is measured: 10,000 is 1 %. It began at `initial_at` (UTC ms) with
    `initial_wh` on its register, and ended at `ended_at` with `final_wh`. `modulus_wh` is the energy at which its
    register starts again, None where nobody declared one. `is_das` marks a meter that a device reads and reports. None,
    or an empty text, is not known. `version` as in `SystemFacts`.
    """

    meter: int
    system: str
    serial: str
    make: str
    model: str
    accuracy_class_ppm: int | None = None
    ansi_standard: str = ""
    ct_ratio: str = ""
    ct_class_ppm: int | None = None
    tested_on: date | None = None
    seal: str = ""
    initial_wh: int | None = None
    initial_at: int | None = None
    final_wh: int | None = None
    ended_at: int | None = None
    modulus_wh: int | None = None
    is_revenue_grade: bool = True
    is_das: bool = False
    version: int = field(default=0, compare=False)
