"""Pages of what is done to many devices at once: the form over a filter, how far it has come, and the last ones."""

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.errors import HubError, InputError
from hub.fleet.bulks import COMMANDS, BulkAction, BulkKind, Outcome
from hub.fleet.tags import parse_tags
from hub.rules.permissions import Action, Actor
from hub.services.cancel_bulk import cancel_bulk, find_bulk
from hub.services.read_details import parse_time
from hub.services.start_bulk import BulkWish, StartedBulk, command_means, count_matching, start_bulk
from hub.store import bulk_actions, changes
from hub.store.bulk_actions import Bulk, BulkCommand
from hub.store.device_list import DeviceFilter
from hub.web.actors import demand, refuse
from hub.web.bulk_doors import parse_place, place_of
from hub.web.context import Hub, HubOf
from hub.web.device_filter import FilterOf, query_of
from hub.web.forms import Asked, Field, Form, Typed, draw_form, read_field, read_whole_number
from hub.web.navigation import frame_for
from hub.web.rendering import FragmentName, render_live, render_page, watch_of
from hub.web.visitors import PersonOf, ViewerOf
from protocol.identity import format_device_id

_SEE_OTHER = 303
_NUMBER_MAX = (1 << 63) - 1
COMMANDS_SHOWN = 50
BULKS_SHOWN = 50
WHYS_SHOWN = 3
WORDS = {
    BulkKind.MAINTAIN: "put under maintenance until an instant",
    BulkKind.RESUME: "take into service again",
    BulkKind.RETIRE: "decommission",
    BulkKind.TAG: "put tags on",
    BulkKind.UNTAG: "take tags off",
    BulkKind.STATE: "ask for its state",
    BulkKind.RESEND: "ask for the blocks that the hub lacks",
    BulkKind.REPOLL: "poll its meters again now",
    BulkKind.RESTART_AGENT: "restart its agent",
    BulkKind.SILENCE: "silence its alerts until an instant",
    BulkKind.ACKNOWLEDGE: "look after its alerts until an instant",
}
"""What each does, in words for people."""

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

Number = Annotated[int, Path(ge=1, le=_NUMBER_MAX)]
Before = Annotated[int | None, Query(ge=1, le=_NUMBER_MAX)]


@dataclass(frozen=True, slots=True)
class BulkPage:
    """What the page of a bulk shows; `change` is the number of the newest change it includes."""

    bulk: Bulk
    words: str
    takes_commands: bool
    outcomes: dict[Outcome, int]
    outcome: Outcome | None
    commands: tuple[BulkCommand, ...]
    after: str | None
    is_first: bool
    may_cancel: bool
    change: int
    watch: str

    @staticmethod
    def device_id(command: BulkCommand) -> str:
        """Return a command's device as text."""
        return format_device_id(command.device)


@router.get("/devices/all")
def show_all(hub: HubOf, person: PersonOf, wanted: FilterOf) -> HTMLResponse:
    """Ask what is done to all devices that match, and say how many these are."""
    _demand(hub, person.actor)
    return draw_form(_all_form(hub, wanted), frame_for(person.actor, hub.now()))


@router.post("/devices/all")
def take_all(hub: HubOf, person: PersonOf, wanted: FilterOf, typed: Typed) -> Response:
    """Do it to all of them or to none, or only say what would come of it."""
    _demand(hub, person.actor)
    form, now = _all_form(hub, wanted), hub.now()
    is_dry_run = bool(typed.get("dry"))
    try:
        wish = _read_wish(form, wanted, typed)
        started = start_bulk(
            hub.database,
            wish,
            command_means(hub.settings.data_folder),
            actor=person.actor.name,
            now=now,
            reason=typed["reason"].strip(),
            is_dry_run=is_dry_run,
        )
    except HubError as error:
        return draw_form(form, frame_for(person.actor, now), typed, error)
    if started.number is None:
        told = replace(form, lede=f"{form.lede} {_tell(started)}")
        return draw_form(told, frame_for(person.actor, now), {**typed, "dry": ""})
    return RedirectResponse(f"/bulks/{started.number}", status_code=_SEE_OTHER)


@router.get("/bulks")
def show_bulks(hub: HubOf, viewer: ViewerOf, before: Before = None) -> HTMLResponse:
    """Show what was done to many devices at once, the last first."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        found = bulk_actions.list_bulks(connection, before, BULKS_SHOWN)
    return render_page(
        "bulks.html",
        frame_for(viewer, hub.now()),
        bulks=found,
        words=WORDS,
        is_first=before is None,
        before=found[-1].number if len(found) == BULKS_SHOWN else None,
    )


@router.get("/bulks/{number}")
def show_bulk(  # noqa: PLR0913, PLR0917 - which part of its commands is shown
    hub: HubOf,
    viewer: ViewerOf,
    number: Number,
    outcome: Outcome | None = None,
    after: Asked = "",
    fragment: FragmentName = None,
) -> HTMLResponse:
    """Show how far a bulk has come, and its commands a page at a time; the page goes on by itself."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        bulk = find_bulk(connection, number)
        change = changes.latest_change(connection)
        outcomes = bulk_actions.count_outcomes(connection, number)
        found = bulk_actions.list_commands(connection, number, outcome, parse_place(after), COMMANDS_SHOWN)
    page = BulkPage(
        bulk=bulk,
        words=WORDS[bulk.action.kind],
        takes_commands=bulk.action.kind in COMMANDS,
        outcomes=outcomes,
        outcome=outcome,
        commands=found,
        after=place_of(found[-1]) if len(found) == COMMANDS_SHOWN else None,
        is_first=not after,
        may_cancel=outcomes[Outcome.WAITING] > 0 and refuse(hub, viewer, Action.REGISTER_SYSTEM) is None,
        change=change,
        watch=watch_of(changes.bulk(number), hub),
    )
    return render_live("bulk", frame_for(viewer, hub.now()), page, fragment)


