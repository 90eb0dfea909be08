"""Pages of channels: where alerts are told, what became of each message, and the forms that make, try and end them."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.alerting.rules import Severity
from hub.alerting.telling import Way
from hub.errors import HubError, InputError
from hub.rules.permissions import Action, Actor
from hub.services.manage_channels import (
    ChannelWish,
    MadeChannel,
    add_channel,
    end_channel,
    find_channel,
    replay_dispatch,
    try_channel,
)
from hub.store import channels, dispatches
from hub.web.actors import demand
from hub.web.context import Hub, HubOf
from hub.web.forms import Field, Form, Typed, draw_form, read_field, read_whole_number
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.visitors import PersonOf

_SEE_OTHER = 303
_NUMBER_MAX = (1 << 63) - 1
MESSAGES_SHOWN = 50

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

Before = Annotated[int | None, Query(ge=1, le=_NUMBER_MAX)]


@router.get("/channels")
def show_channels(hub: HubOf, person: PersonOf) -> HTMLResponse:
    """Show where alerts are told."""
    demand(hub, person.actor, Action.ANSWER_ALERTS)
    return _draw_all(hub, person.actor)


@router.get("/channels/new")
def show_new(hub: HubOf, person: PersonOf) -> HTMLResponse:
    """Ask for a new channel."""
    demand(hub, person.actor, Action.ANSWER_ALERTS)
    return draw_form(_FORM, frame_for(person.actor, hub.now()), {"digest_minutes": "60"})


@router.post("/channels/new")
def take_new(hub: HubOf, person: PersonOf, typed: Typed) -> Response:
    """Make a channel and show its secret this once; the same one sent twice is one."""
    demand(hub, person.actor, Action.ANSWER_ALERTS)
    try:
        said = _FORM.take(typed)
        wish = ChannelWish(
            read_field("way", _way, said["way"]),
            said["target"],
            read_field("least", _severity, said["least"]),
            read_field("digest_minutes", _minutes, said["digest_minutes"]),
            said["heartbeat"] == "yes",
        )
        made = add_channel(hub.database, wish, hub.webhooks, hub.sealer, actor=person.actor.name, now=hub.now())
    except HubError as error:
        return draw_form(_FORM, frame_for(person.actor, hub.now()), typed, error)
    return _draw_all(hub, person.actor, made=made)


@router.get("/channels/{number}")
def show_channel(hub: HubOf, person: PersonOf, number: int, before: Before = None) -> HTMLResponse:
    """Show a channel with the messages to it and what was answered."""
    demand(hub, person.actor, Action.ANSWER_ALERTS)
    return _draw(hub, person.actor, number, before)


@router.post("/channels/{number}/test")
def send_test(hub: HubOf, person: PersonOf, number: int) -> Response:
    """Send a test to a channel."""
    demand(hub, person.actor, Action.ANSWER_ALERTS)
    try_channel(hub.database, number, actor=person.actor.name, now=hub.now())
    return RedirectResponse(f"/channels/{number}", status_code=_SEE_OTHER)


@router.post("/channels/{number}/end")
def end(hub: HubOf, person: PersonOf, number: int, typed: Typed) -> Response:
    """Tell a channel nothing more."""
    demand(hub, person.actor, Action.ANSWER_ALERTS)
    reason = typed.get("reason", "").strip()
    try:
        end_channel(hub.database, number, actor=person.actor.name, now=hub.now(), reason=reason)
    except InputError as error:
        return _draw(hub, person.actor, number, None, error)
    return RedirectResponse("/channels", status_code=_SEE_OTHER)


@router.post("/messages/{number}/replay")
def replay(hub: HubOf, person: PersonOf, number: int, typed: Typed) -> Response:
    """Deliver a message once more."""
    demand(hub, person.actor, Action.ANSWER_ALERTS)
    replay_dispatch(hub.database, number, actor=person.actor.name, now=hub.now())
    back = typed.get("channel", "")
    return RedirectResponse(f"/channels/{back}" if back.isdecimal() else "/channels", status_code=_SEE_OTHER)


_FORM = Form(
    title="Tell alerts somewhere",
    lede="Critical alerts are told at once, the others gathered, and each once: that it fires, and that it is over.",
    action="/channels/new",
    submit="Tell them there",
    fields=(
        Field("way", "How", "select", options=((Way.MAIL.value, "by mail"), (Way.WEBHOOK.value, "by webhook"))),
        Field("target", "Where", hint="A mail address, or an address that begins with https://.", is_required=True),
        Field(
            "least",
            "What",
            "select",
            options=(
                (Severity.WARNING.value, "warnings and critical ones"),
                (Severity.CRITICAL.value, "critical ones only"),
                (Severity.INFO.value, "all of them"),
            ),
        ),
        Field(
            "digest_minutes",
            "Gathered for so many minutes",
            hint="0 to tell each at once.",
            is_required=True,
            mode="numeric",
        ),
        Field(
            "heartbeat",
            "A sign of life every hour",
            "select",
            hint="For whoever watches that the hub itself lives.",
            options=(("no", "no"), ("yes", "yes")),
        ),
    ),
    here="/alerts",
    above=("/channels", "Channels"),
)


def _way(text: str) -> Way:
    try:
        return Way(text)
    except ValueError as error:
        message = f"{text!r:.40} is no way: choose one of the list"
        raise InputError(message) from error


def _severity(text: str) -> Severity:
    try:
        return Severity(text)
    except ValueError as error:
        message = f"{text!r:.40} is no severity: choose one of the list"
        raise InputError(message) from error


def _minutes(text: str) -> int:
    minutes = read_whole_number(text)
    if minutes is None:
        message = f"{text!r:.40} is no number of minutes: write such as 60"
        raise InputError(message)
    return minutes


def _draw_all(hub: Hub, actor: Actor, made: MadeChannel | None = None) -> HTMLResponse:
    with hub.database.read() as connection:
        found = channels.list_channels(connection)
        waiting = dispatches.waiting_since(connection)
    return render_page(
        "channels.html",
        frame_for(actor, hub.now()),
        found=found,
        waiting=waiting,
        made=made,
        sends_mail=hub.settings.mail is not None,
    )


def _draw(hub: Hub, actor: Actor, number: int, before: int | None, error: HubError | None = None) -> HTMLResponse:
    with hub.database.read() as connection:
        found = find_channel(connection, number)
        sent = dispatches.list_dispatches(connection, MESSAGES_SHOWN, to=number, before=before)
    return render_page(
        "channel.html",
        frame_for(actor, hub.now()),
        status=200 if error is None else 422,
        channel=found,
        sent=sent,
        before=sent[-1].number if len(sent) == MESSAGES_SHOWN else None,
        problem="" if error is None else str(error),
    )
