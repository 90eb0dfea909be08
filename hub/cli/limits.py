"""`meter-hub system limits`: up to which nameplate production is reported by hand, and since when."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, actor, open_data, print_json, print_table
from hub.clock import now_ms
from hub.errors import InputError
from hub.models import limits as models
from hub.rules.local_times import format_local
from hub.services.read_details import parse_date
from hub.services.set_manual_limit import load_manual_limits, set_manual_limit
from hub.store import manual_limits

app = typer.Typer()


@app.command("limits")
def limits(
    raised_on: Annotated[
        str, typer.Option("--raised-on", help="Set it: from which day on the raised limit holds, YYYY-MM-DD.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why it is set, such as the notice that names the day.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    not_raised: Annotated[bool, typer.Option("--not-raised", help="Set it: the raised limit does not hold.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the limits of manual reporting, or set the day from which the raised one holds."""
    if raised_on and not_raised:
        message = "the limit is raised from a day on, or not at all: give --raised-on or --not-raised"
        raise InputError(message)
    day = parse_date(raised_on) if raised_on else None
    with open_data(data, create=False) as database:
        if raised_on or not_raised:
            set_manual_limit(database, day, actor=actor(), now=now_ms(), reason=reason)
        with database.read() as connection:
            in_force = load_manual_limits(connection)
            said = manual_limits.list_days(connection)
    shown = models.limits_json(in_force, said)
    if as_json:
        print_json(shown)
        return
    print_table(
        ("From", "PV", "Other technologies", "Source"),
        [
            (one.from_on or "always", f"{one.pv_w_dc} W DC", f"{one.other_w} W {one.other_basis}", one.source)
            for one in shown.limits
        ],
    )
    if said:
        print_table(
            ("Recorded", "By", "Raised from", "Why"),
            [
                (format_local(one.recorded.at), one.recorded.actor, str(one.raised_on or "no day"), one.recorded.reason)
                for one in said
            ],
        )
