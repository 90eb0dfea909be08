"""The JSON API by which staff close months, review what was found, make a quarter's files, and bring tables in."""

from fastapi import APIRouter, UploadFile
from pydantic import BaseModel, Field

from hub.models import exports as models_exports
from hub.models import imports as models_imports
from hub.models import months as models_months
from hub.rules.analysis import ReviewDecision
from hub.rules.bulk_rows import Layout
from hub.rules.closing import RunKind
from hub.rules.periods import parse_month
from hub.rules.permissions import Action
from hub.rules.quarters import parse_quarter
from hub.rules.verification_file import FileKind
from hub.services.analyse_month import review_finding
from hub.services.close_month import close_month
from hub.services.export_quarter import ExportLayout, ExportRequest, export_quarter
from hub.services.import_csv import CsvImport, import_csv
from hub.services.verify_month import verify_month
from hub.store.reviews import Review
from hub.web.actors import ActorOf, demand
from hub.web.api.kinds import with_example
from hub.web.context import HubOf

router = APIRouter(prefix="/api/v1", tags=["closing"])


class RunBody(BaseModel):
    """How binding a going over a month is; an amendment needs its reason."""

    model_config = with_example(kind="close")

    kind: RunKind = RunKind.PROVISIONAL
    reason: str = Field("", max_length=100)


class ReviewBody(BaseModel):
    """What is decided on a finding, such as BELOW_EXPECTED, why, and what shows it."""

    model_config = with_example(code="BELOW_EXPECTED", decision="explained", reason="the roof was covered with snow")

    code: str = Field(max_length=60)
    decision: ReviewDecision
    reason: str = Field(max_length=100)
    evidence: str = Field("", max_length=100)


class ExportBody(BaseModel):
    """Which file of a quarter is made; `final` takes closed months only, and is made once."""

    model_config = with_example(layout="nepool-gis", kind="preliminary")

    layout: ExportLayout = ExportLayout.NEPOOL_GIS
    kind: FileKind = FileKind.PRELIMINARY
    reporting_id: str = Field("", max_length=100)


@router.post("/months/{month}/runs", status_code=201)
def run(hub: HubOf, actor: ActorOf, month: str, body: RunBody) -> models_months.RunJson:
    """Go over a month of all systems; it takes about a second for five thousand of them."""
    demand(hub, actor, Action.CLOSE_MONTH)
    made, result = close_month(
        hub.database, parse_month(month), body.kind, actor=actor.name, now=hub.now(), reason=body.reason
    )
    return models_months.run_json(made, result)


@router.get("/months/{month}/verification")
def verify(hub: HubOf, actor: ActorOf, month: str) -> models_months.VerifiedJson:
    """Draw a month up again from the ledger, and return what comes out otherwise than it was kept."""
    demand(hub, actor, Action.READ_AUDIT_LOG)
    return models_months.verified_json(verify_month(hub.database, parse_month(month)))


@router.post("/systems/{pts_id}/months/{month}/reviews", status_code=201)
def review(hub: HubOf, actor: ActorOf, pts_id: str, month: str, body: ReviewBody) -> ReviewBody:
    """Decide on a finding of a system's month."""
    demand(hub, actor, Action.REVIEW_FINDING, pts_id)
    decided = Review(
        pts_id, parse_month(month), body.code, hub.now(), actor.name, body.decision.value, body.reason, body.evidence
    )
    review_finding(hub.database, decided)
    return body


@router.post("/quarters/{quarter}/exports", status_code=201)
def export(hub: HubOf, actor: ActorOf, quarter: str, body: ExportBody) -> models_exports.ExportedJson:
    """Make a quarter's file and keep it; the same content again is the same file."""
    demand(hub, actor, Action.EXPORT_QUARTER)
    request = ExportRequest(parse_quarter(quarter), body.layout, body.kind, actor.name, body.reporting_id)
    return models_exports.exported_json(export_quarter(hub.database, request, hub.now()))


@router.post("/imports/{layout}")
def bring_in(
    hub: HubOf, actor: ActorOf, layout: Layout, file: UploadFile, *, dry_run: bool = False
) -> models_imports.ImportJson:
    """Bring systems, meters or historic readings in from a CSV file; with anything wrong in it nothing is changed."""
    demand(hub, actor, Action.REGISTER_SYSTEM)
    wanted = CsvImport(layout, file.file, file.filename or "upload", actor.name, is_dry_run=dry_run)
    return models_imports.import_json(import_csv(hub.database, wanted, hub.now()), is_dry_run=dry_run)
