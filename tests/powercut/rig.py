"""Mounting the recording file system, running a program on it, and looking at what each cut would have left."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.powercut.medium import CutMode, Medium, counts_as_operation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.powercut.medium import Event

ROOT = Path(__file__).parents[2]
MOUNT_SECONDS = 20.0
PROGRAM_SECONDS = 60.0
CUTS = int(os.environ.get("METERLINE_POWER_CUTS", "300"))
"""How many cuts are played per test, at random places of the trace and in all modes; 0 plays every one there is."""


def missing_part() -> str | None:
    """Return why the file system cannot be mounted here, or None."""
    if not Path("/dev/fuse").exists():
        return "there is no /dev/fuse"
    if shutil.which("fusermount3") is None:
        return "fusermount3 is missing (Debian package fuse3)"
    loaded = subprocess.run([sys.executable, "-c", "import mfusepy"], capture_output=True, check=False)
    return None if loaded.returncode == 0 else "mfusepy or libfuse is missing (Debian package fuse3)"


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted medium: `folder` is where programs work."""

    folder: Path
    process: subprocess.Popen[str]
    trace_path: Path

    def order(self, **order: int | str) -> dict[str, int]:
        """Give the file system an order; the answer holds `operations` since the last plan, and bytes `used`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer: dict[str, int] = json.loads(self.process.stdout.readline())
        return answer

    def refuse(self, first: int, times: int, error: int) -> None:
        """Let operations from number `first` (1 is the next) fail, so many of them; 0 times lets all pass."""
        self.order(do="plan", first=first, times=times, error=error)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of `tests.powercut.programs` on the medium to its end."""
        command = [sys.executable, "-m", "tests.powercut.programs", *arguments, str(self.folder)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PROGRAM_SECONDS, check=False)

    def trace(self) -> Sequence[Event]:
        """Return every change so far, in order."""
        self.order(do="trace", path=str(self.trace_path))
        events: Sequence[Event] = pickle.loads(self.trace_path.read_bytes())  # noqa: S301 - our own process wrote it
        return events


@contextmanager
def mounted(scratch: Path) -> Iterator[Disk]:
    """Mount an empty medium for a while; skips the test, naming what is missing, where that is impossible."""
    missing = missing_part()
    if missing is not None:
        pytest.skip(missing)
    folder = scratch / "disk"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.powercut.recorder", str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _await_mount(folder, process)
        yield Disk(folder, process, scratch / "trace")
    finally:
        subprocess.run(["fusermount3", "-u", "-z", str(folder)], capture_output=True, check=False)
        process.kill()
        process.communicate()


def _await_mount(folder: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + MOUNT_SECONDS
    while not os.path.ismount(folder):
        if process.poll() is not None:
            _, errors = process.communicate()
            pytest.skip(f"no FUSE file system can be mounted here: {errors.strip().splitlines()[-1:]}")
        assert time.monotonic() < deadline, "the file system was not mounted in time"
        time.sleep(0.01)


def play_cuts(
    trace: Sequence[Event], scratch: Path, check: Callable[[Path, Sequence[str]], None], *, cuts: int = CUTS
) -> int:
    """Play power cuts: call `check` with a folder as a cut left it, and what had been promised until then.

    Each cut is an operation before which the power fails, in a mode; which of them are played, and what a torn one
    leaves, follows from a seed that every failure names. Returns how many were played.
    """
    places = [place for place, event in enumerate(trace) if counts_as_operation(event)]
    planned = [(place, mode) for place in (*places, len(trace)) for mode in CutMode]
    if 0 < cuts < len(planned):
        planned = sorted(_chance(0).sample(planned, cuts), key=lambda cut: cut[0])
    medium, done = Medium(), 0
    for place, mode in planned:
        for event in trace[done:place]:
            medium.apply(event)
        done = place
        folder = scratch / "image"
        lay_out(medium, mode, _chance(place), folder)
        try:
            check(folder, tuple(medium.told))
        except Exception as error:
            error.add_note(f"power cut before operation {place} of {len(trace)}, mode {mode.value}")
            raise
        shutil.rmtree(folder)
    return len(planned)


def lay_out(medium: Medium, mode: CutMode, chance: random.Random, folder: Path) -> None:
    """Write what a cut now leaves into a new folder."""
    folder.mkdir()
    for path, content in medium.after_cut(mode, chance).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - a test has to be repeatable
