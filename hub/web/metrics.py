"""`/metrics`: for programs on the hub's own machine, or with a token. A proxy need not pass it on."""

import hmac
from ipaddress import ip_address

from fastapi import APIRouter, Request, Response

from hub.errors import NotAllowedError
from hub.web.context import HubOf
from hub.web.exposition import MEDIA_TYPE, expose

router = APIRouter(include_in_schema=False)
_FORWARDED = ("forwarded", "x-forwarded-for", "via")
"""What a proxy adds: whoever is behind it is not at this machine, although the connection is."""


@router.get("/metrics")
def show_metrics(hub: HubOf, request: Request) -> Response:
    """Answer with all series; 403 for whoever is neither at this machine nor shows the token."""
    if not (_shows_token(request, hub.metrics_token) or _is_here(request)):
        message = (
            "the metrics are for programs on the hub's own machine, or with the token of `serve --metrics-token-file` "
            "as a bearer token"
        )
        raise NotAllowedError(message)
    return Response(expose(hub), headers={"content-type": MEDIA_TYPE, "cache-control": "no-store"})


def _shows_token(request: Request, token: str | None) -> bool:
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    if token is None or scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(shown.strip().encode(), token.encode())


def _is_here(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False
