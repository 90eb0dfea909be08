"""How the two ends of the simulated clock talk: JSON objects, one to a line, over a loopback connection.

The server begins with `{"now": ms, "booted_at": ms, "kernel_boot_id": hex}`. The edge says `{"sleep_until": ms}`, or
null when it would rather not sleep; its last line counts. The server answers `{"now": ms}` when it is so.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from typing import cast

LINE_MAX = 4096


class LineProtocol(asyncio.Protocol, ABC):
    """One end of a conversation in JSON objects, one to a line of at most `LINE_MAX` bytes."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to write to."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand each whole line to `line_received`; anything that is not a JSON object breaks the connection."""
        *lines, self._pending = (self._pending + data).split(b"\n")
        if len(self._pending) > LINE_MAX:
            self.abort()
            return
        for line in lines:
            try:
                content = json.loads(line)
            except ValueError:
                content = None
            if not isinstance(content, dict):
                self.abort()
                return
            self.line_received(content)

    @abstractmethod
    def line_received(self, content: dict[str, object]) -> None:
        """Act on what the other end said."""

    def send(self, **content: int | str | None) -> None:
        """Say something to the other end."""
        self.transport.write(json.dumps(content).encode("ascii") + b"\n")

    def abort(self) -> None:
        """Break the connection now."""
        self.transport.abort()
