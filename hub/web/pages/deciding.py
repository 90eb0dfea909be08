"""Where people decide: readings that are held, and change requests; and where owners ask for a change.

Each decision is a form that says what was decided on, keeps what was typed where it cannot be, and is answered by
going on, so that nothing is decided twice by a reload.
"""

from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.documents import DOCUMENT_BYTES_MAX, keep_document, read_evidence
from hub.errors import HubError, InputError, NotAllowedError, UnknownSubjectError
from hub.photos import MEDIA_TYPE, PHOTOS
from hub.rules.change_requests import ChangeStep, ChangeWish, action_to_request, advance
from hub.rules.local_times import parse_local
from hub.rules.permissions import Action, Actor, Role, Subject, allow
from hub.services.compute_production import find_system
from hub.services.correct_reading import decide_submission
from hub.services.decide_change import WantedStep, is_by_staff, take_step
from hub.services.read_reviews import read_reviews
from hub.services.request_change import request_change
from hub.store import change_requests, submissions
from hub.store.accounts import find_account
from hub.store.change_requests import ChangeRequest
from hub.store.submissions import Submission
from hub.web.actors import demand, refuse
from hub.web.context import Hub, HubOf
from hub.web.forms import bound_texts
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.visible import find_visible
from hub.web.visitors import PersonOf

_SEE_OTHER = 303
_SHOWN = 50
_ASKED_FOR = (Role.REPORTER, Role.DAS_PROVIDER, Role.REC_OWNER, Role.SYSTEM_OWNER)

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

Text = Annotated[str, Form()]


@router.get("/reviews")
def show_reviews(hub: HubOf, person: PersonOf) -> HTMLResponse:
    """Show the readings that wait for a decision, the oldest first."""
    demand(hub, person.actor, Action.APPROVE_CORRECTION)
    return _show_reviews(hub, person.actor, None)


@router.post("/reviews/{number}")
def decide_review(hub: HubOf, person: PersonOf, number: int, decision: Text, reason: Text = "") -> Response:
    """Approve or reject a reading that was held."""
    held = _find_held(hub, number)
    demand(hub, person.actor, Action.APPROVE_CORRECTION, held.system)
    try:
        bound_texts(reason=reason)
        decide_submission(
            hub.database,
            number,
            approved=decision == "approve",
            actor=person.actor.name,
            now=hub.now(),
            reason=reason,
        )
    except InputError as error:
        return _show_reviews(hub, person.actor, error, number, reason)
    return RedirectResponse("/reviews", status_code=_SEE_OTHER)


@router.get("/reviews/{number}/photo")
def show_photo(hub: HubOf, person: PersonOf, number: int) -> Response:
    """Show the picture that came with a reading: it was encoded anew, and is a picture and nothing else."""
    held = _find_held(hub, number)
    demand(hub, person.actor, Action.VIEW_PRODUCTION, held.system)
    if held.photo is None:
        message = f"no picture came with submission {number}"
        raise UnknownSubjectError(message)
    content = PHOTOS.read(hub.settings.data_folder, held.photo)
    return Response(content, media_type=MEDIA_TYPE, headers={"cache-control": "no-store"})


@router.get("/changes")
def show_changes(hub: HubOf, person: PersonOf, *, every: bool = False, after: int = 0) -> HTMLResponse:
    """Show change requests: to staff all, to others their own and those they are asked to confirm."""
    now = hub.now()
    account = None if refuse(hub, person.actor, Action.DECIDE_CHANGE) is None else person.actor.name
    with hub.database.read() as connection:
        found = change_requests.list_requests(
            connection, account=account, in_progress_at=None if every else now, after=after, limit=_SHOWN
        )
    following = found[-1].number if len(found) == _SHOWN else None
    return render_page(
        "changes.html",
        frame_for(person.actor, now),
        found=found,
        every=every,
        after=following,
        is_first=not after,
        now=now,
    )


@router.get("/changes/{number}")
def show_change(hub: HubOf, person: PersonOf, number: int) -> HTMLResponse:
    """Show a request with every step so far, and what this person can do with it."""
    return _show_change(hub, person.actor, find_visible(hub, person.actor, number), None)


