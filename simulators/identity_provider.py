"""A small OpenID Connect provider, to sign in by: it knows who is there, and errs and lies on demand.

Code flow with PKCE, as <https://openid.net/specs/openid-connect-core-1_0.html> has it; who is there is set by the
caller, where a real one would ask.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from simulators.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

LIFETIME_SECONDS = 300
KEY_BITS = 2048
LONG_BYTES = 1 << 20
DRIP_SECONDS = 0.05


class Lie(StrEnum):
    """What a provider can get wrong, or somebody in its place can try."""

    WRONG_NONCE = "the nonce of another question"
    WRONG_AUDIENCE = "a token for another client"
    WRONG_ISSUER = "a token of another issuer"
    EXPIRED = "a token of yesterday"
    UNSIGNED = "a token that nobody signed"
    SHARED_SECRET = "a token signed by what the client knows too"  # noqa: S105 - the name of a lie
    FOREIGN_KEY = "a token signed by a key that is not published"
    NO_SUBJECT = "a token of nobody"
    NO_TOKEN = "no token at all"  # noqa: S105 - the name of a lie
    NOT_JSON = "no JSON"
    TOO_LONG = "an answer without end"
    DRIPPING = "an answer that comes a sign at a time"
    BROKEN = "500"
    OTHER_NAME = "another issuer's description of itself"


@dataclass
class IdentityProvider:
    """A provider on a free port, a context manager. `subject` is who is there, and `amr` how they proved it."""

    now: Callable[[], int]
    client: str = "meterline-hub"
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    subject: str = "ann@elsewhere"
    amr: tuple[str, ...] = ("pwd",)
    lie: Lie | None = None
    asked: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._codes: dict[str, dict[str, str]] = {}
        self._keys = [RSAKey.generate_key(KEY_BITS, auto_kid=True)]
        self._foreign = RSAKey.generate_key(KEY_BITS, auto_kid=True)
        self._server = ThreadingHTTPServer((LOOPBACK, 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self.ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def issuer(self) -> str:
        """What it calls itself."""
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def rotate(self) -> None:
        """Sign with another key from now on; the one before is not published any more."""
        self._keys = [RSAKey.generate_key(KEY_BITS, auto_kid=True)]

    def answer(self, path: str, fields: dict[str, str], authorization: str) -> tuple[int, dict[str, str], bytes]:
        """Return the answer to a request: status, headers, body."""
        self.asked.append(path)
        if self.lie is Lie.BROKEN:
            return 500, {}, b"broken"
        if path == "/.well-known/openid-configuration":
            return _json(200, self._describe())
        if path == "/keys":
            return _json(200, {"keys": [key.as_dict(private=False) for key in self._keys]})
        if path == "/authorize":
            return self._authorize(fields)
        if path == "/token":
            return self._exchange(fields, authorization)
        return 404, {}, b""

    def _describe(self) -> dict[str, str]:
        name = "https://somebody.example" if self.lie is Lie.OTHER_NAME else self.issuer
        places = {
            f"{one}_endpoint": f"{self.issuer}/{path}"
            for one, path in (("authorization", "authorize"), ("token", "token"))
        }
        return {"issuer": name, **places, "jwks_uri": f"{self.issuer}/keys"}

    def _authorize(self, fields: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        right = fields.get("client_id") == self.client and fields.get("response_type") == "code"
        if (
            not right
            or fields.get("code_challenge_method") != "S256"
            or "openid" not in fields.get("scope", "").split()
        ):
            return 400, {}, b"this is no question for a code with PKCE"
        code = secrets.token_urlsafe(16)
        self._codes[code] = fields
        back = f"{fields['redirect_uri']}?{urlencode({'code': code, 'state': fields['state']})}"
        return 302, {"location": back}, b""

    def _exchange(self, fields: dict[str, str], authorization: str) -> tuple[int, dict[str, str], bytes]:
        if self.lie is Lie.NOT_JSON:
            return 200, {"content-type": "application/json"}, b"<html>"
        if self.lie is Lie.TOO_LONG:
            return 200, {"content-type": "application/json"}, b"[" + b" " * LONG_BYTES
        expected = base64.b64encode(f"{self.client}:{self.secret}".encode()).decode()
        if authorization != f"Basic {expected}":
            return _json(401, {"error": "invalid_client"})
        # A code is good once, whoever brings it.
        asked = self._codes.pop(fields.get("code", ""), None)
        proved = base64.urlsafe_b64encode(hashlib.sha256(fields.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or proved.rstrip(b"=").decode() != asked["code_challenge"]
            or fields.get("redirect_uri") != asked["redirect_uri"]
        ):
            return _json(400, {"error": "invalid_grant"})
        token = {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer"}
        return _json(200, token if self.lie is Lie.NO_TOKEN else {**token, "id_token": self._sign(asked["nonce"])})

    def _sign(self, nonce: str) -> str:
        at = self.now() // 1000 - (86_400 if self.lie is Lie.EXPIRED else 0)
        claims: dict[str, Any] = {
            "iss": "https://somebody.example" if self.lie is Lie.WRONG_ISSUER else self.issuer,
            "aud": "another-client" if self.lie is Lie.WRONG_AUDIENCE else self.client,
            "nonce": "of-another-question" if self.lie is Lie.WRONG_NONCE else nonce,
            "iat": at,
            "exp": at + LIFETIME_SECONDS,
            "amr": list(self.amr),
        }
        if self.lie is not Lie.NO_SUBJECT:
            claims["sub"] = self.subject
        if self.lie is Lie.UNSIGNED:
            parts = (json.dumps(one).encode() for one in ({"alg": "none"}, claims))
            return ".".join(base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in parts) + "."
        if self.lie is Lie.SHARED_SECRET:
            return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(self.secret))
        key = self._foreign if self.lie is Lie.FOREIGN_KEY else self._keys[-1]
        return jwt.encode({"alg": "RS256", "kid": self._keys[-1].kid}, claims, key)


def _json(status: int, body: object) -> tuple[int, dict[str, str], bytes]:
    return status, {"content-type": "application/json"}, json.dumps(body).encode()


def _handler_of(provider: IdentityProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._answer(parts.path, parts.query)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            self._answer(self.path, body.decode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

        def _answer(self, path: str, query: str) -> None:
            fields = {name: values[0] for name, values in parse_qs(query).items()}
            status, headers, body = provider.answer(path, fields, self.headers.get("authorization", ""))
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if provider.lie is not Lie.DRIPPING:
                self.wfile.write(body)
                return
            for place in range(len(body)):
                try:
                    self.wfile.write(body[place : place + 1])
                except OSError:
                    # Whoever asked has had enough.
                    return
                provider.ended.wait(DRIP_SECONDS)

    return Handler
