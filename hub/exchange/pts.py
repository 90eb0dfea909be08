"""MassCEC's own tracking system, as a door: what is handed over, and what its answers mean.

An answer is about each system, or about the whole call. What nobody can read is kept and called unknown, never taken.
"""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.rules.forwarding import Forwarded

ANSWER_BYTES_MAX = 4 << 20
TIMEOUT_SECONDS = 60.0
_NOT_LET_IN = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})


class Verdict(StrEnum):
    """What became of a system's reading: MassCEC has it, will not have it, or nobody can tell."""

    TAKEN = "taken"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SystemAnswer:
    """What was answered of one system, in the other side's words."""

    verdict: Verdict
    text: str


@dataclass(frozen=True, slots=True)
class DoorAnswer:
    """What came back for a call.

    `status` is HTTP's and `body` verbatim, None and empty where nothing came. `systems` has an answer for each system
    of the call. `is_fault`: the call was refused as a whole, and one of its systems may be the reason. `stop` says why
    no further call would fare better, None otherwise.
    """

    status: int | None
    body: str
    systems: Mapping[str, SystemAnswer]
    is_fault: bool = False
    stop: str | None = None


class PtsDoor(Protocol):
    """One of the interfaces, at one address."""

    @property
    def name(self) -> str:
        """Return which interface it is and where, without what is secret."""
        ...

    def compose(self, readings: Sequence[Forwarded]) -> str:
        """Return the readings as they are sent, without what is secret."""
        ...

    def send(self, composed: str, systems: Sequence[str], *, is_test: bool) -> DoorAnswer:
        """Hand over what was composed, or only try; never raises for what the world does."""
        ...


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer of HTTP, or with `status` None why there is none."""

    status: int | None
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


def post(url: str, headers: Mapping[str, str], body: bytes, timeout_seconds: float) -> HttpAnswer:
    """Post to an address and return the answer, whatever it is; no redirect is followed, for secrets go along."""
    parts = urlsplit(url)
    assert parts.hostname, "settings have checked the address"
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout_seconds, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_seconds)
    try:
        connection.request("POST", parts.path or "/", body, dict(headers))
        answer = connection.getresponse()
        raw = answer.read(ANSWER_BYTES_MAX + 1)
        if len(raw) > ANSWER_BYTES_MAX:
            return HttpAnswer(None, f"the answer has more than {ANSWER_BYTES_MAX:,} bytes")
        return HttpAnswer(answer.status, raw.decode("utf-8", "replace"), dict(answer.headers))
    except (OSError, http.client.HTTPException) as error:
        return HttpAnswer(None, str(error) or type(error).__name__)
    finally:
        connection.close()


def answer_nothing(answer: HttpAnswer, systems: Sequence[str]) -> DoorAnswer | None:
    """Return what an answer means that says nothing of systems: none at all, not let in, too many, a broken server.

    None for one that has to be read.
    """
    if answer.status is None:
        text = f"no answer came: {answer.body}"
        return DoorAnswer(None, "", _each(systems, Verdict.UNKNOWN, text), stop=text)
    if answer.status in _NOT_LET_IN:
        text = f"HTTP {answer.status}: the address or the credentials are not those of MassCEC"
        return DoorAnswer(answer.status, answer.body, _each(systems, Verdict.REFUSED, text), stop=text)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = next((value for name, value in answer.headers.items() if name.lower() == "retry-after"), "a while")
        text = f"HTTP 429: too many calls, wait {wait if not wait.isdecimal() else f'{wait} s'}"
        return DoorAnswer(answer.status, answer.body, _each(systems, Verdict.REFUSED, text), stop=text)
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        text = f"HTTP {answer.status}: the address has moved, and secrets do not follow; give the new one"
        return DoorAnswer(answer.status, answer.body, _each(systems, Verdict.REFUSED, text), stop=text)
    return None


def answer_unread(answer: HttpAnswer, systems: Sequence[str]) -> DoorAnswer:
    """Return what an answer means that nobody can read: unknown, and no reason to go on."""
    text = f"HTTP {answer.status} with an answer that nobody here can read: see it, and say what became of it"
    return DoorAnswer(answer.status, answer.body, _each(systems, Verdict.UNKNOWN, text), stop=text)


def answer_fault(answer: HttpAnswer, systems: Sequence[str], text: str) -> DoorAnswer:
    """Return what it means that a call was refused as a whole."""
    return DoorAnswer(answer.status, answer.body, _each(systems, Verdict.REFUSED, text), is_fault=True)


def answer_systems(answer: HttpAnswer, systems: Sequence[str], said: Mapping[str, SystemAnswer]) -> DoorAnswer:
    """Return what was said of each system; of one that the answer leaves out nobody can tell."""
    silence = SystemAnswer(Verdict.UNKNOWN, "the answer says nothing of this system")
    return DoorAnswer(answer.status, answer.body, {one: said.get(one, silence) for one in systems})


def _each(systems: Sequence[str], verdict: Verdict, text: str) -> Mapping[str, SystemAnswer]:
    return dict.fromkeys(systems, SystemAnswer(verdict, text))
