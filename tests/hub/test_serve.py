"""`meter-hub serve` as a process: says where it is, ends in time, alone in its folder."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from hub.serve import EXIT_BUG
from simulators.ports import free_port
from tests.hub.making import MadeDevice
from tests.hub.programs import HOST, WAIT_SECONDS
from tests.hub.test_cli import run

if TYPE_CHECKING:
    from pathlib import Path


class Served:
    """A hub process that answers; `url` is what it printed."""

    def __init__(self, data: Path, broker: str = "none", *more: str) -> None:
        options = ("--data", str(data), "--broker", broker, "--listen", f"{HOST}:0", "--json", "--open", *more)
        command = [sys.executable, "-m", "hub", "serve", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate(timeout=WAIT_SECONDS)[1]
        self.url: str = json.loads(line)["url"]

    def get(self, path: str) -> str:
        """Return the body of a page."""
        with urllib.request.urlopen(self.url + path, timeout=WAIT_SECONDS) as answer:
            body: bytes = answer.read()
            return body.decode()

    def end(self, by: signal.Signals) -> tuple[int, str]:
        """Send a signal; return exit code and what stood on stderr."""
        self.process.send_signal(by)
        _, errors = self.process.communicate(timeout=WAIT_SECONDS)
        return self.process.returncode, errors

    def close(self) -> None:
        """Kill it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate(timeout=WAIT_SECONDS)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_though_a_page_listens(tmp_path: Path, by: signal.Signals) -> None:
    """Exit code 0 and nothing on stderr, without waiting for the open event stream to end by itself."""
    with (
        closing(Served(tmp_path)) as served,
        urllib.request.urlopen(served.url + "events", timeout=WAIT_SECONDS) as stream,
    ):
        assert stream.readline() == b"retry: 2000\n"
        assert served.end(by) == (0, "")


def test_it_serves_without_its_broker(tmp_path: Path) -> None:
    """Pages answer while the broker is not there; readiness says which part is missing."""
    with closing(Served(tmp_path, f"mqtt://{HOST}:{free_port()}")) as served:
        assert "No device is registered yet" in served.get("")
        with pytest.raises(urllib.error.HTTPError) as refused:
            served.get("readyz")
        assert refused.value.code == 503
        checks = {check["name"]: check for check in json.loads(refused.value.read())["checks"]}
        assert [name for name, check in checks.items() if not check["ok"]] == ["broker"]
        assert "see that the broker runs" in checks["broker"]["text"]
        refused.value.close()
        assert served.end(signal.SIGTERM)[0] == 0


def test_a_second_hub_in_the_folder_is_refused(tmp_path: Path) -> None:
    """Two writers that both checkpoint would not be safe, so the second says why it ends."""
    with closing(Served(tmp_path)):
        done = run("serve", "--data", tmp_path, "--broker", "none", "--listen", f"{HOST}:0")
    assert (done.returncode, "another hub already serves" in done.stderr) == (2, True)


def test_an_address_in_use_is_named(tmp_path: Path) -> None:
    """The sentence names the address and the option."""
    with closing(Served(tmp_path / "one")) as served:
        taken = served.url.removeprefix("http://").rstrip("/")
        done = run("serve", "--data", tmp_path / "two", "--broker", "none", "--listen", taken)
    assert (done.returncode, taken in done.stderr, "--listen" in done.stderr) == (2, True, True)


def test_what_a_command_registers_is_seen_at_once(tmp_path: Path) -> None:
    """A command beside the running hub changes what its pages show."""
    key = tmp_path / "device.pem"
    key.write_bytes(MadeDevice().pem)
    with closing(Served(tmp_path / "hub")) as served:
        assert run("device", "add", "--key", key, "--name", "Barn", "--data", tmp_path / "hub").returncode == 0
        assert "Barn" in served.get("")


def test_a_bug_in_a_thread_ends_the_process_loudly() -> None:
    """A hub that looks alive and takes nothing would be worse than one that is restarted."""
    program = """
import threading, time
from hub import serve
threading.excepthook = serve._crash
threading.Thread(target=lambda: 1 // 0).start()
time.sleep(60)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=WAIT_SECONDS, check=False
    )
    assert (done.returncode, "ZeroDivisionError" in done.stderr) == (EXIT_BUG, True)
