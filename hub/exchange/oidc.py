"""Another house's word for who somebody is: OpenID Connect, code flow with PKCE, by Authlib.

What the provider says is believed only where all of it fits: its own address, this client, this browser's question,
this minute, and a signature by one of the keys that it publishes.
<https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth>
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from requests.adapters import HTTPAdapter

from hub.clock import monotonic_seconds
from hub.errors import NotIdentifiedError
from hub.exchange.credentials import load_token
from hub.exchange.mail import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.clock import Now
    from hub.config import OidcSettings

TIMEOUT_SECONDS = 10.0
ANSWER_BYTES_MAX = 256 * 1024
KEPT_MS = 3_600_000
"""How long what the provider publishes of itself is kept."""
KEYS_AGAIN_MS = 60_000
"""How often at most its keys are asked for anew because one is not among them."""
LEEWAY_SECONDS = 60
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "Ed25519")
"""Signatures that only the provider can make: none, and those by the shared secret, are not among them."""
_WELL_KNOWN = "/.well-known/openid-configuration"
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_MFA = frozenset({"mfa"})


@dataclass(frozen=True, slots=True)
class Question:
    """What one browser is sent to the provider with, and what its answer has to fit."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is elsewhere; `has_mfa` tells that they proved it there by more than a password."""

    issuer: str
    subject: str
    has_mfa: bool


class _Bounded(HTTPAdapter):
    """Ends requests that last too long, and answers that are too long."""

    def send(self, request: requests.PreparedRequest, *args: Any, **named: Any) -> requests.Response:  # noqa: ANN401 - requests' own
        """Send a request and return its whole answer; raises requests' own errors."""
        named.update({"timeout": TIMEOUT_SECONDS, "stream": True})
        deadline = monotonic_seconds() + TIMEOUT_SECONDS
        answer = super().send(request, *args, **named)
        raw = b""
        while part := answer.raw.read1(ANSWER_BYTES_MAX, decode_content=True):
            raw += part
            if len(raw) > ANSWER_BYTES_MAX:
                message = f"the answer has more than {ANSWER_BYTES_MAX:,} bytes"
                raise requests.RequestException(message)
            if monotonic_seconds() > deadline:
                message = f"the answer took more than {TIMEOUT_SECONDS:.0f} s"
                raise requests.RequestException(message)
        answer._content = raw  # noqa: SLF001 - there is no other way to give an answer what was read of it
        return answer


class OidcProvider:
    """A provider, and this hub as its client. Safe to use from several threads; raises SettingsError at first."""

    def __init__(self, settings: OidcSettings, now: Now) -> None:
        self.settings = settings
        self._secret = load_token(settings.secret)
        self._now = now
        self._lock = threading.Lock()
        self._metadata: Mapping[str, Any] = {}
        self._metadata_at: int | None = None
        self._keys: KeySet | None = None
        self._keys_at = 0

    def ask(self, back_url: str) -> Question:
        """Return with what to send a browser there; it comes back to `back_url`.

        Raises NotIdentifiedError where the provider does not answer.
        """
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        with self._session(back_url) as session:
            try:
                where = self._describe(session)["authorization_endpoint"]
                url, state = session.create_authorization_url(where, code_verifier=verifier, nonce=nonce)
            except (requests.RequestException, ValueError) as error:
                raise self._unreachable(error) from error
        return Question(url, state, nonce, verifier)

    def believe(self, back_url: str, question: Question, code: str) -> Identity:
        """Return who came back with a code; raises NotIdentifiedError where anything of it does not fit."""
        with self._session(back_url) as session:
            try:
                metadata = self._describe(session)
                token = session.fetch_token(
                    metadata["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=question.verifier,
                )
                claims = self._read(session, str(token.get("id_token", "")), question.nonce)
            except (requests.RequestException, ValueError) as error:
                if isinstance(error, (JoseError, AuthlibBaseError)):
                    raise self._refused(error) from error
                raise self._unreachable(error) from error
            except (JoseError, AuthlibBaseError) as error:
                raise self._refused(error) from error
        amr = claims.get("amr", [])
        return Identity(claims["iss"], claims["sub"], has_mfa=bool(_MFA & set(amr)))

    def _session(self, back_url: str) -> OAuth2Session:
        session = OAuth2Session(
            client_id=self.settings.client,
            client_secret=self._secret,
            scope="openid",
            redirect_uri=back_url,
            code_challenge_method="S256",
        )
        session.mount("https://", _Bounded())
        session.mount("http://", _Bounded())
        session.max_redirects = 0
        return session

    def _describe(self, session: OAuth2Session) -> Mapping[str, Any]:
        """Return what the provider publishes of itself; raises RequestException and ValueError."""
        with self._lock:
            if self._metadata_at is not None and 0 <= self._now() - self._metadata_at < KEPT_MS:
                return self._metadata
            found = _get(session, self.settings.issuer.rstrip("/") + _WELL_KNOWN)
            if found.get("issuer") != self.settings.issuer:
                message = f"it calls itself {found.get('issuer')!r:.100}"
                raise ValueError(message)
            if not all(isinstance(found.get(name), str) for name in _NEEDED):
                message = f"it does not say its {', '.join(_NEEDED)}"
                raise ValueError(message)
            self._metadata, self._metadata_at = found, self._now()
            return found

    def _read(self, session: OAuth2Session, token: str, nonce: str) -> Mapping[str, Any]:
        """Return the claims of an ID token; raises JoseError, RequestException and ValueError."""
        try:
            decoded = jwt.decode(token, self._load_keys(session), algorithms=list(ALGORITHMS))
        except (JoseError, ValueError):
            # It may have been signed by a key that is new.
            decoded = jwt.decode(token, self._load_keys(session, is_again=True), algorithms=list(ALGORITHMS))
        options = {
            "iss": {"essential": True, "value": self.settings.issuer},
            "aud": {"essential": True, "value": self.settings.client},
            "sub": {"essential": True},
            "nonce": {"essential": True, "value": nonce},
        }
        params = {"nonce": nonce, "client_id": self.settings.client}
        claims = CodeIDToken(decoded.claims, decoded.header, options, params)
        claims.validate(now=self._now() // 1000, leeway=LEEWAY_SECONDS)
        return dict(claims)

    def _load_keys(self, session: OAuth2Session, *, is_again: bool = False) -> KeySet:
        with self._lock:
            age = self._now() - self._keys_at
            if self._keys is None or not 0 <= age < KEPT_MS or (is_again and age >= KEYS_AGAIN_MS):
                self._keys = KeySet.import_key_set(_get(session, self._metadata["jwks_uri"]))  # type: ignore[arg-type]  # checked there
                self._keys_at = self._now()
            return self._keys

    def _unreachable(self, error: Exception) -> NotIdentifiedError:
        why = one_line(str(error))
        message = f"{self.settings.name} does not answer as it should ({why:.200}): sign in with your password"
        return NotIdentifiedError(message)

    def _refused(self, error: Exception) -> NotIdentifiedError:
        why = one_line(str(error))
        message = f"what {self.settings.name} said of you does not fit ({why:.200}): begin again from the sign-in page"
        return NotIdentifiedError(message)


def _get(session: OAuth2Session, url: str) -> dict[str, Any]:
    answer = session.get(url, withhold_token=True, allow_redirects=False)
    if answer.status_code != requests.codes.ok:
        message = f"HTTP {answer.status_code}"
        raise ValueError(message)
    found = answer.json()
    if not isinstance(found, dict):
        message = "no JSON object"
        raise ValueError(message)  # noqa: TRY004 - of what came, not of a program's own value
    return found
