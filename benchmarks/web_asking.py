"""Ask a served hub for pages as a browser does, and measure what that takes; keep live pages open, and weigh it."""

from __future__ import annotations

import http.client
import socket
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from hub.web.visitors import COOKIE
from simulators.ports import LOOPBACK

ASKED, ASKED_LEAST = 15, 3
PAGE_SECONDS = 10.0
"""A page that has taken so long altogether is not asked for again, once it was asked for `ASKED_LEAST` times."""
TIMEOUT_SECONDS = 120
KIBI = 1 << 10


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: ms until the first byte of its body, its bytes on the wire without headers, its status and type."""

    took_ms: float
    bytes: int
    status: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What a page took, see `Answer`; `is_page` tells it from a download. `ratio` is of its median to another's."""

    words: str
    who: str
    route: str
    path: str
    status: int
    median_ms: float
    worst_ms: float
    kb: float
    is_page: bool
    ratio: float | None = None

    @property
    def named(self) -> str:
        """What it is called where pages are listed."""
        return f"{self.path} as {self.who or 'nobody'}"

    def told(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return asdict(self)


def ask(port: int, path: str, session: str) -> Answer:
    """Return what is answered to whose session this is, empty for nobody's; raises OSError where nothing is."""
    headers = {"accept-encoding": "gzip"} | ({"cookie": f"{COOKIE}={session}"} if session else {})
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=TIMEOUT_SECONDS)
    began = time.perf_counter()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    first = answer.read(1)
    took = (time.perf_counter() - began) * 1000
    length = len(first) + len(answer.read())
    connection.close()
    return Answer(took, length, answer.status, answer.headers.get_content_type())


def measure_page(  # noqa: PLR0913, PLR0917 - which page, as whom
    port: int, route: str, words: str, who: str, path: str, session: str, beside: Measured | None = None
) -> Measured:
    """Ask for a page again and again; `beside` is what it is compared with."""
    answers: list[Answer] = []
    began = time.perf_counter()
    while len(answers) < ASKED:
        answers.append(ask(port, path, session))
        if len(answers) >= ASKED_LEAST and time.perf_counter() - began > PAGE_SECONDS:
            break
    took = sorted(one.took_ms for one in answers)
    median = statistics.median(took)
    return Measured(
        words=words,
        who=who,
        route=route,
        path=path,
        status=answers[-1].status,
        median_ms=round(median, 1),
        worst_ms=round(took[-1], 1),
        kb=round(answers[-1].bytes / 1000, 1),
        is_page=answers[-1].media_type == "text/html",
        ratio=None if beside is None else round(median / beside.median_ms, 2),
    )


def memory_mb(process: int) -> float:
    """Return the resident memory of a process."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * KIBI / 10**6


def keep_open(port: int, tabs: int, session: str) -> list[socket.socket]:
    """Open live pages and return their connections."""
    opened = []
    request = (
        f"GET /events?watch=fleet&after=0 HTTP/1.1\r\nhost: {LOOPBACK}\r\ncookie: {COOKIE}={session}\r\n"
        "accept: text/event-stream\r\n\r\n"
    )
    for _ in range(tabs):
        one = socket.create_connection((LOOPBACK, port))
        one.sendall(request.encode())
        opened.append(one)
    for one in opened:
        one.settimeout(60)
        assert one.recv(64).startswith(b"HTTP/1.1 200"), "a live page is not answered"
    return opened
