"""Running the hub as a server: one per data folder, ended cleanly by a signal, ended loudly by a bug."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING

import uvicorn

from hub.app import build_app
from hub.clock import now_ms
from hub.errors import SettingsError
from hub.files import make_folder
from hub.store import sqlite

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from hub.clock import Now
    from hub.config import Address, HubSettings
    from hub.web.context import Hub

EXIT_BUG = 70
SHUTDOWN_SECONDS = 2
COLLECT_AFTER_OBJECTS = 50_000
"""How many more objects there must be before the collector looks for cycles; a batch of blocks has far fewer."""
_LOCK_NAME = "serve.lock"
_BACKLOG = 128


def serve(settings: HubSettings, announce: Callable[[str], None], now: Now = now_ms) -> None:
    """Serve until SIGTERM or SIGINT; `announce` is given the page's address once it answers, `now` tells the time.

    Raises SettingsError if the address is taken or another hub serves from the folder.
    """
    alone = _hold_folder(settings)
    listener = _listen(settings.listen)
    threading.excepthook = _crash
    host, port = settings.listen.host, listener.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    app = build_app(settings, now)
    calm_collector()
    hub: Hub = app.state.hub
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    _Server(config, hub, lambda: announce(f"http://{shown}:{port}/")).run(sockets=[listener])
    os.close(alone)


class _Server(uvicorn.Server):
    """A server that says when it answers, and ends its event streams when it is told to end."""

    def __init__(self, config: uvicorn.Config, hub: Hub, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._hub = hub
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            self._announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of a signal handler
        """Begin to end; a second SIGINT does not wait for anybody."""
        self._hub.feed.stop()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def calm_collector() -> None:
    """Let Python's cycle collector look less often: what exists now stays, and a batch of blocks makes no cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS)


def _hold_folder(settings: HubSettings) -> int:
    folder = settings.data_folder
    try:
        make_folder(folder)
        held = sqlite.hold_alone(folder / _LOCK_NAME)
    except OSError as error:
        message = f"the folder {folder} cannot be used: {error.strerror}; choose another with --data"
        raise SettingsError(message) from error
    if held is None:
        message = f"another hub already serves from {folder}: end it first, or choose another folder with --data"
        raise SettingsError(message)
    return held


def _listen(address: Address) -> socket.socket:
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((address.host, address.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        message = f"the hub cannot listen on {address}: {error.strerror}; choose another address with --listen"
        raise SettingsError(message) from error


def _crash(failure: threading.ExceptHookArgs) -> None:
    """End the process at once when one of its threads has met a bug: a half-dead hub would look alive."""
    sys.__excepthook__(failure.exc_type, failure.exc_value or failure.exc_type(), failure.exc_traceback)
    sys.stderr.flush()
    os._exit(EXIT_BUG)
