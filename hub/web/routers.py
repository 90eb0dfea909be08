"""Every router of the hub, in the order in which they are asked."""

from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from hub.web import custody, events, health, metrics
from hub.web.api import (
    accounts,
    alerts,
    audits,
    board,
    bulks,
    calendar,
    changes,
    channels,
    closing,
    commissioning,
    device_stages,
    evidence,
    exports,
    facts,
    fleet,
    forwards,
    hub,
    months,
    notices,
    people,
    registering,
    reporting,
    statements,
    submitting,
    thresholds,
)
from hub.web.pages import (
    account,
    certificates,
    deciding,
    exchanges,
    experience,
    jobs,
    letting_in,
    meters,
    onboarding,
    own,
    second_factor,
    signing_in,
    signing_in_elsewhere,
    systems,
)
from hub.web.pages import alerts as alerts_page
from hub.web.pages import audit as audit_page
from hub.web.pages import board as board_page
from hub.web.pages import bulks as bulk_pages
from hub.web.pages import channels as channels_page
from hub.web.pages import devices as devices_page
from hub.web.pages import evidence as evidence_page
from hub.web.pages import exports as exports_page
from hub.web.pages import fleet as fleet_page
from hub.web.pages import health as health_page
from hub.web.pages import months as months_page
from hub.web.pages import people as people_pages
from hub.web.pages import registering as registering_pages
from hub.web.pages import reporting as reporting_pages
from hub.web.pages import statements as statement_pages
from hub.web.pages import thresholds as threshold_pages

_PAGES = (
    fleet_page,
    board_page,
    # Before the alerts, of which each has a number at the same place.
    threshold_pages,
    alerts_page,
    channels_page,
    onboarding,
    # Before the page of a device, whose address takes in whatever stands there.
    bulk_pages,
    devices_page,
    registering_pages,
    systems,
    statement_pages,
    evidence_page,
    exchanges,
    deciding,
    reporting_pages,
    experience,
    months_page,
    exports_page,
    people_pages,
    letting_in,
    audit_page,
    health_page,
    signing_in,
    signing_in_elsewhere,
    account,
    second_factor,
    own,
    certificates,
    jobs,
    # Last, for its address takes in whatever stands behind a meter.
    meters,
)
_API = (
    fleet,
    facts,
    months,
    reporting,
    submitting,
    audits,
    exports,
    board,
    calendar,
    notices,
    people,
    accounts,
    changes,
    closing,
    registering,
    commissioning,
    device_stages,
    bulks,
    forwards,
    statements,
    evidence,
    alerts,
    thresholds,
    channels,
    hub,
)
_MACHINES = (custody, events, health, metrics)

ROUTERS = tuple(part.router for part in (*_PAGES, *_API, *_MACHINES))


def methods_at(scope: Scope) -> list[str]:
    """Return the methods that are possible at a request's address, of all the doors that share it."""
    doors = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    return sorted({method for one in doors if one.matches(scope)[0] is not Match.NONE for method in one.methods or ()})
