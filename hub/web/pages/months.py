"""Pages of closing a month: what it is, what runs over it found, and the button that begins another."""

from collections.abc import Callable, Iterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.chores import Chore
from hub.errors import HubError, InputError
from hub.exchange.cells import table_lines
from hub.rules.analysis import ReviewDecision
from hub.rules.closing import RunKind, month_state, refuse_run
from hub.rules.periods import ProductionMonth, month_of, parse_month
from hub.rules.permissions import Action, Actor
from hub.rules.reported import ReportState
from hub.rules.windows import window_of
from hub.services.analyse_month import analyse_month, review_finding
from hub.services.close_month import close_month
from hub.services.verify_month import verify_month
from hub.store import months, system_meters
from hub.store.months import SystemMonthRow
from hub.store.reviews import Review
from hub.web.actors import demand, refuse
from hub.web.context import Hub, HubOf
from hub.web.forms import Typed
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.tables import save_table
from hub.web.visitors import PersonOf, ViewerOf

_SEE_OTHER = 303
PAGE = "/months"
MONTHS_SHOWN = 24
LINES_SHOWN = 50
LINES_AT_ONCE = 500
FINDINGS_SHOWN = 50
COLUMNS = ("system", "month", "version", "run", "state", "production_wh", "true_up", "sha256")

Step = Callable[[int], object]

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.get("/months")
def show_months(hub: HubOf, viewer: ViewerOf) -> HTMLResponse:
    """Show the last two years of months, each with what it is and what its last run came to."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    now = hub.now()
    wanted, month = [], month_of(now)
    for _ in range(MONTHS_SHOWN):
        wanted.append(month)
        month = month.previous()
    with hub.database.read() as connection:
        runs = months.list_runs(connection)
    rows = []
    for one in wanted:
        own = [pair for pair in runs if pair[0].month == one]
        state = month_state(RunKind(run.kind) for run, _ in own)
        rows.append((one, window_of(one), state, own[-1][1] if own else None))
    return render_page("months.html", frame_for(viewer, now), rows=rows, chore=hub.chores.latest_of(PAGE), now=now)


@router.get("/months/{month}.csv")
def save_month(hub: HubOf, viewer: ViewerOf, month: str, state: ReportState | None = None) -> Response:
    """Give the month of every system as it was kept last, as a table; those of one state if given."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    wanted = parse_month(month)
    return save_table(f"months_{wanted}.csv", table_lines([COLUMNS]), _write_table(hub, wanted, state))


