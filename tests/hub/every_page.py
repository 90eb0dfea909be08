"""A small hub with something to look at on every page, people of every role, and an address for each page."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, get_type_hints

from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute

from hub.access.codes import STEP_MS, code_at
from hub.alerting.rules import Severity
from hub.alerting.telling import Way
from hub.alerting.thresholds import Change
from hub.app import build_app
from hub.config import Address, HubSettings
from hub.documents import keep_document
from hub.fleet.bulks import BulkAction, BulkKind
from hub.keys import ensure_command_key
from hub.photos import keep_photo
from hub.rules.change_requests import ChangeWish
from hub.rules.closing import RunKind
from hub.rules.facts import Programme, ProgrammeName, ReportingMode
from hub.rules.permissions import Relation, Role
from hub.rules.quarters import parse_quarter
from hub.rules.verification_file import FileKind
from hub.services.accept_blocks import accept_blocks
from hub.services.close_month import close_month
from hub.services.draw_board import draw_board
from hub.services.evaluate_alerts import evaluate_alerts
from hub.services.exchange_meter import ExchangeRequest, exchange_meter
from hub.services.export_quarter import ExportLayout, ExportRequest, export_quarter
from hub.services.manage_channels import ChannelWish, add_channel, try_channel
from hub.services.manage_people import add_account, relate_account
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.request_change import request_change
from hub.services.set_password import begin_factor, confirm_factor, make_link, set_password
from hub.services.set_programme import set_programme
from hub.services.set_threshold import set_threshold
from hub.services.sign_in import open_secret
from hub.services.start_bulk import BulkWish, CommandMeans, start_bulk
from hub.services.submit_reading import parse_reported, submit_reading
from hub.store import sign_ins
from hub.store.accounts import Account
from hub.store.device_list import EVERY_DEVICE
from hub.web.routers import ROUTERS
from simulators.ports import LOOPBACK
from tests.hub.browsing import served_at
from tests.hub.making import TERMS, MadeDevice, make_meter, make_readings
from tests.hub.reporting import APR, FEB, JAN, MAR, add_meter, add_system, enter
from tests.hub.test_photos import make_picture
from tests.hub.web.acting import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI
    from playwright.sync_api import Page

    from hub.store.database import Database
    from hub.web.context import Hub

NOW = APR.ends_at - 8 * 3_600_000
DAY_MS = 86_400_000
NAMES = (
    "Lowell Food Cooperative",
    "Salem Library, south roof",
    "Worcester Water Works",
    "Barn of the Lees",
    "Fire Station 4",
    "Holyoke Mill",
)
SYSTEMS = tuple(f"SLF-AB1234-{place:05d}" for place in range(1, len(NAMES) + 1))
FIRST, SECOND = SYSTEMS[:2]
PEOPLE = {
    "olga": (Role.OPERATOR, None),
    "aud": (Role.AUDITOR, None),
    "sec": (Role.SECURITY_ADMIN, None),
    "ann": (Role.REPORTER, FIRST),
    "owen": (Role.SYSTEM_OWNER, FIRST),
    "rita": (Role.REC_OWNER, FIRST),
    "ian": (Role.INSTALLER, SECOND),
    "nick": (Role.SYSTEM_OWNER, SYSTEMS[4]),
}
FOR_STRANGERS = ("/sign-in", "/forgot", "/welcome/{token}")
"""Pages for who has not signed in."""
STAFF = {"olga", "aud", "sec"}
ADDRESSES = {
    "pts_id": FIRST,
    "month": str(FEB),
    "number": "1",
    "serial": "PV-1",
    "account": "ann",
    "token": "nobody-s",
    "quarter": "2024-Q1",
    "device": MadeDevice().text,
    "threshold": "device_silent_hours",
}
"""What stands in an address in place of its parts."""
TYPED = {
    "/systems/{pts_id}/report/check": "?kwh=1640&at=2024-04-30T15:00&meter=PV-1",
    "/onboarding/meter": f"?system={FIRST}",
}


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, FastAPI]]:
    """Yield the address of the hub, in April's window, and the hub."""
    app = filled(folder)
    with served_at(app) as url:
        yield url, app


def filled(folder: Path) -> FastAPI:
    """Return the hub, in April's window, served to nobody."""
    app = build_app(HubSettings(folder / "hub", broker=None, listen=Address(LOOPBACK, 0)), now=lambda: NOW)
    _fill(app.state.hub, folder / "hub")
    _channel(app.state.hub)
    return app


def routes() -> list[str]:
    """Return the addresses of all that answers a person with a page, their parts in braces; downloads are none."""
    return [
        route.path
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        and "GET" in (route.methods or ())
        and (get_type_hints(route.endpoint)["return"] is HTMLResponse or route.path in {"/", "/mine", "/jobs"})
    ]


def address(route: str) -> str:
    """Return an address of a page that there is; raises KeyError for a part that has none here."""
    return re.sub(r":\w+}", "}", route).format_map(ADDRESSES) + TYPED.get(route, "")


