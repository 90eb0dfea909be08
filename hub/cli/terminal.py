"""What every module of `meter-hub` commands shares: the common options, the opened hub, and how results are shown."""

from __future__ import annotations

import os
import pwd
import secrets
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hub.clock import now_ms
from hub.rules.permissions import COMMAND_LINE
from hub.services.open_hub import TIMELINE_LENGTH, open_hub

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import BaseModel

    from hub.store.database import Database

PIPED_WIDTH = 10_000
"""Columns of a table that no terminal shows: more than any row needs, so that nothing is folded or cut."""

Data = Annotated[Path, typer.Option("--data", envvar="METER_HUB_DATA", help="The hub's folder.", show_default=True)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Actor = Annotated[str, typer.Option(help="Who asks; the user of this machine unless named.")]
DEFAULT_DATA = Path("hub-data")


@contextmanager
def open_data(folder: Path, *, create: bool = True) -> Iterator[Database]:
    """Open the hub's database in `folder` for one command; raises SettingsError or StoreUnavailableError."""
    database = open_hub(folder, new_timeline=secrets.token_bytes(TIMELINE_LENGTH), at=now_ms(), create=create)
    try:
        yield database
    finally:
        database.close()


def print_json(shown: BaseModel) -> None:
    """Print one JSON document."""
    typer.echo(shown.model_dump_json(by_alias=True))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table in which every cell is whole: folded where the terminal is narrow, on one line in a pipe."""
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    Console(width=console_width()).print(table)


def console_width() -> int | None:
    """Return how many columns a table may take: as the terminal has, None, or more than any row needs."""
    return None if sys.stdout.isatty() else PIPED_WIDTH


def plain(text: str) -> str:
    """Return text for a terminal: no-break spaces as blanks, and nothing in it that the terminal would obey."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text.replace("\u00a0", " "))


def actor() -> str:
    """Return who works at this command line, as ledgers name them."""
    return f"{COMMAND_LINE}{user_name()}"


def user_name() -> str:
    """Return the name of the user of this machine, or its number where it has none, as in a container.

    It is asked of the system: what the environment says anybody can set.
    """
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"
