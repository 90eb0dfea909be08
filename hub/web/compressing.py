"""Answers over the wire in a quarter of their bytes, but for those that hold a secret.

Who sees how long a compressed answer is, and can have a word of theirs put into it, learns what else is in it
(https://www.breachattack.com/). So nothing that shows a secret is compressed; event streams are not either, because
they are read line by line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.middleware.gzip import GZipMiddleware

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

LENGTH_MIN = 1_000
"""Shorter answers fit into one packet anyway."""
WITH_SECRETS = ("/account", "/sign-in", "/welcome", "/users", "/channels", "/api/v1/accounts", "/api/v1/channels")


class Compressing:
    """Compresses answers for whoever can read them so."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._compressed = GZipMiddleware(app, minimum_size=LENGTH_MIN, compresslevel=5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        is_open = scope["type"] == "http" and not scope["path"].startswith(WITH_SECRETS)
        await (self._compressed if is_open else self._plain)(scope, receive, send)
