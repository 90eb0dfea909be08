"""A receiver of webhooks on the loopback: it keeps what it gets, and answers as a test wants it to."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.hub.programs import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self


@dataclass
class Received:
    """A message as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers each message in turn with a status, then 204; a context manager."""

    statuses: list[int] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    location: str = ""
    drips: bool = False
    url: str = ""

    def __enter__(self) -> Self:
        """Begin to listen on a free port."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                # As a receiver's library sees them: in small letters.
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.received.append(Received(self.path, headers, body))
                if outer.drips:
                    outer._drip(self)
                    return
                self.send_response(outer.statuses.pop(0) if outer.statuses else 204)
                if outer.location:
                    self.send_header("location", outer.location)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
                pass

        self._ended = threading.Event()
        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://{HOST}:{self._server.server_port}/hook"
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _drip(self, handler: BaseHTTPRequestHandler) -> None:
        """Send a first line that never ends, a sign at a time."""
        handler.wfile.write(b"HTTP/1.1 ")
        while not self._ended.wait(0.05):
            try:
                handler.wfile.write(b"x")
            except OSError:
                # The other side has had enough.
                return
