"""The page of alerts: what wants somebody now with the numbers that say why, and the forms that answer it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.alerting.life import Silence, Standing
from hub.alerting.rules import Code
from hub.errors import HubError, InputError
from hub.rules.permissions import Action, Actor
from hub.services.answer_alert import acknowledge_alerts, end_silence, silence_alerts
from hub.services.read_alerts import read_alert, read_first, read_open, read_over
from hub.services.read_details import parse_time
from hub.store import alerts
from hub.web.actors import demand, refuse
from hub.web.context import Hub, HubOf
from hub.web.forms import Typed, read_field
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.visitors import PersonOf, ViewerOf

_SEE_OTHER = 303
_NUMBER_MAX = (1 << 63) - 1
OPEN_SHOWN = 100
OVER_SHOWN = 50
SILENCES_SHOWN = 50

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

Before = Annotated[int | None, Query(ge=1, le=_NUMBER_MAX)]


@router.get("/alerts")
def show_alerts(hub: HubOf, viewer: ViewerOf, standing: Standing | None = None, before: Before = None) -> HTMLResponse:
    """Show alerts, what wants somebody first; those that are over a page at a time."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    return _draw(hub, viewer, standing, before)


@router.post("/alerts")
def acknowledge(hub: HubOf, person: PersonOf, typed: Typed) -> Response:
    """Keep that somebody looks after an alert, or after all of one rule."""
    demand(hub, person.actor, Action.ANSWER_ALERTS)
    reason, until = typed.get("reason", "").strip(), typed.get("until", "").strip()
    now = hub.now()
    try:
        numbers = _numbers(hub, typed)
        until_at = read_field("until", parse_time, until)
        acknowledge_alerts(hub.database, numbers, until_at, actor=person.actor.name, now=now, reason=reason)
    except HubError as error:
        return _draw(hub, person.actor, None, None, error, typed)
    return RedirectResponse("/alerts", status_code=_SEE_OTHER)


@router.post("/silences")
def silence(hub: HubOf, person: PersonOf, typed: Typed) -> Response:
    """Mute a rule or a subject until an instant."""
    demand(hub, person.actor, Action.ANSWER_ALERTS)
    try:
        rule = read_field("rule", _code, typed["rule"]) if typed.get("rule") else None
        until_at = read_field("until", parse_time, typed.get("until", "").strip())
        wanted = Silence(rule, typed.get("subject", "").strip() or None, until_at)
        silence_alerts(
            hub.database, wanted, actor=person.actor.name, now=hub.now(), reason=typed.get("reason", "").strip()
        )
    except HubError as error:
        return _draw(hub, person.actor, None, None, error, typed)
    return RedirectResponse("/alerts", status_code=_SEE_OTHER)


@router.post("/silences/{number}/end")
def unsilence(hub: HubOf, person: PersonOf, number: int, typed: Typed) -> Response:
    """Let a silence end now."""
    demand(hub, person.actor, Action.ANSWER_ALERTS)
    try:
        end_silence(
            hub.database, number, actor=person.actor.name, now=hub.now(), reason=typed.get("reason", "").strip()
        )
    except HubError as error:
        return _draw(hub, person.actor, None, None, error, typed)
    return RedirectResponse("/alerts", status_code=_SEE_OTHER)


@router.get("/alerts/{number}")
def show_alert(hub: HubOf, viewer: ViewerOf, number: Annotated[int, Path(ge=1, le=_NUMBER_MAX)]) -> HTMLResponse:
    """Show one alert with what people said of it."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    now = hub.now()
    with hub.database.read() as connection:
        view = read_alert(connection, now, number)
        words = alerts.list_acknowledgements(connection, number)
    return render_page("alert.html", frame_for(viewer, now), view=view, words=words, now=now)


def _draw(  # noqa: PLR0913, PLR0917 - what is shown, and what was typed before
    hub: Hub,
    viewer: Actor,
    standing: Standing | None,
    before: int | None,
    error: HubError | None = None,
    typed: dict[str, str] | None = None,
) -> HTMLResponse:
    now = hub.now()
    with hub.database.read() as connection:
        open_ = read_first(connection, now, OPEN_SHOWN, standing)
        over = read_over(connection, before, OVER_SHOWN) if standing is Standing.RESOLVED else ()
        silences = alerts.list_silences(connection, now)
    number = open_.counts.get(standing, 0) if standing else sum(open_.counts.values())
    empty = {"alert": "", "rule": "", "subject": "", "until": "", "reason": ""}
    return render_page(
        "alerts.html",
        frame_for(viewer, now),
        status=200 if error is None else 422,
        views=over or open_.views,
        more=0 if over else number - len(open_.views),
        counts=open_.counts,
        standing=standing,
        before=over[-1].kept.number if len(over) == OVER_SHOWN else None,
        silences=silences[:SILENCES_SHOWN],
        more_silences=max(0, len(silences) - SILENCES_SHOWN),
        codes=list(Code),
        may_answer=refuse(hub, viewer, Action.ANSWER_ALERTS) is None,
        problem="" if error is None else str(error),
        typed=empty | (typed or {}),
        now=now,
    )


def _numbers(hub: Hub, typed: dict[str, str]) -> list[int]:
    """Return the alerts that a form names: one by its number, or all that fire of a rule."""
    if typed.get("alert", "").isascii() and typed.get("alert", "").isdigit():
        return [int(typed["alert"])]
    rule = read_field("rule", _code, typed.get("rule", ""))
    with hub.database.read() as connection:
        views = read_open(connection, hub.now())
    found = [one.kept.number for one in views if one.kept.episode.code is rule and one.standing is Standing.FIRING]
    if not found:
        message = f"no alert of {rule.value} fires now"
        raise InputError(message)
    return found


def _code(text: str) -> Code:
    try:
        return Code(text)
    except ValueError as error:
        message = f"{text!r:.40} is no rule: choose one of the list"
        raise InputError(message) from error
