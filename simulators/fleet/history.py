"""The fleet's years, month by month, by the hub's own services: each act at the instant at which it was due."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hub.documents import keep_document
from hub.photos import keep_photo
from hub.rules.acceptance import Outcome
from hub.rules.closing import RunKind
from hub.rules.details import MeterDetails, SystemDetails
from hub.rules.facts import Programme, ReportingMode
from hub.rules.periods import ProductionMonth, date_at
from hub.rules.permissions import Relation
from hub.rules.quarters import quarter_of
from hub.rules.verification_file import FileKind
from hub.rules.windows import window_of
from hub.services.accept_blocks import Terms, accept_blocks
from hub.services.answer_state import answer_state
from hub.services.close_month import close_month
from hub.services.correct_reading import decide_submission
from hub.services.export_quarter import ExportLayout, ExportRequest, export_quarter
from hub.services.manage_people import add_account, relate_account
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.services.report_devices import report_devices
from hub.services.submit_reading import Reported, submit_reading
from hub.store.accounts import Account
from protocol.custody.receiver import SafePolicy
from protocol.identity import format_device_id
from simulators.fleet.dial import draw_dial
from simulators.fleet.logger import HOUR_MS, Logger
from simulators.fleet.plan import Trouble
from simulators.fleet.who import ADMIN, FIRST_OPERATOR, PEOPLE, REPORTERS, related
from simulators.sunshine import SeededSun

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hub.store.database import Database
    from protocol.messages import MeterDescriptor
    from simulators.fleet.plan import PlannedSystem

DAY_MS = 24 * HOUR_MS
SKY_KW = 100
"""The array that a sky shines on; a system gets its share of it."""
BLOCKS_AT_ONCE = 64
TERMS = Terms(safe=SafePolicy.COMMIT, window=16, window_backfill=64, pace_ms=0, timeline=bytes(8))
SILENT_DAYS = 4
_CONTRACT = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"


@dataclass
class Site:
    """A system with what reads it: a device, or where `logger` is None a person."""

    plan: PlannedSystem
    sun: SeededSun
    began_at: int
    logger: Logger | None = None
    meter: MeterDescriptor | None = None
    serial: str = ""
    replaced_wh: int = 0
    read_through: int = 0
    reported_wh: int = 0

    def register_wh(self, at: int) -> int:
        """Return what its meter shows at an instant (UTC ms)."""
        made = self.sun.wh_floor(at, 1) - self.sun.wh_floor(self.began_at, 1)
        return (
            made * int(self.plan.capacity_kw * 1000) * self.plan.yield_percent // (SKY_KW * 1000 * 100)
            - self.replaced_wh
        )


@dataclass
class History:
    """A hub that is being filled, up to `now` (UTC ms)."""

    database: Database
    folder: Path
    began_at: int
    now: int
    sites: list[Site] = field(default_factory=list)

    def keep_contract(self) -> str:
        """Keep a document that proves something, and return its name."""
        return keep_document(self.folder, _CONTRACT)


def introduce_people(history: History) -> None:
    """Make an account for everybody, and relate staff to all systems."""
    at = history.began_at
    for person in PEOPLE:
        add_account(history.database, Account(person.name, person.full_name, person.email, at, ADMIN))
        if person.everywhere is not None:
            new = Relation(person.name, person.everywhere, None, at)
            relate_account(history.database, new, actor="fleet", now=at)


def introduce_systems(history: History, planned: Sequence[PlannedSystem], seed: int) -> None:
    """Register systems, devices and meters as an operator does, on the first day."""
    skies: dict[int, SeededSun] = {}
    at = history.began_at
    for place, plan in enumerate(planned):
        sun = skies.setdefault(plan.sky, SeededSun(seed=seed * 100 + plan.sky, kilowatts=SKY_KW, start_ms=at - DAY_MS))
        site = Site(plan, sun, at, serial=plan.serial, read_through=at)
        _register(history, site, place)
        is_exchanged = plan.trouble is Trouble.EXCHANGED
        for relation in related(
            place, plan.pts_id, is_automatic=plan.is_automatic, is_exchanged=is_exchanged, from_at=at
        ):
            relate_account(history.database, relation, actor=ADMIN, now=at)
        history.sites.append(site)


def _register(history: History, site: Site, place: int) -> None:
    plan, at, database = site.plan, history.began_at, history.database
    details = SystemDetails(
        in_service_on=plan.in_service_on,
        annual_wh_estimated=plan.annual_kwh * 1000,
        gis_asset=f"NON{21_000 + place}",
        reporting_mode=ReportingMode.AUTOMATIC if plan.is_automatic else ReportingMode.MANUAL,
        town=plan.town,
        zip_code=plan.zip_code,
        latitude_microdegrees=42_360_000,
        longitude_microdegrees=-71_060_000,
        tilt_degrees=30,
        azimuth_degrees=180,
    )
    programme = Programme(plan.pts_id, plan.programme, date_at(at))
    register_system(
        database,
        plan.pts_id,
        plan.name,
        str(plan.capacity_kw),
        at,
        details=details,
        programme=programme,
        actor=FIRST_OPERATOR,
    )
    device = ""
    if plan.is_automatic:
        site.logger = Logger(1_000 + place, at - HOUR_MS, "0.1.0" if place % 3 else "0.0.9")
        register_device(database, site.logger.key.public.to_pem(), plan.name, at, FIRST_OPERATOR)
        device = format_device_id(site.logger.id)
        site.meter = site.logger.describe(0, plan.serial, plan.model)
    known = MeterDetails(initial_wh=0, initial_at=at, is_revenue_grade=True, is_das=plan.is_automatic)
    request = MeterRequest(plan.pts_id, device, plan.serial, *plan.model)
    register_meter(database, request, at, FIRST_OPERATOR, known)
    if site.logger is not None and site.meter is not None:
        accept_blocks(database, [site.logger.begin(site.meter, at)], TERMS, at)


def bring_readings(history: History, until: int) -> None:
    """Let every device read and send up to an instant (UTC ms), a block a day."""
    for site in history.sites:
        end = until
        if site.plan.trouble is Trouble.SILENT:
            end = min(until, history.now - SILENT_DAYS * DAY_MS)
        send(history, site, end)


def send(history: History, site: Site, until: int) -> None:
    """Let a site's device read every hour up to an instant (UTC ms), and send that."""
    if site.logger is None or site.meter is None:
        return
    arrivals = []
    while site.read_through < until:
        following = min(site.read_through + DAY_MS, until)
        instants = range(site.read_through, following, HOUR_MS)
        arrivals.append(site.logger.read(site.meter, instants, [site.register_wh(at) for at in instants]))
        site.read_through = instants[-1] + HOUR_MS
    for first in range(0, len(arrivals), BLOCKS_AT_ONCE):
        accept_blocks(history.database, arrivals[first : first + BLOCKS_AT_ONCE], TERMS, until)


