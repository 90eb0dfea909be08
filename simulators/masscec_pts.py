"""A counterpart of MassCEC's tracking system: both of its machine interfaces, as far as they are known, and its moods.

It keeps a register for each system that it knows and never lets one go down, answers of each system by itself, and can
be told to keep silent, to drop a call after it has taken it, to answer nonsense, or to want fewer calls. What it
takes apart it takes apart by itself, so that one mistake cannot sit on both sides.
"""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from html import escape, unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

SOAP_PATH = "/pts_ar.asmx"
JSON_PATH = "/ptsstaging"
BODY_BYTES_MAX = 16 << 20

_DOCUMENT = re.compile(r'<ARData xmlns="([^"]*)">(.*)</ARData>', re.DOTALL)
_SYSTEM = re.compile(r'<ptsSystem sysType="PV">(.*?)</ptsSystem>', re.DOTALL)
_FIELDS = {
    name: re.compile(f"<{tag}>([^<]*)</{tag}>")
    for name, tag in (("system", "sysID"), ("kwh", "kwhRegistry"), ("at", "regDateTime"))
}
_IN_ENVELOPE = {tag: re.compile(f"<(?:\\w+:)?{tag}[^>]*>([^<]*)<") for tag in ("UserName", "Password", "xmldata")}


class Mood(StrEnum):
    """What the counterpart does with one call instead of answering it."""

    SILENT = "silent"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    NONSENSE = "nonsense"
    TOO_MANY = "too_many"
    BROKEN = "broken"
    MOVED = "moved"
    HALF = "half"


@dataclass
class Register:
    """What is held of a system: the last register in kWh and its time, as they were written; `taken` counts."""

    kwh: Decimal = Decimal(0)
    at: str = ""
    taken: int = 0


@dataclass
class Counterpart:
    """The state of the counterpart; `moods` are used up call by call, and `faults_below` makes too small a fault.

    `lows` are the readings that would have made a register go down, which it refused.
    """

    systems: dict[str, Register]
    user: str = "provider"
    password: str = "sesame"  # noqa: S105 - of a simulator
    faults_below: bool = False
    moods: deque[Mood] = field(default_factory=deque)
    calls: list[str] = field(default_factory=list)
    lows: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, system: str, kwh: str, at: str, *, is_test: bool) -> str | None:
        """Take a reading unless it is only a test, and return why it is refused, None where it is not."""
        held = self.systems.get(system)
        if held is None:
            return f"System {system} is not assigned to you."
        try:
            value, _ = Decimal(kwh), datetime.strptime(at, "%Y-%m-%dT%H:%M:%S")  # noqa: DTZ007 - it has no zone
        except (InvalidOperation, ValueError):
            return "The meter value or its date is malformed."
        if not value.is_finite() or value < held.kwh:
            self.lows.append(system)
            return f"Meter value too small: {kwh} after {held.kwh}."
        if not is_test:
            held.kwh, held.at, held.taken = value, at, held.taken + 1
        return None


