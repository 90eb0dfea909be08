"""A reporter's pages, in the regulator's five steps: sign in, choose the system, the reading, the experience, the end.

Nothing hangs on the Back button: what is typed stands in the address of the page that shows what it comes to, which
keeps nothing and can be loaded as often as one likes; what is final is sent from there, and answered by going on.
The same reading sent twice is one, also while it waits for the operator. `experience.py` has the last two steps.
"""

from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.errors import HubError, InputError, NotAllowedError
from hub.photos import PHOTOS, UPLOAD_BYTES_MAX, keep_photo
from hub.rules.acceptance import Outcome
from hub.rules.local_times import format_local, parse_local
from hub.rules.permissions import Action, Actor
from hub.services.compute_production import find_system
from hub.services.read_reporting import History, current_window, read_history
from hub.services.submit_reading import Answer, Reported, parse_reported, preview_reading, submit_reading
from hub.store import ledger
from hub.store.registry import System
from hub.web.actors import refuse
from hub.web.context import Hub, HubOf
from hub.web.forms import TEXT_MAX, Asked, WrongFieldError, read_field
from hub.web.navigation import Frame, frame_for
from hub.web.rendering import render_page
from hub.web.visitors import PersonOf

_SEE_OTHER = 303

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

Text = Annotated[str, Form(max_length=TEXT_MAX)]


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed of a reading, as it was typed."""

    kwh: str = ""
    at: str = ""
    meter: str = ""
    photo: str = ""

    def query(self) -> str:
        """Return it as part of an address, what is empty left out."""
        fields = {"kwh": self.kwh, "at": self.at, "meter": self.meter, "photo": self.photo}
        return urlencode({name: value for name, value in fields.items() if value})


@router.get("/systems/{pts_id}/report")
def show_reading(  # noqa: PLR0913, PLR0917 - what was typed before
    hub: HubOf, person: PersonOf, pts_id: str, kwh: Asked = "", at: Asked = "", meter: Asked = "", photo: Asked = ""
) -> HTMLResponse:
    """Ask for the reading: step 3."""
    _demand(hub, person.actor.name, refuse(hub, person.actor, Action.ENTER_PRODUCTION, pts_id))
    return _show_form(hub, person.actor, pts_id, Typed(kwh, at, meter, photo), None)


@router.post("/systems/{pts_id}/report")
def take_reading(  # noqa: PLR0913, PLR0917 - the fields of the form
    hub: HubOf,
    person: PersonOf,
    pts_id: str,
    kwh: Text = "",
    at: Text = "",
    meter: Text = "",
    photo: Text = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Go on to the page that says what a reading comes to; nothing of it is kept but a picture."""
    _demand(hub, person.actor.name, refuse(hub, person.actor, Action.ENTER_PRODUCTION, pts_id))
    typed = Typed(kwh, at, meter, photo)
    try:
        if file is not None and file.filename:
            content = file.file.read(UPLOAD_BYTES_MAX + 1)
            kept = read_field("file", lambda _: keep_photo(hub.settings.data_folder, content), "")
            typed = replace(typed, photo=kept)
        reported = _read(hub, pts_id, typed)
    except InputError as error:
        return _show_form(hub, person.actor, pts_id, typed, error)
    # The instant is written down: what is checked and what is sent are of the same time.
    typed = Typed(typed.kwh, format_local(reported.read_at), typed.meter, typed.photo)
    return RedirectResponse(f"/systems/{pts_id}/report/check?{typed.query()}", status_code=_SEE_OTHER)


@router.get("/systems/{pts_id}/report/check")
def check_reading(  # noqa: PLR0913, PLR0917 - what was typed
    hub: HubOf, person: PersonOf, pts_id: str, kwh: Asked = "", at: Asked = "", meter: Asked = "", photo: Asked = ""
) -> HTMLResponse:
    """Show what a reading comes to, before anything is final."""
    unauthorised = refuse(hub, person.actor, Action.ENTER_PRODUCTION, pts_id)
    _demand(hub, person.actor.name, unauthorised)
    typed = Typed(kwh, at, meter, photo)
    try:
        reported = _read(hub, pts_id, typed)
    except InputError as error:
        return _show_form(hub, person.actor, pts_id, typed, error)
    with hub.database.read() as connection:
        answer = preview_reading(connection, reported, hub.now(), unauthorised=unauthorised)
        system, history = find_system(connection, pts_id), read_history(connection, pts_id)
    return _show_answer(frame_for(person.actor, hub.now()), system, history, typed, answer, read_at=reported.read_at)