@router.post("/changes/{number}")
def take_change_step(  # noqa: PLR0913, PLR0917 - the fields of the form
    hub: HubOf,
    person: PersonOf,
    number: int,
    step: Annotated[ChangeStep, Form()],
    said: Text = "",
    account: Text = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Take a step with a request."""
    request = find_visible(hub, person.actor, number)
    if step not in _able(hub, person.actor, request):
        message = f"{step.value} is not for you to do with request {number}"
        raise NotAllowedError(message)
    try:
        bound_texts(said=said, account=account)
        wanted = WantedStep(number, step, said, _keep(hub, file), account)
        take_step(hub.database, wanted, actor=person.actor.name, now=hub.now())
    except (InputError, UnknownSubjectError) as error:
        return _show_change(hub, person.actor, request, error, said, account)
    return RedirectResponse(f"/changes/{number}", status_code=_SEE_OTHER)


@router.get("/changes/{number}/documents/{name}")
def give_document(hub: HubOf, person: PersonOf, number: int, name: str) -> Response:
    """Give a document of a request out, as a download."""
    request = find_visible(hub, person.actor, number)
    if name not in {request.wish.evidence, *(one.evidence for one in request.steps)} - {""}:
        message = f"no document {name!r:.70} belongs to change request {number}"
        raise UnknownSubjectError(message)
    content, media_type, file_name = read_evidence(hub.settings.data_folder, name)
    headers = {"content-disposition": f'attachment; filename="{file_name}"', "cache-control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)


@router.get("/systems/{pts_id}/changes/new")
def show_wish(hub: HubOf, person: PersonOf, pts_id: str) -> HTMLResponse:
    """Ask what is to change at a system, of who may ask for it."""
    return _show_wish(hub, person.actor, pts_id, None)


@router.post("/systems/{pts_id}/changes/new")
def take_wish(  # noqa: PLR0913, PLR0917 - the fields of the form
    hub: HubOf,
    person: PersonOf,
    pts_id: str,
    role: Annotated[Role, Form()],
    reason: Text = "",
    account: Text = "",
    name: Text = "",
    email: Text = "",
    since: Text = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Ask for a change."""
    now, action = hub.now(), action_to_request(role)
    if action is None or role not in _may_ask(hub, person.actor, pts_id):
        message = f"you may not ask for another {role.value.replace('_', ' ')} of system {pts_id}"
        raise NotAllowedError(message)
    typed = {"role": role.value, "reason": reason, "account": account, "name": name, "email": email, "since": since}
    try:
        bound_texts(**typed)
        wish = ChangeWish(
            system=pts_id,
            role=role,
            wanted_at=parse_local(since) if since else now,
            account=account.strip(),
            contact_name=name,
            contact_email=email.strip(),
            evidence=_keep(hub, file),
        )
        is_staff = refuse(hub, person.actor, Action.DECIDE_CHANGE, pts_id) is None
        asked = request_change(
            hub.database, wish, actor=person.actor.name, now=now, reason=reason, is_by_staff=is_staff
        )
    except HubError as error:
        return _show_wish(hub, person.actor, pts_id, error, **typed)
    return RedirectResponse(f"/changes/{asked.number}", status_code=_SEE_OTHER)


def _find_held(hub: Hub, number: int) -> Submission:
    with hub.database.read() as connection:
        held = submissions.find_submission(connection, number)
    if held is None:
        message = f"there is no submission {number}"
        raise UnknownSubjectError(message)
    return held


def _show_reviews(hub: Hub, actor: Actor, error: HubError | None, number: int = 0, reason: str = "") -> HTMLResponse:
    with hub.database.read() as connection:
        waiting = read_reviews(connection, hub.now(), _SHOWN + 1)
    return render_page(
        "reviews.html",
        frame_for(actor, hub.now()),
        status=200 if error is None else 422,
        waiting=waiting[:_SHOWN],
        is_more=len(waiting) > _SHOWN,
        me=actor.name,
        problem="" if error is None else str(error),
        number=number,
        reason=reason,
    )


def _able(hub: Hub, actor: Actor, request: ChangeRequest) -> tuple[ChangeStep, ...]:
    """Return what this person can do with a request now."""
    now = hub.now()
    state = request.state(now)
    subject = Subject(request.wish.system, asked_of=request.wish.account)
    found = []
    for step in ChangeStep:
        if advance(state, step) is None:
            continue
        if is_by_staff(step):
            is_able = allow(actor, Action.DECIDE_CHANGE, subject, now) and actor.name != request.requested_by
        elif step in {ChangeStep.CONFIRM, ChangeStep.DECLINE}:
            is_able = allow(actor, Action.CONFIRM_CHANGE, subject, now)
        else:
            is_able = actor.name == request.requested_by
        if is_able:
            found.append(step)
    return tuple(found)


def _show_change(  # noqa: PLR0913, PLR0917 - what was typed before
    hub: Hub, actor: Actor, request: ChangeRequest, error: HubError | None, said: str = "", account: str = ""
) -> HTMLResponse:
    now = hub.now()
    with hub.database.read() as connection:
        known = find_account(connection, request.wish.account)
    return render_page(
        "change.html",
        frame_for(actor, now),
        status=200 if error is None else 422,
        request=request,
        who=request.wish.contact_name if known is None else known.full_name or known.name,
        state=request.state(now),
        able=_able(hub, actor, request),
        problem="" if error is None else str(error),
        said=said,
        account=account,
    )


def _may_ask(hub: Hub, actor: Actor, pts_id: str) -> tuple[Role, ...]:
    found = []
    for role in _ASKED_FOR:
        action = action_to_request(role)
        assert action is not None, "only what can be asked for is offered"
        if refuse(hub, actor, action, pts_id) is None:
            found.append(role)
    return tuple(found)


def _show_wish(hub: Hub, actor: Actor, pts_id: str, error: HubError | None, **typed: str) -> HTMLResponse:
    roles = _may_ask(hub, actor, pts_id)
    if not roles:
        message = f"you may not ask for a change of system {pts_id}: its owner and account holder may"
        raise NotAllowedError(message)
    with hub.database.read() as connection:
        system, providers = find_system(connection, pts_id), change_requests.list_providers(connection)
    fields = dict.fromkeys(("role", "reason", "account", "name", "email", "since"), "") | typed
    return render_page(
        "change_wish.html",
        frame_for(actor, hub.now()),
        status=200 if error is None else 422,
        is_form=True,
        system=system,
        roles=roles,
        providers=providers,
        fields=fields,
        problem="" if error is None else str(error),
    )


def _keep(hub: Hub, file: UploadFile | None) -> str:
    if file is None or not file.filename:
        return ""
    return keep_document(hub.settings.data_folder, file.file.read(DOCUMENT_BYTES_MAX + 1))
