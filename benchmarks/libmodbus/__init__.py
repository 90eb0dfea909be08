"""Two small programs in C around libmodbus, which others have polled meters with for years: a server and a client."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Literal

_HERE = Path(__file__).parent
_HEADERS = Path("/usr/include/modbus")
_BUILD_SECONDS_MAX = 60


class NotBuildableError(Exception):
    """Compiler or library are missing; the message says what to install."""


def build(name: Literal["server", "client"], folder: Path) -> Path:
    """Return one of the programs, built in `folder`; raises NotBuildableError."""
    compiler = shutil.which("gcc")
    if compiler is None or not (_HEADERS / "modbus.h").exists():
        message = "gcc or libmodbus is not here; install the packages gcc and libmodbus-dev to compare with libmodbus"
        raise NotBuildableError(message)
    program = folder / f"libmodbus_{name}"
    options = ["-O2", "-Wall", "-Werror", f"-I{_HEADERS}"]
    command = [compiler, *options, str(_HERE / f"{name}.c"), "-o", str(program), "-lmodbus"]
    subprocess.run(command, check=True, timeout=_BUILD_SECONDS_MAX)
    return program
