"""The JSON API by which readings are reported: five steps by a reporter, and decisions by others.

Select a system (`GET /reporting`), see the periods before (`GET /systems/{id}/periods`), enter the reading, first as a
preview that says what it comes to and then for good, and say what service cost. A photo is sent beforehand.
"""

from typing import Any

from fastapi import APIRouter, Response, UploadFile
from pydantic import BaseModel, Field, StrictBool, StrictInt

from hub.errors import InputError, UnknownSubjectError
from hub.models import reporting as models
from hub.photos import MEDIA_TYPE, PHOTOS, UPLOAD_BYTES_MAX, keep_photo
from hub.rules.periods import parse_month
from hub.rules.permissions import Action
from hub.services.correct_reading import decide_submission, request_correction
from hub.services.record_experience import CENTS_MAX, HOURS_MAX, record_experience
from hub.services.submit_reading import parse_reported, preview_reading, submit_reading
from hub.store import site_audits, submissions
from hub.store.submissions import Experience
from hub.web.actors import ActorOf, demand, refuse
from hub.web.api.kinds import NUMBER_MAX, Number, with_example
from hub.web.context import Hub, HubOf

router = APIRouter(prefix="/api/v1", tags=["reporting"])

_OUTCOMES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The same reading counts already."},
    201: {"description": "Accepted, which is final.", "model": models.AnswerJson},
    202: {"description": "Held for evidence or for a decision.", "model": models.AnswerJson},
    422: {"description": "Refused, and kept as that; or malformed.", "model": models.AnswerJson},
}


class ReadingBody(BaseModel):
    """A reading as a person writes it: kWh with up to three decimals, the time as the clock showed it (empty: now)."""

    model_config = with_example(register_kwh="13015.5", read_at="2024-01-31 17:30")

    register_kwh: str = Field(max_length=40)
    read_at: str = Field("", max_length=40)
    meter: str = Field("", max_length=100, description="Serial number, where the system has several meters.")
    photo: str | None = Field(None, max_length=64, description="Name of a picture that was sent before.")


class CorrectionBody(ReadingBody):
    """A reading that is to count for a month, and why."""

    model_config = with_example(register_kwh="13015.5", read_at="2024-01-31 17:30", reason="two digits were swapped")

    reason: str = Field(max_length=100)
    audit: StrictInt | None = Field(None, ge=1, le=NUMBER_MAX, description="Number of the audit on site that shows it.")


class ExperienceBody(BaseModel):
    """Operational experience of a month."""

    model_config = with_example(service_cost_cents=12000, outage_hours=6, note="inverter reset")

    service_cost_cents: StrictInt = Field(0, ge=0, le=CENTS_MAX)
    outage_hours: StrictInt = Field(0, ge=0, le=HOURS_MAX)
    note: str = Field("", max_length=100)


class DecisionBody(BaseModel):
    """A decision on a submission that was held."""

    model_config = with_example(approved=True, reason="the picture shows it")

    approved: StrictBool
    reason: str = Field(max_length=100)


class PhotoJson(BaseModel):
    """The name of a picture that is kept."""

    photo: str


@router.post("/systems/{pts_id}/readings/preview")
def preview(hub: HubOf, actor: ActorOf, pts_id: str, body: ReadingBody) -> models.AnswerJson:
    """Return what would become of a reading, with the production it comes to; nothing is kept."""
    now = hub.now()
    reported = parse_reported(
        pts_id, body.meter, body.register_kwh, body.read_at, now=now, photo=known_photo(hub, body.photo)
    )
    refusal = refuse(hub, actor, Action.ENTER_PRODUCTION, pts_id)
    with hub.database.read() as connection:
        return models.answer_json(preview_reading(connection, reported, now, unauthorised=refusal))