@router.get("/bulks/{number}/cancel")
def ask_cancel(hub: HubOf, person: PersonOf, number: Number) -> HTMLResponse:
    """Ask why what has not been sent is withdrawn, and say how much that is."""
    demand(hub, person.actor, Action.REGISTER_SYSTEM)
    return draw_form(_cancel_form(hub, number), frame_for(person.actor, hub.now()))


@router.post("/bulks/{number}/cancel")
def take_cancel(hub: HubOf, person: PersonOf, number: Number, typed: Typed) -> Response:
    """Withdraw what has not been sent."""
    demand(hub, person.actor, Action.REGISTER_SYSTEM)
    form, now = _cancel_form(hub, number), hub.now()
    try:
        reason = form.take(typed)["reason"]
        cancel_bulk(hub.database, number, actor=person.actor.name, now=now, reason=reason)
    except HubError as error:
        return draw_form(form, frame_for(person.actor, now), typed, error)
    return RedirectResponse(f"/bulks/{number}", status_code=_SEE_OTHER)


def _demand(hub: Hub, actor: Actor) -> None:
    """Raise NotAllowedError unless the actor may do all that the form has."""
    for action in (Action.REGISTER_SYSTEM, Action.ANSWER_ALERTS):
        demand(hub, actor, action)


def _read_wish(form: Form, wanted: DeviceFilter, typed: Typed) -> BulkWish:
    said = form.take(typed)
    kind = read_field("action", _kind, said["action"])
    until_at = read_field("until", parse_time, said["until"]) if said["until"] else None
    action = BulkAction(kind, until_at, read_field("tags", parse_tags, said["tags"]))
    return BulkWish(wanted, action, read_field("number", _number, said["number"]) if said["number"] else None)


def _tell(started: StartedBulk) -> str:
    whys = list(dict.fromkeys(one.why for one in started.left))
    told = f"It would be done to {len(started.changed):,} of them, and nothing has been done yet."
    if not whys:
        return told
    more = ", and more" if len(whys) > WHYS_SHOWN else ""
    return f"{told} {len(started.left):,} would be left as they are: {'; '.join(whys[:WHYS_SHOWN])}{more}."


def _kind(text: str) -> BulkKind:
    try:
        return BulkKind(text)
    except ValueError as error:
        message = f"{text!r:.40} cannot be done to devices: choose one of the list"
        raise InputError(message) from error


def _number(text: str) -> int:
    number = read_whole_number(text)
    if number is None:
        message = f"{text!r:.40} is no number of devices: write the one that stands above"
        raise InputError(message)
    return number


def _all_form(hub: Hub, wanted: DeviceFilter) -> Form:
    with hub.database.read() as connection:
        number = count_matching(connection, wanted)
    query = query_of(wanted)
    until = "Such as 2026-12-01 12:00; for a maintenance, a silence, and alerts that are looked after."
    return Form(
        title="Do it to all that match",
        lede=f"{number:,} devices match. One to which it cannot be done is left as it is.",
        action=f"/devices/all?{query}",
        submit="Do it to all of them",
        fields=(
            Field("action", "What", "select", options=tuple((kind.value, words) for kind, words in WORDS.items())),
            Field("until", "Until when", hint=until),
            Field("tags", "Tags", hint="Which are put on or taken off, with blanks between; empty for all else."),
            Field("reason", "Why", hint="Kept in the audit log with every device's id.", is_required=True),
            Field(
                "number",
                "How many devices these are",
                hint="Typed by you, so that none is meant by mistake: for more than twenty, and to decommission any.",
                mode="numeric",
            ),
            Field("dry", "And now", "select", options=(("", "do it"), ("yes", "only say what would come of it"))),
        ),
        here="/devices",
        above=(f"/devices?{query}", "Devices"),
    )


def _cancel_form(hub: Hub, number: int) -> Form:
    with hub.database.read() as connection:
        find_bulk(connection, number)
        waiting = bulk_actions.count_outcomes(connection, number)[Outcome.WAITING]
    return Form(
        title=f"Withdraw what is left of bulk {number}",
        lede=f"{waiting:,} of its commands have not been sent. What was sent cannot be taken back.",
        action=f"/bulks/{number}/cancel",
        submit="Withdraw them",
        fields=(Field("reason", "Why", hint="Kept in the audit log.", is_required=True),),
        here="/devices",
        above=(f"/bulks/{number}", f"Bulk {number}"),
    )
