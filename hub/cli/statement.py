"""`meter-hub statement`: a system's month with the readings that it came from, on paper, as a table, or here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, open_data, plain, print_json, print_table
from hub.clock import now_ms
from hub.errors import InputError
from hub.exchange.statement import Statement
from hub.exchange.statement_csv import statement_csv
from hub.formats import kilowatt_hours, local_time
from hub.models.statements import statement_json
from hub.rules.periods import parse_month
from hub.services.draw_statement import draw_statement

app = typer.Typer()


@app.command("statement")
def statement(
    system: Annotated[str, typer.Argument(help="PTS id of the system.")],
    month: Annotated[str, typer.Argument(metavar="YYYY-MM", help="The production month.")],
    to: Annotated[Path | None, typer.Option(help="A file to write, ending with .pdf or .csv.")] = None,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """State what a system produced in a month, with the two readings that each number came from."""
    if to is not None and to.suffix not in {".pdf", ".csv"}:
        message = f"a statement is a .pdf or a .csv: give {to} one of these endings"
        raise InputError(message)
    with open_data(data, create=False) as database, database.read() as connection:
        stated = draw_statement(connection, system, parse_month(month), now_ms())
    if to is not None:
        _write(to, _draw(stated) if to.suffix == ".pdf" else statement_csv(stated).encode())
    if as_json:
        print_json(statement_json(stated))
    elif to is not None:
        typer.echo(plain(f"wrote {to}"))
    else:
        _print(stated)


def _draw(stated: Statement) -> bytes:
    from hub.exchange.statement_pdf import statement_pdf  # noqa: PLC0415 - a while of loading, for who wants paper

    return statement_pdf(stated)


def _write(to: Path, content: bytes) -> None:
    try:
        to.write_bytes(content)
    except OSError as error:
        message = f"the file {to} cannot be written: {error.strerror}; name another"
        raise InputError(message) from error


def _print(stated: Statement) -> None:
    number = "no number" if stated.production_wh is None else kilowatt_hours(stated.production_wh)
    typer.echo(plain(f"{stated.name} ({stated.system}), {stated.month}: {number}, {stated.state}; {stated.standing}"))
    rows = [
        (
            one.serial,
            *(f"{kilowatt_hours(edge.register_wh)}, {local_time(edge.at)}" for edge in (one.opening, one.closing)),
            "" if one.production_wh is None else kilowatt_hours(one.production_wh),
            one.kind.value,
        )
        for one in stated.meters
    ]
    rows += [(serial, "", "", "", "missing") for serial in stated.missing]
    print_table(("Meter", "From", "To", "Production", "Kind"), rows)
    for text in stated.findings:
        typer.echo(plain(text))
