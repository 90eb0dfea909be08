"""`/livez` and `/readyz`: whether the process answers, and whether it can do its work."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse

from hub.models.health import CheckJson, ReadyJson
from hub.services.check_ready import check_ready, is_ready
from hub.services.checks import Standing
from hub.web.context import HubOf

router = APIRouter(include_in_schema=False)
_UNCACHED = {"cache-control": "no-store"}


@router.api_route("/livez", methods=["GET", "HEAD"])
async def live() -> PlainTextResponse:
    """Answer: nothing else is asked of a living process."""
    return PlainTextResponse("ok\n", headers=_UNCACHED)


@router.api_route("/readyz", methods=["GET", "HEAD"])
def ready(hub: HubOf) -> JSONResponse:
    """Return 200 if every check is good, else 503; both name the checks, each with a sentence."""
    checks = check_ready(hub.database, broker_connected=hub.broker_connected)
    shown = ReadyJson(
        ready=is_ready(checks),
        checks=[CheckJson(name=one.name, ok=one.standing is not Standing.BAD, text=one.text) for one in checks],
    )
    return JSONResponse(shown.model_dump(), status_code=200 if shown.ready else 503, headers=_UNCACHED)
