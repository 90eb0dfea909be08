"""Headless Chromium as Debian packages it, for tests of pages in a real browser."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn
from playwright.sync_api import Browser, expect, sync_playwright

from simulators.ports import LOOPBACK, free_port
from tests.hub.programs import WAIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from socket import socket

    from fastapi import FastAPI

CHROMIUM = Path("/usr/bin/chromium")
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium_or_skip() -> Iterator[Browser]:
    """Yield the browser; the test is skipped where it is not installed."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed: pages are not tested in a browser")
    with launched() as browser:
        yield browser


@contextmanager
def launched() -> Iterator[Browser]:
    """Yield the browser."""
    # A busy machine is slow and not wrong.
    expect.set_options(timeout=WAIT_SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=_ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def served_at(app: FastAPI) -> Iterator[str]:
    """Yield the address at which a hub is served in a thread of this process, so that a test keeps its clock."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host=LOOPBACK, port=port, log_level="error"))
    answers = threading.Event()
    begin = server.startup

    async def startup(sockets: list[socket] | None = None) -> None:
        await begin(sockets)
        answers.set()

    server.startup = startup  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, name="hub-in-a-test")
    thread.start()
    try:
        assert answers.wait(WAIT_SECONDS)
        yield f"http://{LOOPBACK}:{port}"
    finally:
        app.state.hub.feed.stop()
        server.should_exit = True
        thread.join(WAIT_SECONDS)