class CounterpartServer:
    """The counterpart behind HTTP on loopback, on a free port; runs inside `with`."""

    def __init__(self, counterpart: Counterpart, port: int = 0) -> None:
        self.counterpart = counterpart
        self._silence = threading.Event()
        handler = type("Handler", (_Handler,), {"counterpart": counterpart, "silence": self._silence})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="masscec-pts")

    @property
    def url(self) -> str:
        """Return its address, without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End, also where a call is kept waiting."""
        self._silence.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    counterpart: Counterpart
    silence: threading.Event

    def do_POST(self) -> None:
        """Answer one call."""
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(min(length, BODY_BYTES_MAX)).decode()
        with self.counterpart.lock:
            mood = self.counterpart.moods.popleft() if self.counterpart.moods else None
            self.counterpart.calls.append(body)
        if mood is Mood.SILENT:
            self.silence.wait(30)
            return
        if mood is Mood.DROP_BEFORE:
            return
        if mood in {Mood.TOO_MANY, Mood.BROKEN, Mood.MOVED}:
            self._answer_status(mood)
            return
        if self.path == SOAP_PATH:
            answer = self._answer_soap(body)
        elif self.path.startswith(f"{JSON_PATH}/"):
            answer = self._answer_json(body, is_half=mood is Mood.HALF)
        else:
            answer = (404, "text/plain", "nothing here")
        if mood is Mood.DROP_AFTER:
            return
        if mood is Mood.NONSENSE:
            answer = (200, "text/html", "<p>Maintenance tonight &amp; tomorrow")
        self._answer(*answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - so http.server calls it
        """Say nothing."""

    def _answer_soap(self, body: str) -> tuple[int, str, str]:
        with self.counterpart.lock:
            found = {tag: pattern.search(body) for tag, pattern in _IN_ENVELOPE.items()}
            user, password, data = (unescape(one[1]) if one else "" for one in found.values())
            if (user, password) != (self.counterpart.user, self.counterpart.password):
                return _fault("Login failed.")
            document = _DOCUMENT.fullmatch(data)
            action = self.headers.get("SOAPAction", "").strip('"')
            namespace, _, operation = action.rpartition("/")
            if (
                document is None
                or document[1] != f"{namespace}/PTS-AR"
                or operation not in {"postdata", "testpostdata"}
            ):
                return _fault("The document or the operation is not known.")
            results = []
            for system, kwh, at in _soap_systems(document[2]):
                refused = self.counterpart.take(system, kwh, at, is_test=operation == "testpostdata")
                if refused is not None and self.counterpart.faults_below and "too small" in refused:
                    return _fault(refused)
                results.append(
                    f'<ARSystemResults SystemID="{escape(system)}"><Success>{str(refused is None).lower()}</Success>'
                    f"<RecordsInserted>{int(refused is None)}</RecordsInserted>"
                    f"<Messages>{escape(refused or '')}</Messages></ARSystemResults>"
                )
        inner = escape(f"<Results>{''.join(results)}</Results>")
        told = f"<{operation}Response><{operation}Result>{inner}</{operation}Result></{operation}Response>"
        return 200, "text/xml", _envelope(told)

    def _answer_json(self, body: str, *, is_half: bool) -> tuple[int, str, str]:
        with self.counterpart.lock:
            if self.headers.get("Ocp-Apim-Subscription-Key") != self.counterpart.user:
                return 401, "application/json", '{"statusCode":401,"message":"Access denied"}'
            try:
                content = json.loads(body)
                key, systems = (
                    content["APIKey"],
                    [(one["fk_System"], one["metervalue"], one["meterDate"]) for one in content["systems"]],
                )
            except (ValueError, KeyError, TypeError):
                return 400, "application/json", '{"message":"malformed"}'
            if key != self.counterpart.password:
                return 403, "application/json", '{"message":"unknown APIKey"}'
            is_test = self.path.endswith("Test")
            results = []
            for system, kwh, at in systems:
                refused = self.counterpart.take(system, kwh, at, is_test=is_test)
                code = 200 if refused is None else 422
                results.append({"fk_System": system, "ResponseCode": code, "Message": refused or "OK"})
        if is_half:
            results = results[::2]
        return 200, "application/json", json.dumps({"systems": results})

    def _answer_status(self, mood: Mood) -> None:
        status = {Mood.TOO_MANY: 429, Mood.BROKEN: 503, Mood.MOVED: 302}[mood]
        headers = {429: {"Retry-After": "60"}, 302: {"Location": "http://127.0.0.1:9/elsewhere"}}.get(status, {})
        self._answer(status, "text/plain", "not now", headers)

    def _answer(self, status: int, kind: str, text: str, headers: dict[str, str] | None = None) -> None:
        raw = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(raw)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)


def _soap_systems(inside: str) -> Iterator[tuple[str, str, str]]:
    for one in _SYSTEM.findall(inside):
        found = {name: pattern.search(one) for name, pattern in _FIELDS.items()}
        system, kwh, at = (unescape(match[1]) if match else "" for match in found.values())
        yield system, kwh, at


def _fault(text: str) -> tuple[int, str, str]:
    inside = f"<soap:Fault><faultcode>soap:Server</faultcode><faultstring>{escape(text)}</faultstring></soap:Fault>"
    return 500, "text/xml", _envelope(inside)


def _envelope(inside: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><soap:Envelope '
        f'xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>{inside}</soap:Body></soap:Envelope>'
    )