@router.post("/systems/{pts_id}/readings", responses=_OUTCOMES)
def submit(hub: HubOf, actor: ActorOf, pts_id: str, body: ReadingBody, response: Response) -> models.AnswerJson:
    """Report a reading: 201 accepted, which is final; 200 counts already; 202 held for evidence; 422 refused."""
    now = hub.now()
    reported = parse_reported(
        pts_id, body.meter, body.register_kwh, body.read_at, now=now, photo=known_photo(hub, body.photo)
    )
    refusal = refuse(hub, actor, Action.ENTER_PRODUCTION, pts_id)
    answer = submit_reading(hub.database, reported, actor=actor.name, now=now, unauthorised=refusal)
    response.status_code = models.STATUSES[answer.judgement.outcome]
    return models.answer_json(answer)


@router.post("/systems/{pts_id}/months/{month}/corrections", status_code=202)
def correct(hub: HubOf, actor: ActorOf, pts_id: str, month: str, body: CorrectionBody) -> models.SubmissionJson:
    """Ask that another reading counts for a month; another person decides on it."""
    now = hub.now()
    reported = parse_reported(
        pts_id, body.meter, body.register_kwh, body.read_at, now=now, photo=known_photo(hub, body.photo)
    )
    demand(hub, actor, Action.REQUEST_CORRECTION, pts_id)
    asked = request_correction(
        hub.database, reported, parse_month(month), actor=actor.name, now=now, reason=body.reason, audit=body.audit
    )
    return models.submission_json(asked)


@router.post("/submissions/{number}/decision")
def decide(hub: HubOf, actor: ActorOf, number: Number, body: DecisionBody) -> models.DecidedJson:
    """Decide on a submission that was held; not by whom it is."""
    with hub.database.read() as connection:
        held = submissions.find_submission(connection, number)
        if held is None:
            message = f"there is no submission {number}: `GET /submissions/waiting` shows those to decide on"
            raise UnknownSubjectError(message)
    demand(hub, actor, Action.APPROVE_CORRECTION, held.system)
    decided = decide_submission(
        hub.database, number, approved=body.approved, actor=actor.name, now=hub.now(), reason=body.reason
    )
    return models.decided_json(decided)


@router.post("/systems/{pts_id}/months/{month}/experience", status_code=201)
def tell_experience(hub: HubOf, actor: ActorOf, pts_id: str, month: str, body: ExperienceBody) -> ExperienceBody:
    """Record the operational experience of a month; what was said last counts."""
    demand(hub, actor, Action.ENTER_PRODUCTION, pts_id)
    said = Experience(
        pts_id, parse_month(month), hub.now(), actor.name, body.service_cost_cents, body.outage_hours, body.note
    )
    record_experience(hub.database, said)
    return body


@router.post("/photos", status_code=201)
def send_photo(hub: HubOf, actor: ActorOf, file: UploadFile) -> PhotoJson:
    """Keep a picture of a meter and return the name to report it by."""
    assert actor.name, "only somebody known sends pictures"
    content = file.file.read(UPLOAD_BYTES_MAX + 1)
    return PhotoJson(photo=keep_photo(hub.settings.data_folder, content))


@router.get("/photos/{name}", response_class=Response, responses={200: {"content": {MEDIA_TYPE: {}}}})
def get_photo(hub: HubOf, actor: ActorOf, name: str) -> Response:
    """Return a picture that belongs to a submission or an audit of a system whose production one may see."""
    with hub.database.read() as connection:
        systems = {
            *submissions.systems_with_photo(connection, name),
            *site_audits.systems_with_photo(connection, name),
        }
    if not any(refuse(hub, actor, Action.VIEW_PRODUCTION, system) is None for system in systems):
        message = f"no picture {name!r:.70} is kept for you to see"
        raise UnknownSubjectError(message)
    headers = {"content-disposition": f'attachment; filename="{name}.jpg"'}
    return Response(PHOTOS.read(hub.settings.data_folder, name), media_type=MEDIA_TYPE, headers=headers)


def known_photo(hub: Hub, photo: str | None) -> str | None:
    """Return the name of a picture, if there is one; raises InputError for one that is not kept."""
    if photo is not None and not PHOTOS.has(hub.settings.data_folder, photo):
        message = f"no picture {photo!r:.70} is kept here: send it first, and use the name that is answered"
        raise InputError(message)
    return photo
