"""`meter-hub export`: make a quarter's file for a registry, list the files that were made, and write one again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.custody import write_whole
from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, actor, open_data, plain, print_json, print_table
from hub.clock import now_ms
from hub.formats import count, kilowatt_hours, local_time
from hub.models import exports as models
from hub.rules.certificates import WH_PER_KWH
from hub.rules.quarters import gis_calendar, parse_quarter
from hub.rules.verification_file import FileKind
from hub.services.export_quarter import ExportLayout, ExportRequest, export_quarter, find_export
from hub.services.read_certificates import read_certificates
from hub.store import exports

if TYPE_CHECKING:
    from hub.services.export_quarter import Exported

LEFT_OUT_SHOWN_MAX = 20

Quarter = Annotated[str, typer.Argument(metavar="YYYY-Qn", help="The production quarter.")]

app = typer.Typer(no_args_is_help=True, help="Files of a quarter for the registries, as they were made.")


@app.command("quarter")
def export(
    quarter: Quarter,
    out: Annotated[Path, typer.Option(help="Write the file here.")],
    layout: Annotated[
        ExportLayout, typer.Option(help="The registry's file, or the quarterly verification file.")
    ] = ExportLayout.NEPOOL_GIS,
    kind: Annotated[
        FileKind, typer.Option(help="`final` takes closed months only, and is made once.")
    ] = FileKind.PRELIMINARY,
    reporting_id: Annotated[str, typer.Option(help="Under which M-RETS, NC-RETS or MIRECS knows who reports.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a quarter's file, keep it here, and write it out."""
    request = ExportRequest(parse_quarter(quarter), layout, kind, actor(), reporting_id)
    with open_data(data, create=False) as database:
        exported = export_quarter(database, request, now_ms())
    write_whole(out, exported.content)
    if as_json:
        print_json(models.exported_json(exported))
    else:
        _tell(exported, out)


@app.command("list")
def list_exports(
    quarter: Annotated[str, typer.Option(metavar="YYYY-Qn", help="Of this production quarter only.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """List the files that were made, in their order."""
    wanted = parse_quarter(quarter) if quarter else None
    with open_data(data, create=False) as database, database.read() as connection:
        files = exports.list_files(connection, wanted)
    if as_json:
        print_json(models.ExportsJson(exports=[models.export_json(file) for file in files]))
        return
    rows = [
        (
            *(str(file.number), str(file.quarter), file.layout, file.kind.value, local_time(file.made_at)),
            *(file.actor, str(file.rows), file.sha256[:16]),
        )
        for file in files
    ]
    print_table(("File", "Quarter", "Layout", "Kind", "Made", "By", "Lines", "SHA-256"), rows)


@app.command("get")
def get_export(
    number: Annotated[int, typer.Argument(min=1, max=(1 << 63) - 1, help="Number of the file, as `list` shows it.")],
    out: Annotated[Path, typer.Option(help="Write the file here.")],
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Write a file again as it was made."""
    with open_data(data, create=False) as database, database.read() as connection:
        file = find_export(connection, number)
        content = exports.content_of(connection, number)
    write_whole(out, content)
    if as_json:
        print_json(models.export_json(file))
    else:
        typer.echo(plain(f"{out}: file {file.number}, {file.layout}, {file.kind}, of {file.quarter}"))


@app.command("calendar")
def calendar(quarter: Quarter, data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Show when a quarter is sent, its certificates are created, and until when they are traded."""
    wanted = parse_quarter(quarter)
    dates = gis_calendar(wanted)
    with open_data(data, create=False) as database, database.read() as connection:
        shown = models.quarter_json(wanted, dates, exports.list_files(connection, wanted))
    if as_json:
        print_json(shown)
        return
    told = (
        f"{shown.quarter} ({', '.join(shown.months)}) is sent {shown.sent_on}, created as certificates "
        f"{shown.created_on} and traded until {shown.trading_ends_on}; {count(len(shown.exports), 'file')} made so far"
    )
    typer.echo(plain(told))


@app.command("certificates")
def certificates(
    system: Annotated[str, typer.Argument(help="PTS id of the system.")],
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what certificates a system's asset gets month by month, and what is left over."""
    with open_data(data, create=False) as database, database.read() as connection:
        shown = models.asset_json(read_certificates(connection, system, now_ms()))
    if as_json:
        print_json(shown)
        return
    headings = ("Month", "Sent", "Counts", "Certificates", "Left over", "Created", "")
    rows = [
        (
            *(month.month, kilowatt_hours(month.sent_kwh * WH_PER_KWH), kilowatt_hours(month.eligible_wh)),
            *(str(month.certificates), kilowatt_hours(month.remainder_wh), month.created_on),
            "estimated" if month.estimated else "",
        )
        for month in shown.months
    ]
    print_table(headings, rows)


def _tell(exported: Exported, out: Path) -> None:
    file = exported.file
    was = "made" if exported.is_new else "the same as before"
    typer.echo(
        plain(
            f"{out}: file {file.number}, {file.layout}, {file.kind}, of {file.quarter}, {was}: "
            f"{count(file.rows, 'line')}, {count(exported.estimated, 'month')} estimated"
        )
    )
    for one in exported.left_out[:LEFT_OUT_SHOWN_MAX]:
        typer.echo(plain(f"  left out {one.system} {one.month}: {one.why}"), err=True)
    if len(exported.left_out) > LEFT_OUT_SHOWN_MAX:
        more = len(exported.left_out) - LEFT_OUT_SHOWN_MAX
        typer.echo(plain(f"  and {count(more, 'month')} more: --json names all of them"), err=True)
