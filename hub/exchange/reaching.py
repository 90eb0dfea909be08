"""Whether another program answers at an address; nothing is said to it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.config import Address

PATIENCE_SECONDS = 3.0


def find_obstacle(address: Address, patience_seconds: float = PATIENCE_SECONDS) -> str:
    """Return why no connection to this address is made in time, empty if one is."""
    try:
        socket.create_connection((address.host, address.port), timeout=patience_seconds).close()
    except OSError as error:
        return error.strerror or str(error) or "no answer in time"
    return ""
