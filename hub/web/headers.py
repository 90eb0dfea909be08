"""The headers every answer carries: what a browser must not do with our pages."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

SECURITY_HEADERS = MappingProxyType(
    {
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
    }
)
"""Added to every answer by `SecurityHeaders`; an answer to a bug is made outside of it and carries its own."""


STRICT_TRANSPORT = "max-age=31536000"
"""For a year a browser that came over TLS comes over nothing else."""


def headers_over(scheme: str) -> dict[str, str]:
    """Return the headers of an answer over `https` or `http`, as the proxy in front tells."""
    kept = {"strict-transport-security": STRICT_TRANSPORT} if scheme == "https" else {}
    return {**SECURITY_HEADERS, **kept}


class SecurityHeaders:
    """ASGI middleware that adds them, also to errors and streams."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to what comes back."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in headers_over(scope.get("scheme", "http")).items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
