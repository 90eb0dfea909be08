"""`meter-sim year`: a year of readings under every fault, and the judgement of the chain they left."""

from __future__ import annotations

import json
import logging
import tempfile
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from simulators.errors import SimulatorError
from simulators.year.audit import audit_year
from simulators.year.mutants import MUTANTS
from simulators.year.plan import DAYS_MIN
from simulators.year.site import METERS
from simulators.year.world import live_year

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulators.year.audit import Audit

EXIT_BROKEN = 1
BREACHES_SHOWN_MAX = 20
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
"""Where files are memory: SQLite still asks for every byte to be durable, and is answered at once."""

stderr = Console(stderr=True)


def year_command(
    seed: Annotated[int, typer.Option(min=0, help="Decides the weather, the faults and the outages.")] = 1,
    days: Annotated[int, typer.Option(min=DAYS_MIN, max=3660, help="How long.")] = 365,
    meters: Annotated[int, typer.Option(min=1, max=len(METERS), help="How many of the site's meters.")] = len(METERS),
    mutant: Annotated[str | None, typer.Option(help=f"Switch one rule off: {', '.join(MUTANTS)}.")] = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="End with one line of JSON; all else goes to stderr.")
    ] = False,
) -> None:
    """Read eight meters for a year under every fault, in virtual time, and judge what the journal holds of it."""
    if mutant is not None and mutant not in MUTANTS:
        message = f"there is no mutant {mutant!r}: take one of {', '.join(MUTANTS)}"
        raise SimulatorError(message)
    began = time.monotonic()
    with nullcontext() if mutant is None else MUTANTS[mutant].patch():
        audit = live_and_judge(seed, days, meters)
    seconds = time.monotonic() - began
    _print(audit, seconds, stderr if as_json else Console())
    if as_json:
        typer.echo(json.dumps(audit.as_json() | {"seconds": round(seconds, 1)}))
    if audit.breaches:
        raise typer.Exit(EXIT_BROKEN)


def live_and_judge(seed: int, days: int, meters: int) -> Audit:
    """Return the judgement of a seed's year; its files are gone afterwards."""
    folder = MEMORY if MEMORY.is_dir() else None
    with _silence(), tempfile.TemporaryDirectory(prefix="meterline-", dir=folder) as work, _progress_bar() as bar:
        task = bar.add_task("days lived", total=days)
        year = live_year(
            seed, days=days, meters=meters, folder=Path(work), on_day=lambda day: bar.update(task, completed=day)
        )
        judging = bar.add_task("meters judged", total=meters)
        return audit_year(year, days=days, on_meter=lambda: bar.advance(judging))


@contextmanager
def _silence() -> Iterator[None]:
    """Keep the agent from saying of each poll why it failed: the chain says so too, and is what counts here."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _print(audit: Audit, seconds: float, console: Console) -> None:
    table = Table(
        "meter", "profile", "readings", "segments", "Wh by intervals", "Wh by registers", "quantum Wh", box=None
    )
    for meter in audit.meters:
        row = meter.as_json()
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()))
    console.print(table)
    for breach in audit.breaches[:BREACHES_SHOWN_MAX]:
        console.print(f"{breach.invariant}, {breach.meter or 'site'}: {breach.sentence}", highlight=False)
    if len(audit.breaches) > BREACHES_SHOWN_MAX:
        console.print(f"and {len(audit.breaches) - BREACHES_SHOWN_MAX} more")
    console.print(
        f"seed {audit.seed}: {audit.polls:,} polls in {audit.days} days, {audit.readings:,} readings,"
        f" {sum(audit.poll_errors.values()):,} polls without one, {audit.gaps} gaps stated,"
        f" {audit.faults.total():,} faults: {len(audit.breaches)} mismatches; {seconds:.0f} s",
        highlight=False,
    )


def _progress_bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=stderr,
    )
