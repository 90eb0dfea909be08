"""The installation of a device, run for real into a folder: what it makes, what it keeps, and what it refuses."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy" / "install-edge.sh"
EXAMPLE = ROOT / "deploy" / "meter-edge.example.toml"
PATIENCE_SECONDS = 110
SYSTEMCTL = """#!/bin/sh
echo "$@" >> "$SYSTEMCTL_LOG"
"""


def pack(found: Distribution, folder: Path) -> None:
    """Write a distribution that is installed here as the wheel that it came from."""
    inside = [file for file in found.files or () if file.parts[0] != ".." and "__pycache__" not in file.parts]
    info = next(file.parts[0] for file in inside if file.parts[0].endswith(".dist-info"))
    left_out = {f"{info}/{name}" for name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")}
    record = []
    with zipfile.ZipFile(folder / f"{info.removesuffix('.dist-info')}-py3-none-any.whl", "w") as wheel:
        for file in inside:
            if str(file) not in left_out:
                content = Path(str(found.locate_file(file))).read_bytes()
                wheel.writestr(str(file), content)
                digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
                record.append(f"{file},sha256={digest},{len(content)}")
        wheel.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,"]))


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheels of the edge's lock file and of this source, made without a network."""
    folder = tmp_path_factory.mktemp("wheels")
    lock = (ROOT / "requirements" / "pulse.txt").read_text(encoding="utf-8")
    for name in re.findall(r"^([A-Za-z0-9_.-]+)==", lock, re.MULTILINE):
        try:
            pack(distribution(name), folder)
        except PackageNotFoundError:
            continue  # locked for another platform
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    return folder


def install(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the script for a root folder in `folder`, with a systemctl that only writes down what it is told."""
    stub = folder / "bin" / "systemctl"
    stub.parent.mkdir(exist_ok=True)
    stub.write_text(SYSTEMCTL, encoding="utf-8")
    stub.chmod(0o755)
    environment = {
        "PATH": f"{stub.parent}:{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "SYSTEMCTL_LOG": str(folder / "systemctl.log"),
    }
    command = [str(SCRIPT), "--root", str(folder / "root"), *(str(argument) for argument in arguments)]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )


def mode(path: Path) -> int:
    """Return the permission bits."""
    return path.stat().st_mode & 0o777


def test_a_clean_system_gets_a_working_agent_and_a_second_run_changes_nothing_of_its_own(
    wheels: Path, tmp_path: Path
) -> None:
    """From wheels alone: program, unit, example, key, each in its place; again, what a site has made is kept."""
    (wheel,) = wheels.glob("meterline-*.whl")
    done = install(tmp_path, "--wheels", wheels, wheel)
    assert done.returncode == 0, done.stderr
    root = tmp_path / "root"
    config = root / "etc/meter-edge/meter-edge.toml"
    assert config.read_bytes() == EXAMPLE.read_bytes()
    assert (mode(config), mode(config.parent), mode(root / "var/lib/meter-edge")) == (0o640, 0o750, 0o700)
    unit = root / "etc/systemd/system/meter-edge.service"
    assert unit.read_bytes() == (ROOT / "deploy" / "meter-edge.service").read_bytes()
    key = root / "var/lib/meter-edge/signing-key.pem"
    assert mode(key) == 0o600
    assert "start it with: systemctl start meter-edge" in done.stdout
    assert (root / "usr/local/bin/meter-edge").readlink() == Path("/opt/meter-edge/bin/meter-edge")
    version = subprocess.run(
        [str(root / "opt/meter-edge/bin/meter-edge"), "--version"], capture_output=True, text=True, check=True
    )
    assert version.stdout.startswith("meter-edge ")

    identity = key.read_bytes()
    config.write_text("# ours\n", encoding="utf-8")
    again = install(tmp_path, "--wheels", wheels, wheel)
    assert again.returncode == 0, again.stderr
    assert (config.read_text(encoding="utf-8"), key.read_bytes()) == ("# ours\n", identity)
    assert "installed and started" in again.stdout
    told = (tmp_path / "systemctl.log").read_text(encoding="utf-8").splitlines()
    assert told == [f"--root {root} enable meter-edge.service"] * 2


def test_a_dry_run_does_nothing(tmp_path: Path) -> None:
    """It says every step and leaves no file."""
    done = install(tmp_path, "--dry-run", ROOT)
    assert done.returncode == 0, done.stderr
    assert "enable meter-edge.service" in done.stdout
    assert not (tmp_path / "root").exists()
    assert not (tmp_path / "systemctl.log").exists()


def test_pulse_inputs_bring_their_library_and_an_upgrade_keeps_it(wheels: Path, tmp_path: Path) -> None:
    """With --pulse the agent can open GPIO lines; run again without the word, the library is still there."""
    if "gpiod" not in " ".join(path.name for path in wheels.iterdir()):
        pytest.skip("gpiod is not installed here: it cannot be packed for an installation")
    (wheel,) = wheels.glob("meterline-*.whl")
    python = tmp_path / "root/opt/meter-edge/bin/python"
    assert install(tmp_path, "--pulse", "--wheels", wheels, wheel).returncode == 0
    for _ in range(2):
        subprocess.run([str(python), "-c", "import gpiod, edge.pulse.gpio"], check=True, timeout=PATIENCE_SECONDS)
        assert install(tmp_path, "--wheels", wheels, wheel).returncode == 0


def test_each_lock_file_holds_what_its_extra_asks_for() -> None:
    """The lock for pulse inputs is the edge's with one library more, at one and the same version of each."""
    edge, pulse = ((ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8") for name in ("edge", "pulse"))
    names = [set(re.findall(r"^([A-Za-z0-9_.-]+==\S+)", lock, re.MULTILINE)) for lock in (edge, pulse)]
    assert [name.partition("==")[0] for name in names[1] - names[0]] == ["gpiod"]
    assert not names[0] - names[1]


def test_wrong_words_are_refused_with_one_sentence(tmp_path: Path) -> None:
    """No package, no such wheels, a source that nothing can build: each ends before anything is touched."""
    assert install(tmp_path).returncode == 2
    for arguments, words in (
        (("none.whl",), "there is no none.whl"),
        (("--wheels", tmp_path / "none", EXAMPLE.with_name("none.whl")), "there is no"),
        (("--wheels", tmp_path, ROOT), "nothing can be built"),
    ):
        done = install(tmp_path, *arguments)
        (sentence,) = done.stderr.splitlines()
        assert (done.returncode, done.stdout) == (2, "")
        assert words in sentence
    assert not (tmp_path / "root").exists()


def test_the_runtime_directory_outlives_the_process() -> None:
    """The pulse counts in it are for the agent after a kill, so stopping the service must not take them away."""
    unit = (ROOT / "deploy" / "meter-edge.service").read_text(encoding="utf-8").splitlines()
    assert {"RuntimeDirectory=meter-edge", "RuntimeDirectoryPreserve=yes"} <= set(unit)


def test_the_script_is_clean_shell() -> None:
    """Shellcheck finds nothing in it."""
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed: the script is not checked")
    done = subprocess.run([shellcheck, str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