@router.post("/systems/{pts_id}/report/save")
def save_reading(  # noqa: PLR0913, PLR0917 - what was checked
    hub: HubOf, person: PersonOf, pts_id: str, kwh: Text, at: Text, meter: Text = "", photo: Text = ""
) -> Response:
    """Report the reading for good, and go on to the operational experience; or show why it is not accepted."""
    unauthorised = refuse(hub, person.actor, Action.ENTER_PRODUCTION, pts_id)
    _demand(hub, person.actor.name, unauthorised)
    typed, now = Typed(kwh, at, meter, photo), hub.now()
    try:
        reported = _read(hub, pts_id, typed)
    except InputError as error:
        return _show_form(hub, person.actor, pts_id, typed, error)
    answer = submit_reading(hub.database, reported, actor=person.actor.name, now=now, unauthorised=unauthorised)
    if answer.judgement.outcome is Outcome.HELD and reported.photo is not None:
        # What is doubted is held first; the picture is there already, so it goes on to staff at once.
        answer = submit_reading(hub.database, reported, actor=person.actor.name, now=now, unauthorised=unauthorised)
    judged = answer.judgement
    if judged.outcome in {Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.REVIEW} and judged.month is not None:
        return RedirectResponse(f"/systems/{pts_id}/report/{judged.month}/experience", status_code=_SEE_OTHER)
    with hub.database.read() as connection:
        system, history = find_system(connection, pts_id), read_history(connection, pts_id)
    return _show_answer(frame_for(person.actor, hub.now()), system, history, typed, answer, read_at=reported.read_at)


def _show_form(hub: Hub, actor: Actor, pts_id: str, typed: Typed, error: HubError | None) -> HTMLResponse:
    window, is_open = current_window(hub.now())
    at, is_clock = _clock_time(typed.at, hub.now())
    with hub.database.read() as connection:
        system, history = find_system(connection, pts_id), read_history(connection, pts_id)
        counting = [ledger.find_entry(connection, one.meter.meter, window.month) for one in history.meters]
    return render_page(
        "report_reading.html",
        frame_for(actor, hub.now()),
        is_form=True,
        status=200 if error is None else 422,
        system=system,
        history=history,
        typed=typed,
        window=window,
        is_open=is_open,
        is_reported=bool(counting) and None not in counting,
        at=at,
        is_clock=is_clock,
        problem="" if error is None else str(error),
        wrong=error.field if isinstance(error, WrongFieldError) else "",
    )


def _show_answer(  # noqa: PLR0913
    frame: Frame, system: System, history: History, typed: Typed, answer: Answer, *, read_at: int
) -> HTMLResponse:
    outcome = answer.judgement.outcome
    return render_page(
        "report_check.html",
        frame,
        status=422 if outcome is Outcome.REFUSED else 200,
        system=system,
        history=history,
        typed=typed,
        judgement=answer.judgement,
        is_kept=answer.submission is not None,
        waits=outcome is Outcome.REVIEW and answer.submission is not None,
        may_save=outcome is not Outcome.REFUSED and (answer.submission is None or outcome is not Outcome.HELD),
        read_at=read_at,
    )


def _clock_time(typed: str, now: int) -> tuple[str, bool]:
    """Return what stands in the field of the time, and whether a browser's clock can show it.

    An hour that came twice is told apart by its offset, which only text can have.
    """
    try:
        at = parse_local(typed) if typed else now
        plain = format_local(at)[:16]
        parse_local(plain)
    except InputError:
        return typed, False
    return plain.replace(" ", "T"), True


def _demand(hub: Hub, name: str, refusal: str | None) -> None:
    assert name, f"{hub.settings.data_folder} has no nameless people"
    if refusal is not None:
        raise NotAllowedError(refusal)


def _read(hub: Hub, pts_id: str, typed: Typed) -> Reported:
    """Return the reading that was typed, with its picture; raises WrongFieldError."""
    now, photo = hub.now(), _known(hub, typed.photo)
    # Each field by itself, so that what is wrong stands beside it.
    read_field("kwh", lambda kwh: parse_reported(pts_id, "", kwh, "", now=now), typed.kwh)
    return read_field(
        "at", lambda at: parse_reported(pts_id, typed.meter, typed.kwh, at, now=now, photo=photo), typed.at
    )


def _known(hub: Hub, photo: str) -> str | None:
    return photo if photo and PHOTOS.has(hub.settings.data_folder, photo) else None
