"""The shape of the house: import contracts hold, the README's map is the tree, and pure parts use no floats."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("protocol", "edge", "hub", "simulators")
PURE = ("protocol", "edge/metering", "hub/rules")
EXACT = ("protocol/columns.py", "hub/rules", "edge/metering/decode.py", "edge/metering/pack.py")
LINES_MAX = 400
"""The habit is 300; no file may grow beyond this."""


def sources(*folders: str) -> list[Path]:
    """Return the Python files below these folders (or the files themselves)."""
    found: list[Path] = []
    for folder in folders:
        path = ROOT / folder
        found += [path] if path.is_file() else sorted(path.rglob("*.py"))
    return found


def test_import_contracts_hold() -> None:
    """Imports point down; edge and hub never meet; each driver has one owner."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_readme_maps_the_tree() -> None:
    """Every top-level folder that is kept in the repository stands in the README's map, and nothing else does."""
    mapped = set(re.findall(r"^\| \[([a-z]+)/\]", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True)
    folders = {line.split("/")[0] for line in tracked.stdout.splitlines() if "/" in line and line[0] != "."}
    assert mapped == folders


def test_no_file_outgrows_a_sitting() -> None:
    """No source file is longer than the limit."""
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources(*PACKAGES)}
    assert not {str(path): length for path, length in lengths.items() if length > LINES_MAX}


@pytest.mark.parametrize("path", sources(*EXACT), ids=lambda path: str(path.relative_to(ROOT)))
def test_energy_is_never_divided_inexactly(path: Path) -> None:
    """Where energy is computed there is no true division and no float."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)), f"/ in line {node.lineno}"
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), f"float in line {node.lineno}"


@pytest.mark.parametrize("path", sources(*PURE), ids=lambda path: str(path.relative_to(ROOT)))
def test_pure_parts_open_nothing(path: Path) -> None:
    """The pure parts neither open files nor print."""
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not calls & {"open", "print", "input"}


def test_the_edge_extra_has_no_hub_dependency() -> None:
    """What a device installs holds no web framework, no SQL toolkit and no template engine."""
    locked = (ROOT / "requirements" / "edge.txt").read_text(encoding="utf-8")
    names = set(re.findall(r"^([a-z0-9-]+)==", locked, re.MULTILINE))
    assert {"pymodbus", "paho-mqtt", "sqlite-utils"} <= names
    assert not names & {"fastapi", "uvicorn", "starlette", "sqlalchemy", "alembic", "jinja2", "amqtt", "pvlib"}


def test_locks_name_no_index() -> None:
    """Lock files carry hashes and no address of any index."""
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text
        assert text.count("--hash=sha256:") > text.count("==")
