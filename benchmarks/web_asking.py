"""Ask a served hub for pages as a browser does, and measure what that takes; keep live pages open, and weigh it."""

from __future__ import annotations

import http.client
import socket
import statistics
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hub.web.visitors import COOKIE
from simulators.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Sequence

ASKED, ASKED_LEAST = 15, 3
PAGE_SECONDS = 10.0
"""A page that has taken so long altogether is not asked for again, once it was asked for `ASKED_LEAST` times."""
TIMEOUT_SECONDS = 60
"""A page that has not answered by then is not asked for again."""
UNANSWERED = 0
"""What stands for the status of such a page."""
KIBI = 1 << 10


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: ms until the first byte of its body, its bytes on the wire without headers, its status and type.

    `whole_ms` is how long it took until the last byte.
    """

    took_ms: float
    bytes: int
    status: int
    media_type: str
    whole_ms: float = 0.0


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
    """Return what is answered to whose session this is, empty for nobody's.

    Raises TimeoutError after `TIMEOUT_SECONDS`, another OSError where nobody listens.
    """
    headers = {"accept-encoding": "gzip"} | ({"cookie": f"{COOKIE}={session}"} if session else {})
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=TIMEOUT_SECONDS)
    began = time.perf_counter()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    first = answer.read(1)
    took = (time.perf_counter() - began) * 1000
    length = len(first) + len(answer.read())
    connection.close()
    whole = (time.perf_counter() - began) * 1000
    return Answer(took, length, answer.status, answer.headers.get_content_type(), whole)


@dataclass(slots=True)
class Wanted:
    """A page that is to be measured, and what was answered so far; `beside` is the one that it is compared with."""

    words: str
    who: str
    route: str
    path: str
    session: str
    beside: Wanted | None = None
    answers: list[Answer] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether it need not be asked for again: it was often enough, or it takes too long for that."""
        seconds = sum(one.whole_ms for one in self.answers) / 1000
        is_slow = len(self.answers) >= ASKED_LEAST and seconds > PAGE_SECONDS
        return len(self.answers) >= ASKED or is_slow or any(one.status == UNANSWERED for one in self.answers)

    def ask(self, port: int) -> None:
        """Ask for it once more."""
        try:
            self.answers.append(ask(port, self.path, self.session))
        except TimeoutError:
            self.answers.append(Answer(TIMEOUT_SECONDS * 1000, 0, UNANSWERED, ""))

    @property
    def median_ms(self) -> float:
        """The median of what its answers took."""
        return statistics.median(one.took_ms for one in self.answers)

    def sum_up(self) -> Measured:
        """Return what it took, of a page that was answered at least once."""
        last = self.answers[-1]
        return Measured(
            words=self.words,
            who=self.who,
            route=self.route,
            path=self.path,
            status=last.status,
            median_ms=round(self.median_ms, 1),
            worst_ms=round(max(one.took_ms for one in self.answers), 1),
            kb=round(last.bytes / 1000, 1),
            is_page=last.media_type == "text/html",
            ratio=None if self.beside is None else round(self.median_ms / self.beside.median_ms, 2),
        )


def measure(port: int, wanted: Sequence[Wanted]) -> list[Measured]:
    """Ask for all of these pages in turns, until each was asked for often enough.

    In turns, because what else the machine and the hub do now and then would fall on all asking of a few.
    """
    for _ in range(ASKED):
        for one in wanted:
            if not one.is_done:
                one.ask(port)
    return [one.sum_up() for one in wanted]


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
