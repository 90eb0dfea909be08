"""The JSON API of change requests: asked for by owners, confirmed by providers, decided by staff."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response, UploadFile
from pydantic import BaseModel, Field

from hub.documents import DOCUMENT_BYTES_MAX, check_evidence, keep_document
from hub.errors import InputError, UnknownSubjectError
from hub.models import changes as models
from hub.rules.change_requests import ChangeStep, ChangeWish, action_to_request
from hub.rules.local_times import parse_local
from hub.rules.permissions import Action, Role
from hub.services.decide_change import WantedStep, is_by_staff, take_step
from hub.services.request_change import request_change
from hub.store import change_requests
from hub.web.actors import ActorOf, demand, refuse
from hub.web.api.documents import DOCUMENT, save_document
from hub.web.api.kinds import Number, with_example
from hub.web.api.paging import Page, by_number
from hub.web.context import HubOf
from hub.web.visible import find_visible

router = APIRouter(prefix="/api/v1", tags=["changes"])


class WishBody(BaseModel):
    """Who is to become what: an account, or a person without one; `wanted_from` empty is now."""

    model_config = with_example(
        role="reporter", account="ann", wanted_from="2024-03-01 00:00", reason="Ann reads the meter from March on"
    )

    role: Role
    account: str = Field("", max_length=40)
    contact_name: str = Field("", max_length=100)
    contact_email: str = Field("", max_length=254)
    wanted_from: str = Field("", max_length=40)
    evidence: str = Field("", max_length=64, description="Name of a document that was sent before.")
    reason: str = Field(max_length=100)


class StepBody(BaseModel):
    """What is done with a request."""

    model_config = with_example(step="ask", said="the contract lacks its second page")

    step: ChangeStep
    said: str = Field("", max_length=100)
    evidence: str = Field("", max_length=64, description="Name of a document that was sent before.")
    account: str = Field("", max_length=40, description="Whom an account was made for, with `approve`.")


class DocumentJson(BaseModel):
    """The name of a document that is kept."""

    document: str


@router.post("/systems/{pts_id}/changes", status_code=201)
def ask(hub: HubOf, actor: ActorOf, pts_id: str, body: WishBody) -> models.ChangeJson:
    """Ask that somebody else becomes reporter, provider, REC owner or owner of a system."""
    now = hub.now()
    action = action_to_request(body.role)
    if action is None:
        message = f"nobody becomes {body.role.value} by a change request: it is for reporters, REC owners and owners"
        raise InputError(message)
    demand(hub, actor, action, pts_id)
    wish = ChangeWish(
        system=pts_id,
        role=body.role,
        wanted_at=parse_local(body.wanted_from) if body.wanted_from else now,
        account=body.account,
        contact_name=body.contact_name,
        contact_email=body.contact_email,
        evidence=check_evidence(hub.settings.data_folder, body.evidence),
    )
    is_staff = refuse(hub, actor, Action.DECIDE_CHANGE, pts_id) is None
    asked = request_change(hub.database, wish, actor=actor.name, now=now, reason=body.reason, is_by_staff=is_staff)
    return models.change_json(asked, now)


@router.get("/changes")
def list_changes(
    hub: HubOf,
    actor: ActorOf,
    page: Annotated[Page[int], Depends(by_number(200))],
    *,
    in_progress: bool = False,
) -> models.ChangesJson:
    """Return requests by number: all of them to staff, to others their own and those they are asked to confirm."""
    now = hub.now()
    account = None if refuse(hub, actor, Action.DECIDE_CHANGE) is None else actor.name
    with hub.database.read() as connection:
        found = change_requests.list_requests(
            connection,
            account=account,
            in_progress_at=now if in_progress else None,
            after=page.cursor or 0,
            limit=page.limit,
        )
    following = page.next(found, lambda one: one.number)
    return models.ChangesJson(changes=[models.change_json(one, now) for one in found], next=following)


@router.get("/changes/{number}")
def show_change(hub: HubOf, actor: ActorOf, number: Number) -> models.ChangeJson:
    """Return a request with every step so far."""
    return models.change_json(find_visible(hub, actor, number), hub.now())


@router.post("/changes/{number}/steps", status_code=201)
def step(hub: HubOf, actor: ActorOf, number: Number, body: StepBody) -> models.ChangeJson:
    """Confirm, decline, ask back, answer, approve, reject or withdraw a request."""
    now = hub.now()
    request = find_visible(hub, actor, number)
    if is_by_staff(body.step):
        demand(hub, actor, Action.DECIDE_CHANGE, request.wish.system)
    elif body.step in {ChangeStep.CONFIRM, ChangeStep.DECLINE}:
        demand(hub, actor, Action.CONFIRM_CHANGE, request.wish.system, asked_of=request.wish.account)
    evidence = check_evidence(hub.settings.data_folder, body.evidence)
    wanted = WantedStep(number, body.step, body.said, evidence, body.account)
    return models.change_json(take_step(hub.database, wanted, actor=actor.name, now=now), now)


@router.post("/documents", status_code=201)
def send_document(hub: HubOf, actor: ActorOf, file: UploadFile) -> DocumentJson:
    """Keep a signed contract or proof, a PDF or a picture, and return the name to give it by."""
    assert actor.name, "only somebody known sends documents"
    content = file.file.read(DOCUMENT_BYTES_MAX + 1)
    return DocumentJson(document=keep_document(hub.settings.data_folder, content))


@router.get("/changes/{number}/documents/{name}", response_class=Response, responses=DOCUMENT)
def get_document(hub: HubOf, actor: ActorOf, number: Number, name: str) -> Response:
    """Return a document that is evidence of a request, as a download."""
    request = find_visible(hub, actor, number)
    if name not in {request.wish.evidence, *(one.evidence for one in request.steps)} - {""}:
        message = f"no document {name!r:.70} belongs to change request {number}"
        raise UnknownSubjectError(message)
    return save_document(hub.settings.data_folder, name)


@router.get("/providers")
def list_providers(hub: HubOf, actor: ActorOf) -> models.ProvidersJson:
    """Return the accounts that may be chosen as a data acquisition provider."""
    assert actor.name, "only somebody known chooses"
    with hub.database.read() as connection:
        return models.ProvidersJson(providers=list(change_requests.list_providers(connection)))
