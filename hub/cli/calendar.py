"""`meter-hub window` and `compliance`: which month is reported now, and what a supplier owes for a year."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.terminal import AsJson, plain, print_json
from hub.clock import now_ms
from hub.models import calendar as models
from hub.rules.class_one import parse_surplus, weigh_year
from hub.rules.local_times import format_local, parse_local
from hub.rules.parameters import BankCapBasis
from hub.rules.windows import next_window, refuse_closed, window_at

if TYPE_CHECKING:
    from hub.rules.class_one import Met

MWH_MAX = 10**12
_MEASURED_ON = {
    BankCapBasis.USE_YEAR: "cap by the need of this year (as MassCEC's page has it)",
    BankCapBasis.GENERATION_YEAR: "cap by the need of the year of generation (as the regulation has it)",
}

app = typer.Typer()


@app.command()
def window(
    at: Annotated[
        str, typer.Option(help="At this time in Massachusetts, such as 2024-02-05 23:59; now unless given.")
    ] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Show which month can be reported, until when, and when the next window opens."""
    instant = parse_local(at) if at else now_ms()
    found, following = window_at(instant), next_window(instant)
    if as_json:
        print_json(models.windows_json(instant, found, following))
        return
    if found is not None:
        typer.echo(f"{found.month} can be reported until {format_local(found.closes_at)}")
    refusal = refuse_closed(instant)
    if refusal is not None:
        typer.echo(refusal.text)
    else:
        typer.echo(f"the next window, for {following.month}, opens {format_local(following.opens_at)}")


@app.command()
def compliance(
    year: Annotated[int, typer.Argument(help="The compliance year.")],
    sales_mwh: Annotated[int, typer.Option(help="What was sold in the year, in MWh.", min=0, max=MWH_MAX)],
    held: Annotated[int, typer.Option(help="Certificates of the year itself.", min=0, max=MWH_MAX)] = 0,
    bank: Annotated[
        list[str] | None,
        typer.Option(metavar="YEAR:CERTIFICATES:NEED", help="Surplus of an earlier year, and its need."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what a supplier owes under Class I for a year's sales, and how that is met."""
    weighed = weigh_year(year, sales_mwh, held, [parse_surplus(text) for text in bank or ()])
    if as_json:
        print_json(models.compliance_json(weighed))
        return
    typer.echo(
        f"{year}: {weighed.percent} % of {sales_mwh:,} MWh take {weighed.need:,} certificates; the filing is due "
        f"{weighed.filing_due_on}"
    )
    for basis, met in weighed.met.items():
        typer.echo(plain(f"  {_MEASURED_ON[basis]}: {_describe(met)}"))


def _describe(met: Met) -> str:
    settlement = met.settlement
    banked = sum(use.certificates for use in settlement.banked)
    text = f"{banked:,} banked, {settlement.current:,} of the year, {settlement.short:,} short"
    if not settlement.short:
        return f"{text}; {settlement.surplus:,} of the year are surplus"
    if met.payment_cents is None:
        return f"{text}; the year's rate is not known here: take it from DOER's publication"
    return f"{text}, which cost ${met.payment_cents // 100:,}.{met.payment_cents % 100:02d}"
