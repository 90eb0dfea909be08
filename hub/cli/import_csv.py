"""`meter-hub import-csv`: bring systems, meters or historic readings in from a CSV file, all of it or nothing."""

from __future__ import annotations

import csv
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from hub.cli.terminal import DEFAULT_DATA, Actor, AsJson, Data, open_data, plain, print_json, print_table, user_name
from hub.clock import now_ms
from hub.errors import InputError
from hub.formats import count
from hub.models.imports import LayoutJson, import_json
from hub.rules.bulk_rows import COLUMNS, Layout
from hub.services.import_csv import CsvImport, ImportReport, Watching, import_csv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from hub.services.import_rows import RowOutcome

EXIT_REFUSED = 2
SHOWN_MAX = 100
_BYTES_A_STEP = 1 << 18

app = typer.Typer()


@app.command("import-csv")
def import_file(
    layout: Annotated[Layout, typer.Argument(help="What its rows are about.")],
    file: Annotated[Path, typer.Argument(help="The file: CSV, UTF-8, with a heading.")],
    report: Annotated[Path | None, typer.Option(help="Write here what becomes of each row, as CSV.")] = None,
    actor: Actor = "",
    data: Data = DEFAULT_DATA,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring systems, meters or historic readings in from a file; with anything wrong in it nothing is changed."""
    with ExitStack() as opened:
        source = opened.enter_context(_open(file))
        on_row = opened.enter_context(_rows_to(report)) if report else lambda _: None
        database = opened.enter_context(open_data(data))
        on_bytes = opened.enter_context(_bar(file.name, file.stat().st_size))
        wanted = CsvImport(layout, source, file.name, actor or user_name(), is_dry_run=dry_run)
        done = import_csv(database, wanted, now_ms(), Watching(on_bytes, on_row))
    if as_json:
        print_json(import_json(done, is_dry_run=dry_run))
    else:
        _tell(done, is_dry_run=dry_run)
    if done.problems:
        raise typer.Exit(EXIT_REFUSED)


@app.command("csv-layout")
def show_layout(
    layout: Annotated[Layout, typer.Argument(help="What its rows are about.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Print the heading of a file that `import-csv` takes: every column that there may be."""
    if as_json:
        print_json(LayoutJson(layout=layout, columns=list(COLUMNS[layout])))
    else:
        typer.echo(",".join(COLUMNS[layout]))


def _open(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as error:
        message = f"the file {file} cannot be read: {error.strerror}; give a CSV file"
        raise InputError(message) from error


def _tell(done: ImportReport, *, is_dry_run: bool) -> None:
    would = "would be " if is_dry_run or done.problems else ""
    told = (
        f"{count(done.rows, 'row')}: {done.added} {would}added, {done.completed} {would}completed, {done.unchanged} "
        f"unchanged, {done.refused} refused"
    )
    typer.echo(plain(told))
    if done.findings:
        rows = [(str(one.line), one.column, one.code, one.text) for one in done.findings[:SHOWN_MAX]]
        print_table(("Line", "Column", "Code", "What is wrong"), rows)
        if done.problems > len(rows):
            typer.echo(f"and {done.problems - len(rows)} more: with --report FILE all are written down")
        typer.echo("nothing was changed: correct the file and import it again")
    elif done.amended:
        typer.echo(f"amended, because they were closed: {', '.join(map(str, done.amended))}")
    elif is_dry_run:
        typer.echo("nothing is wrong, and nothing was changed: import it without --dry-run")


@contextmanager
def _rows_to(path: Path) -> Iterator[Callable[[RowOutcome], None]]:
    """Yield a function that writes what becomes of a row, a line for each thing that is wrong with it."""
    try:
        target = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        message = f"the report {path} cannot be written: {error.strerror}; choose another file"
        raise InputError(message) from error
    with target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(("line", "subject", "outcome", "column", "code", "text"))

        def write(row: RowOutcome) -> None:
            if not row.findings:
                writer.writerow((row.line, _inert(row.subject), row.outcome, "", "", ""))
            for one in row.findings:
                column = _inert(one.column)
                writer.writerow((row.line, _inert(row.subject), row.outcome, column, one.code, one.text))

        yield write


def _inert(text: str) -> str:
    """Return what a file said in a form that no spreadsheet takes for a formula when it opens the report."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


@contextmanager
def _bar(name: str, size: int) -> Iterator[Callable[[int], None]]:
    """Yield a function that shows on a terminal how far a file is read; it is told the bytes of each line."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task(plain(name), total=size)
        waiting = 0

        def advance(number: int) -> None:
            nonlocal waiting
            waiting += number
            if waiting >= _BYTES_A_STEP:
                bars.advance(task, waiting)
                waiting = 0

        yield advance
