"""TCP ports of the loopback: which is free, and whether one is."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulators.errors import SimulatorError

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Return a TCP port of the loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(port: int, wanted_by: str, refusal: type[SimulatorError]) -> None:
    """Raise `refusal` if somebody listens on this port of the loopback; the sentence says who wanted it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            message = f"port {port} of {LOOPBACK} is taken ({error.strerror}); choose another for {wanted_by}"
            raise refusal(message) from error
