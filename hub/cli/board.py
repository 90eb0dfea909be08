"""`meter-hub board`: how the fleet stands towards the month that is being reported."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, open_data, plain, print_json, print_table
from hub.clock import now_ms
from hub.fleet.standing import Standing
from hub.formats import kilowatt_hours, kilowatts, local_time
from hub.models.board import board_json
from hub.services.draw_board import draw_board
from hub.services.read_board import LINES_MAX, read_board

app = typer.Typer()


@app.command("board")
def board(
    standing: Annotated[Standing | None, typer.Option(help="Which systems to list; if none, the worst.")] = None,
    after: Annotated[str, typer.Option(help="Go on after this, as `next` of --json gives it.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=LINES_MAX, help="How many systems to list.")] = 50,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Look at every system now, and tell how the fleet stands towards the month that is being reported."""
    with open_data(data, create=False) as database:
        draw_board(database, now_ms())
        with database.read() as connection:
            drawn = read_board(connection, now_ms(), standing=standing, after=after, limit=limit)
    if as_json:
        print_json(board_json(drawn))
        return
    until = f"open until {local_time(drawn.window.closes_at)}" if drawn.is_open else "its window has closed"
    typer.echo(plain(f"{drawn.window.month}: {until}"))
    print_table(
        ("Standing", "Systems", "kW DC", "Expected"),
        [
            (one.value, f"{count.systems:,}", kilowatts(count.capacity_w), kilowatt_hours(count.expected_wh))
            for one, count in drawn.counts.items()
        ],
    )
    rows = [(one.line.system, one.name, kilowatt_hours(one.line.expected_wh), one.line.reason) for one in drawn.lines]
    if rows:
        print_table((drawn.standing.value.capitalize(), "Name", "Expected", "Why"), rows)
