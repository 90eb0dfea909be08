"""`make demo`, as a newcomer meets it: an address, readings arriving, and an end without remains."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

PATIENCE_SECONDS = 60

pytestmark = pytest.mark.timeout(300)


def children_of(pid: int) -> set[int]:
    """Return the direct children of a process, by /proc."""
    listings = [path.read_text(encoding="ascii") for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return {int(child) for listing in listings for child in listing.split()}


def is_running(pid: int) -> bool:
    """Return whether a process exists and is more than a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def read_stored(url: str) -> int:
    """Return how many devices and meters with a reading the operator's page has."""
    with urllib.request.urlopen(f"{url}/api/v1/meters", timeout=10) as answer:
        return bytes(answer.read()).count(b'"register_wh"')


def test_the_demonstration_shows_readings_and_ends_cleanly() -> None:
    """The page's address is printed, all four meters' readings arrive, and Ctrl-C leaves no process behind."""
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators", "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        url = None
        while url is None:
            line = process.stdout.readline()
            assert line, f"the demonstration ended: {process.stderr.read() if process.stderr else ''}"
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            url = found[0] if found else None
        deadline = time.monotonic() + PATIENCE_SECONDS
        while read_stored(url) < 4:
            assert time.monotonic() < deadline, "no reading of all four meters in time"
            time.sleep(0.2)
        offspring = children_of(process.pid)
        assert len(offspring) == 3, "broker, hub and edge"
        # As a terminal does it: the whole foreground process group hears Ctrl-C.
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
        assert not [pid for pid in offspring if is_running(pid)]
    finally:
        process.kill()
        process.communicate()
