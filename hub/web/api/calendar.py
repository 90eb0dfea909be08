"""The JSON API of the calendar: which month is reported now, and what a supplier owes for a year."""

from typing import Annotated

from fastapi import APIRouter, Query

from hub.models import calendar as models
from hub.rules.class_one import parse_surplus, weigh_year
from hub.rules.instants import parse_instant
from hub.rules.windows import next_window, window_at
from hub.web.context import HubOf

MWH_MAX = 10**12
YEARS_BANKED_MAX = 10

router = APIRouter(prefix="/api/v1", tags=["calendar"])


@router.get("/windows")
def get_windows(hub: HubOf, at: str | None = None) -> models.WindowsJson:
    """Return the reporting window that is open now, or `at` an instant, and the one that opens next."""
    instant = hub.now() if at is None else parse_instant(at)
    return models.windows_json(instant, window_at(instant), next_window(instant))


@router.get("/compliance/{year}")
def get_compliance(
    year: int,
    sales_mwh: Annotated[int, Query(ge=0, le=MWH_MAX)],
    held: Annotated[int, Query(ge=0, le=MWH_MAX)] = 0,
    bank: Annotated[list[str] | None, Query(max_length=YEARS_BANKED_MAX)] = None,
) -> models.ComplianceJson:
    """Return what a supplier owes under Class I for a year's sales, and how that is met.

    `held` are the year's own certificates; each `bank` is `YEAR:CERTIFICATES:NEED` of a year with surplus.
    """
    weighed = weigh_year(year, sales_mwh, held, [parse_surplus(text) for text in bank or ()])
    return models.compliance_json(weighed)
