"""`/livez` and `/readyz`: whether the process answers, and whether it can do its work."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from hub.errors import StoreUnavailableError
from hub.store import sqlite
from hub.web.context import HubOf

router = APIRouter(include_in_schema=False, default_response_class=PlainTextResponse)


@router.api_route("/livez", methods=["GET", "HEAD"])
async def live() -> PlainTextResponse:
    """Answer: nothing else is asked of a living process."""
    return PlainTextResponse("ok\n")


@router.api_route("/readyz", methods=["GET", "HEAD"])
def ready(hub: HubOf) -> PlainTextResponse:
    """Return 200 if the database answers and, where the hub takes blocks, the broker is connected; else 503."""
    checks: dict[str, bool] = {}
    version = "unknown"
    try:
        with hub.database.read() as connection:
            version = sqlite.library_version(connection)
            checks["database"] = True
    except StoreUnavailableError:
        checks["database"] = False
    if hub.broker_connected is not None:
        checks["broker"] = hub.broker_connected
    lines = [f"{name}: {'ok' if good else 'not ready'}" for name, good in checks.items()]
    lines.append(f"sqlite: {version}")
    return PlainTextResponse("\n".join(lines) + "\n", status_code=200 if all(checks.values()) else 503)