def sign_in(page: Page, url: str, app: FastAPI, who: str) -> None:
    """Sign somebody in, with the second factor where they have one."""
    page.goto(f"{url}/sign-in")
    page.fill("#account", who)
    page.fill("#password", PASSWORD)
    page.click("main button[type=submit]")
    if who in STAFF:
        database: Database = app.state.hub.database
        with database.write() as connection:
            factor = sign_ins.find_factor(connection, who)
            assert factor is not None, "staff have one"
            # The clock stands still here, and each code is good once.
            sign_ins.save_factor(connection, sign_ins.Factor(who, factor.secret, NOW, 0), NOW)
        page.fill("#code", code_at(open_secret(app.state.hub.sealer, factor), NOW // STEP_MS))
        page.click("main button[type=submit]")
    # A click does not wait for the page that it leads to; what comes next is asked of that one.
    page.wait_for_url(lambda url: "/sign-in" not in url)


def _fill(hub: Hub, folder: Path) -> None:
    database = hub.database
    for place, (pts_id, name) in enumerate(zip(SYSTEMS, NAMES, strict=True), 1):
        mode = ReportingMode.AUTOMATIC if place % 2 == 0 else ReportingMode.MANUAL
        add_system(database, pts_id, name=name, reporting_mode=mode, town="Lowell", gis_asset=f"NON1000{place}")
        set_programme(database, Programme(pts_id, ProgrammeName.SREC_1, JAN.last_day), NOW, "test", "letter")
        meter = add_meter(database, f"PV-{place}", pts_id)
        for number, month in enumerate((JAN, FEB, MAR), 1):
            if place < len(NAMES):
                enter(database, meter.meter, month, 400_000 * number + 10 * place)
    for month in (JAN, FEB):
        close_month(database, month, RunKind.CLOSE, actor="olga", now=NOW)
    close_month(database, MAR, RunKind.PROVISIONAL, actor="olga", now=NOW)
    _people(hub)
    _devices(database)
    photo = keep_photo(folder, make_picture())
    for _ in range(2):
        reported = parse_reported(SYSTEMS[2], "", "1210", "2024-04-30 15:00", now=NOW, photo=photo)
        submit_reading(database, reported, actor="ann", now=NOW)
    evidence = keep_document(folder, b"%PDF-1.7\n%%EOF\n")
    exchange_meter(database, ExchangeRequest(SECOND, "PV-2", NOW - DAY_MS, 2_500_000, "PV-22", 0, evidence), NOW, "ian")
    wish = ChangeWish(FIRST, Role.SYSTEM_OWNER, NOW, "rita", "", "", evidence)
    request_change(database, wish, actor="owen", now=NOW, reason="sold", is_by_staff=False)
    export_quarter(
        database, ExportRequest(parse_quarter("2024-Q1"), ExportLayout.NEPOOL_GIS, FileKind.PRELIMINARY, "olga"), NOW
    )
    means = CommandMeans(lambda: ensure_command_key(folder), lambda: bytes(8))
    asked = BulkWish(EVERY_DEVICE, BulkAction(BulkKind.STATE))
    start_bulk(database, asked, means, actor="olga", now=NOW, reason="after the outage")
    draw_board(database, NOW)
    for value, days in ((30, 0), (None, 30)):
        change = Change("device_silent_hours", value, NOW + days * DAY_MS)
        set_threshold(database, change, actor="olga", now=NOW, reason="works on the line until the end of May")
    evaluate_alerts(database, 0, NOW)


def _channel(hub: Hub) -> None:
    wish = ChannelWish(Way.MAIL, "alerts@example.org", Severity.WARNING, 60, has_heartbeat=True)
    add_channel(hub.database, wish, hub.webhooks, hub.sealer, actor="olga", now=NOW)
    try_channel(hub.database, 1, actor="olga", now=NOW)


def _people(hub: Hub) -> None:
    database = hub.database
    for name, (role, system) in PEOPLE.items():
        add_account(database, Account(name, f"{name.title()} Lee", f"{name}@example.org", NOW, "test"))
        relate_account(database, Relation(name, role, system, JAN.starts_at), actor="test", now=NOW)
        set_password(database, make_link(database, name, actor="test", now=NOW), PASSWORD, NOW)
        if name in STAFF:
            secret = begin_factor(hub.database, hub.sealer, name, NOW)
            confirm_factor(hub.database, hub.sealer, name, code_at(secret, NOW // STEP_MS), NOW)


def _devices(database: Database) -> None:
    """One device reads a meter of the first system day by day, one waits, and one is a stranger."""
    device, meter = MadeDevice(), make_meter()
    device.seal(meter)
    for place in range(0, 90, 5):
        counts = [5_000 + 21_000 * day for day in range(place, place + 5)]
        device.seal(make_readings(meter, counts, FEB.starts_at + place * DAY_MS, DAY_MS))
    register_device(database, device.pem, "Cooperative", NOW, "olga")
    register_meter(database, MeterRequest(FIRST, device.text, "WN-1001"), NOW, "olga")
    accept_blocks(database, device.arrivals(), TERMS, NOW)
    register_device(database, MadeDevice(3).pem, "Shed", NOW, "olga")
    stranger = MadeDevice(4)
    stranger.seal(make_meter(serial="WN-7"))
    accept_blocks(database, stranger.arrivals(), TERMS, NOW)