def live_month(history: History, month: ProductionMonth, place: int) -> None:
    """Live through a month: read, report in its window as far as that has come, close it, and export its quarter."""
    window = window_of(month)
    _report(history, month, place)
    closed_at = window.closes_at + DAY_MS
    if closed_at > history.now:
        return
    bring_readings(history, closed_at)
    close_month(history.database, month, RunKind.CLOSE, actor=FIRST_OPERATOR, now=closed_at)
    quarter = quarter_of(month)
    if month == quarter.months[-1] and place >= len(quarter.months) - 1:
        request = ExportRequest(quarter, ExportLayout.NEPOOL_GIS, FileKind.FINAL, FIRST_OPERATOR)
        export_quarter(history.database, request, closed_at)


def _report(history: History, month: ProductionMonth, place: int) -> None:
    """Let devices report as they do while the window is open, and people each on a day of their own."""
    window = window_of(month)
    is_last = window_of(month.next()).opens_at > history.now
    for number, site in enumerate(site for site in history.sites if site.logger is None):
        is_held = is_last and site.plan.trouble is Trouble.HELD
        on_their_day = month.ends_at - 7 * HOUR_MS + number % 5 * DAY_MS + number * 600_000
        at = window.opens_at + HOUR_MS if is_held else on_their_day
        if at > history.now or (site.plan.trouble is Trouble.FORGOTTEN and place in FORGOTTEN_PLACES):
            continue
        # Somebody who looked at the wrong line of last month's report.
        register_wh = site.reported_wh + 1000 if is_held else _shown(site, at, place)
        _enter(history, site, register_wh, at, is_decided=not is_held)
    for at in (month.ends_at + HOUR_MS, window.closes_at - HOUR_MS):
        if at <= history.now:
            bring_readings(history, at)
            report_devices(history.database, at)


def _shown(site: Site, at: int, place: int) -> int:
    """Return what a reporter reads from the dial, whole kWh; once two digits are swapped."""
    register_wh = site.register_wh(at) // 1000 * 1000
    if site.plan.trouble is Trouble.MISTYPED and place == MISTYPED_PLACE:
        register_wh -= 9_000
    return register_wh


def _enter(history: History, site: Site, register_wh: int, at: int, *, is_decided: bool) -> None:
    """Enter a reading; where the hub asks to look again, send it with a photo, at which staff look a day later."""
    reporter = reporter_of(history, site)
    reported = Reported(site.plan.pts_id, site.serial, register_wh, at)
    answer = submit_reading(history.database, reported, actor=reporter, now=at)
    if answer.judgement.outcome is Outcome.HELD:
        later = at + HOUR_MS // 2
        photo = keep_photo(history.folder, draw_dial(register_wh))
        answer = submit_reading(history.database, replace(reported, photo=photo), actor=reporter, now=later)
        decided_at = later + DAY_MS
        if is_decided and answer.submission is not None and decided_at <= history.now:
            decide_submission(
                history.database,
                answer.submission.number,
                approved=True,
                actor=FIRST_OPERATOR,
                now=decided_at,
                reason="the photo shows it: a bright month",
            )
    site.reported_wh = register_wh


def reporter_of(history: History, site: Site) -> str:
    """Return who reports a system by hand."""
    return REPORTERS[history.sites.index(site) % len(REPORTERS)].name


MISTYPED_PLACE = 5
"""Which month of the history is mistyped."""
FORGOTTEN_PLACES = (4, 13, 22)
"""Which months nobody reported."""


def say_hello(history: History) -> None:
    """Let every device say that it is there now; the silent one has left its last will."""
    for site in history.sites:
        if site.logger is None:
            continue
        is_online = site.plan.trouble is not Trouble.SILENT
        at = history.now if is_online else history.now - SILENT_DAYS * DAY_MS
        raw = site.logger.hello(at, is_online=is_online)
        answer_state(history.database, site.logger.id, raw, terms=TERMS, now=at, retained=False)


def months_between(began_at: int, now: int) -> tuple[ProductionMonth, ...]:
    """Return the months from the one that began at an instant (UTC ms) to the one of `now`."""
    first = date_at(began_at)
    month, found = ProductionMonth(first.year, first.month), []
    while month.starts_at <= now:
        found.append(month)
        month = month.next()
    return tuple(found)


def first_instant(now: datetime, years: int) -> int:
    """Return when the history begins (UTC ms): with the month so many years before that of `now`, in Massachusetts."""
    today = date_at(int(now.astimezone(UTC).timestamp()) * 1000)
    return ProductionMonth(today.year - years, today.month).starts_at
