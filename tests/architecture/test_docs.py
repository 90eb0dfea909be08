"""The documents do not lie: every command line in the README exists, with every option it names."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

import edge.cli
import hub.cli
import protocol.verify
import simulators.cli

README = Path(__file__).parents[2] / "README.md"
PROGRAMS = {
    "meter-edge": typer.main.get_command(edge.cli.app),
    "meter-hub": typer.main.get_command(hub.cli.app),
    "meter-sim": typer.main.get_command(simulators.cli.app),
    "meter-verify": typer.main.get_command(protocol.verify.app),
}


def command_lines() -> list[str]:
    """Return the command lines of our programs in the README's shell blocks, comments cut off."""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.split("#")[0].split(">")[0] for block in blocks for line in block.splitlines()]
    parts = [part.strip().removeprefix(".venv/bin/") for line in lines for part in line.split("&&")]
    return [part for part in parts if part.split(" ")[0] in PROGRAMS]


@pytest.mark.parametrize("line", command_lines())
def test_commands_in_the_readme_exist(line: str) -> None:
    """A newcomer who copies a line meets no unknown command or option."""
    words = shlex.split(line)
    command = PROGRAMS[words.pop(0)]
    while isinstance(command, TyperGroup):
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    named = {word for word in words if word.startswith("--")}
    assert named <= known


def test_the_readme_shows_every_program() -> None:
    """The test above has something to look at."""
    assert {line.split(" ")[0] for line in command_lines()} == set(PROGRAMS)
