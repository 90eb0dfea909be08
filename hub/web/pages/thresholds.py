"""Pages of thresholds: what the rules of alerts compare with, who changed it, and the form that does."""

from functools import partial
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.alerting.rules import RULES
from hub.alerting.thresholds import Change, Threshold
from hub.errors import HubError, InputError, OutdatedError
from hub.rules.permissions import Action, Actor
from hub.services.amend_system import check_reason
from hub.services.read_details import parse_time
from hub.services.read_thresholds import ThresholdView, read_threshold, read_thresholds, tag_threshold
from hub.services.set_threshold import set_threshold
from hub.store import thresholds
from hub.web.actors import demand, refuse
from hub.web.context import Hub, HubOf
from hub.web.forms import Field, Form, Typed, draw_form, read_field, read_whole_number
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.visitors import PersonOf, ViewerOf

_SEE_OTHER = 303
_NUMBER_MAX = (1 << 63) - 1
CHANGES_SHOWN = 50

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

Before = Annotated[int | None, Query(ge=1, le=_NUMBER_MAX)]


@router.get("/alerts/thresholds")
def show_thresholds(hub: HubOf, viewer: ViewerOf) -> HTMLResponse:
    """Show every threshold with what holds and what is to come, rule by rule."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    now = hub.now()
    with hub.database.read() as connection:
        views = read_thresholds(connection, now)
    rules = [(RULES[code], list(of_rule)) for code, of_rule in groupby(views, lambda view: view.threshold.rule)]
    return render_page("thresholds.html", frame_for(viewer, now), rules=rules)


@router.get("/alerts/thresholds/{threshold}")
def show_threshold(hub: HubOf, viewer: ViewerOf, threshold: str, before: Before = None) -> HTMLResponse:
    """Show one threshold with all that was said of it, the last first, a page at a time."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    now = hub.now()
    with hub.database.read() as connection:
        view = read_threshold(connection, threshold, now)
        said = thresholds.list_history(connection, threshold, CHANGES_SHOWN, before)
    return render_page(
        "threshold.html",
        frame_for(viewer, now),
        view=view,
        rule=RULES[view.threshold.rule],
        said=said,
        before=said[-1].number if len(said) == CHANGES_SHOWN else None,
        may_change=refuse(hub, viewer, Action.ANSWER_ALERTS) is None,
    )


@router.get("/alerts/thresholds/{threshold}/new")
def show_form(hub: HubOf, person: PersonOf, threshold: str) -> HTMLResponse:
    """Ask for another value; what holds stands there."""
    demand(hub, person.actor, Action.ANSWER_ALERTS)
    view, seen = _look(hub, threshold)
    return _ask(hub, person.actor, view, {"value": str(view.value), _SEEN.name: seen})


@router.post("/alerts/thresholds/{threshold}/new")
def take_change(hub: HubOf, person: PersonOf, threshold: str, typed: Typed) -> Response:
    """Let a threshold have another value, from now or a later instant on."""
    demand(hub, person.actor, Action.ANSWER_ALERTS)
    now = hub.now()
    view, seen = _look(hub, threshold)
    try:
        said = _form(view).take(typed)
        value = read_field("value", partial(_read_value, view.threshold), said["value"]) if said["value"] else None
        from_at = read_field("from_at", parse_time, said["from_at"]) if said["from_at"] else now
        reason = read_field("reason", check_reason, said["reason"])
        wish = Change(threshold, value, from_at)
        set_threshold(hub.database, wish, actor=person.actor.name, now=now, reason=reason, only_if=said[_SEEN.name])
    except OutdatedError as error:
        # Who sends it again now has read that it changed.
        return _ask(hub, person.actor, view, {**typed, _SEEN.name: seen}, error)
    except HubError as error:
        return _ask(hub, person.actor, view, typed, error)
    return RedirectResponse(f"/alerts/thresholds/{threshold}", status_code=_SEE_OTHER)


_SEEN = Field("seen", "What held then", "hidden")


def _look(hub: Hub, name: str) -> tuple[ThresholdView, str]:
    """Return a threshold as it stands, and its tag."""
    now = hub.now()
    with hub.database.read() as connection:
        return read_threshold(connection, name, now), tag_threshold(connection, name, now)


def _form(view: ThresholdView) -> Form:
    threshold = view.threshold
    bounds = f"From {threshold.least} to {threshold.say(threshold.greatest)}"
    return Form(
        title="Change a threshold",
        lede=f"{RULES[threshold.rule].title}. {threshold.words}: {threshold.say(view.value)} now.",
        action=f"/alerts/thresholds/{threshold.name}/new",
        submit="Change it",
        fields=(
            _SEEN,
            Field(
                "value",
                "Value",
                hint=f"{bounds}; empty for its default, {threshold.say(threshold.default)}.",
                mode="numeric",
            ),
            Field("from_at", "From", hint="Such as 2026-12-01 12:00, in Massachusetts; empty for now."),
            Field("reason", "Why", hint="Kept in the audit log.", is_required=True),
        ),
        here="/alerts",
        above=(f"/alerts/thresholds/{threshold.name}", threshold.name),
    )


def _ask(
    hub: Hub, viewer: Actor, view: ThresholdView, typed: dict[str, str], error: HubError | None = None
) -> HTMLResponse:
    return draw_form(_form(view), frame_for(viewer, hub.now()), typed, error)


def _read_value(threshold: Threshold, text: str) -> int:
    value = read_whole_number(text)
    if value is None:
        message = f"{text!r:.40} is no whole number: write such as {threshold.default}"
        raise InputError(message)
    threshold.check(value)
    return value