@router.get("/months/{month}")
def show_month(
    hub: HubOf,
    viewer: ViewerOf,
    month: str,
    state: ReportState | None = None,
    after: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """Show a month with its runs, what was found in it, and a page of its systems, those of one state if given."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    return _draw(hub, viewer, parse_month(month), state, after)


@router.post("/months/{month}")
def begin_run(hub: HubOf, person: PersonOf, month: str, typed: Typed) -> Response:
    """Begin a run over a month, or drawing it up again; it goes on beside the pages."""
    demand(hub, person.actor, Action.CLOSE_MONTH)
    wanted = parse_month(month)
    what, reason = typed.get("what", ""), typed.get("reason", "").strip()
    try:
        _begin(hub, person.actor, wanted, what, reason)
    except HubError as error:
        return _draw(hub, person.actor, wanted, None, "", error, reason, what)
    return RedirectResponse(f"/months/{wanted}", status_code=_SEE_OTHER)


@router.post("/months/{month}/reviews/{system}/{code}")
def decide_finding(  # noqa: PLR0913, PLR0917 - which finding, and what was typed
    hub: HubOf, person: PersonOf, month: str, system: str, code: str, typed: Typed
) -> Response:
    """Keep what somebody decided on a finding of a system's month."""
    demand(hub, person.actor, Action.REVIEW_FINDING, system)
    wanted = parse_month(month)
    reason = typed.get("reason", "").strip()
    review = Review(
        system, wanted, code, hub.now(), person.actor.name, typed.get("decision", ""), reason, typed.get("evidence", "")
    )
    try:
        review_finding(hub.database, review)
    except HubError as error:
        return _draw(hub, person.actor, wanted, None, "", error, reason)
    return RedirectResponse(f"/months/{wanted}#found", status_code=_SEE_OTHER)


def _write_table(hub: Hub, month: ProductionMonth, state: ReportState | None) -> Iterator[str]:
    """Yield the lines of a month's table; between two parts nothing is held open, however slowly one reads."""
    after: str | None = ""
    while after is not None:
        with hub.database.read() as connection:
            rows = months.list_month(connection, month, state=state, after=after, limit=LINES_AT_ONCE)
        yield table_lines(map(_cells, rows))
        after = rows[-1].system if len(rows) == LINES_AT_ONCE else None


def _cells(row: SystemMonthRow) -> tuple[str, ...]:
    number = "" if row.production_wh is None else str(row.production_wh)
    cells = (row.system, str(row.month), str(row.version), str(row.run), row.state, number)
    return (*cells, "yes" if row.is_true_up else "no", row.sha256)


def _begin(hub: Hub, actor: Actor, month: ProductionMonth, what: str, reason: str) -> None:
    with hub.database.read() as connection:
        total = system_meters.count_systems(connection)
        runs = months.list_runs(connection, month)
    if what == "verify":
        systems = sum(result.systems for _, result in runs)
        again = Chore(PAGE, "systems", f"drawing up {month} again", actor.name, systems)
        hub.chores.begin(again, lambda step: _verify(hub, month, step))
        return
    try:
        kind = RunKind(what)
    except ValueError as error:
        message = f"{what!r:.40} cannot be done with a month: close it, amend it, look at it, or draw it up again"
        raise InputError(message) from error
    state = month_state(RunKind(run.kind) for run, _ in runs)
    refusal = refuse_run(kind, state, month, window_of(month).closes_at, hub.now())
    if refusal is not None:
        raise InputError(refusal)
    if kind is RunKind.AMEND and not reason:
        message = f"an amendment of {month} needs its reason: say why the number changes"
        raise InputError(message)
    names = {RunKind.PROVISIONAL: "looking at", RunKind.CLOSE: "closing", RunKind.AMEND: "amending"}
    chore = Chore(PAGE, "systems", f"{names[kind]} {month}", actor.name, total)
    hub.chores.begin(chore, lambda step: _run(hub, actor.name, month, kind, reason, step))


def _run(  # noqa: PLR0913, PLR0917 - what is done to which month
    hub: Hub, actor: str, month: ProductionMonth, kind: RunKind, reason: str, step: Step
) -> str:
    run, result = close_month(hub.database, month, kind, actor=actor, now=hub.now(), reason=reason, on_progress=step)
    return f"Run {run.number} over {month} kept {result.systems:,} systems."


def _verify(hub: Hub, month: ProductionMonth, step: Step) -> str:
    verified = verify_month(hub.database, month, step)
    if not verified.differences:
        return f"{month} comes out the same bit for bit: {verified.systems:,} systems in {verified.runs} runs."
    return f"{month} comes out otherwise in {len(verified.differences)} places; the first: {verified.differences[0]}."


def _draw(  # noqa: PLR0913, PLR0917 - what is shown of which month
    hub: Hub,
    viewer: Actor,
    month: ProductionMonth,
    state: ReportState | None,
    after: str,
    error: HubError | None = None,
    reason: str = "",
    what: str = "",
) -> HTMLResponse:
    now = hub.now()
    with hub.database.read() as connection:
        runs = months.list_runs(connection, month)
        lines = months.list_month(connection, month, state=state, after=after, limit=LINES_SHOWN) if runs else ()
        found = analyse_month(connection, month) if runs else ()
    window = window_of(month)
    standing = month_state(RunKind(run.kind) for run, _ in runs)
    possible = [kind.value for kind in RunKind if refuse_run(kind, standing, month, window.closes_at, now) is None]
    return render_page(
        "month.html",
        frame_for(viewer, now),
        status=200 if error is None else 422,
        month=month,
        window=window,
        standing=standing,
        possible=possible,
        is_amending=what == RunKind.AMEND and what in possible,
        runs=runs,
        lines=lines,
        found=found[:FINDINGS_SHOWN],
        found_more=max(0, len(found) - FINDINGS_SHOWN),
        state=state,
        states=list(ReportState),
        decisions=list(ReviewDecision),
        after=lines[-1].system if len(lines) == LINES_SHOWN else None,
        is_first=not after,
        may_close=refuse(hub, viewer, Action.CLOSE_MONTH) is None,
        may_review=refuse(hub, viewer, Action.REVIEW_FINDING) is None,
        chore=hub.chores.latest_of(PAGE),
        problem="" if error is None else str(error),
        reason=reason,
        now=now,
    )
