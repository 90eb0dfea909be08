"""`meter-sim`: the whole line on one machine, to look at or to prove."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import tempfile
import threading
from datetime import UTC, datetime
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from edge.clock import SystemClock
from simulators.broker import BrokerChoice, Carrier
from simulators.custody.cli import custody_command
from simulators.demo import DemoPlan, run_demo
from simulators.errors import SimulatorError
from simulators.fleet.cli import fill_with_progress, fleet_command
from simulators.fleet.fill import Filled, FleetPlan
from simulators.line import Program
from simulators.masscec_pts import JSON_PATH, SOAP_PATH, Counterpart, CounterpartServer, Register
from simulators.measured import STEP_MS, read_measured_csv
from simulators.replay import Outage, ReplayPlan, ReplayResult, replay
from simulators.series import write_series
from simulators.site import SYSTEMS
from simulators.survive import SurvivalPlan, survive
from simulators.year.cli import year_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulators.audit import Audit

EXIT_NOT_EXACT = 1
EXIT_WRONG_INPUT = 2

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
stderr = Console(stderr=True)
app.command("custody")(custody_command)
app.command("year")(year_command)
app.command("fleet")(fleet_command)

BrokerOption = Annotated[BrokerChoice, typer.Option("--broker", help="auto: Mosquitto if it is installed.")]
CarrierOption = Annotated[
    Carrier,
    typer.Option("--broker", help="auto: Mosquitto if it is installed; none: the edge posts its blocks to the hub."),
]
WorkDirOption = Annotated[
    Path | None, typer.Option("--work-dir", help="Keep databases and logs here; else in a folder that is removed.")
]


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - Typer passes an option's value by position
    if wanted:
        typer.echo(f"meter-sim {version('meterline')}")
        raise typer.Exit


@app.callback()
def _root(
    *, _version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True)] = False
) -> None:
    pass


@app.command("replay")
def replay_command(
    pv: Annotated[Path, typer.Option(help="Measured AC power: columns measured_on, ac_power (W), every 15 minutes.")],
    kill: Annotated[
        list[Program] | None,
        typer.Option(help="Kill this program on the way and start it again; may be given several times."),
    ] = None,
    broker: CarrierOption = "auto",
    work_dir: WorkDirOption = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="End with one line of JSON; all else goes to stderr.")
    ] = False,
) -> None:
    """Run the real edge, broker and hub over a measured series and compare every number with the truth."""
    series = read_measured_csv(pv)
    victims = kill or []
    outages = tuple(Outage(name, Fraction(n, len(victims) + 1)) for n, name in enumerate(victims, start=1))
    expected = ((series.end_at - series.first_at) // STEP_MS) * len(SYSTEMS)
    with _working_in(work_dir) as folder, _progress_bar() as bar:
        took = bar.add_task("taken by the edge", total=expected)
        kept = bar.add_task("stored by the hub", total=expected)

        def progress(*, taken: int, stored: int) -> None:
            bar.update(took, completed=taken)
            bar.update(kept, completed=stored)

        plan = ReplayPlan(series=series, work_dir=folder, broker=broker, outages=outages)
        result = asyncio.run(replay(plan, progress))
    _print_result(result, stderr if as_json else Console())
    if as_json:
        typer.echo(json.dumps(result.as_json()))
    if not result.is_exact:
        raise typer.Exit(EXIT_NOT_EXACT)


@app.command("masscec-pts")
def masscec_pts_command(
    system: Annotated[list[str], typer.Option(help="PTS id of a system that it knows; may be given several times.")],
    port: Annotated[int, typer.Option(help="Where it answers on this machine; 0 takes a free one.")] = 0,
    seconds: Annotated[float | None, typer.Option(min=0, help="End after this long; else at Ctrl-C.")] = None,
) -> None:
    """Play MassCEC's tracking system, in both of its machine interfaces."""
    counterpart = Counterpart({one: Register() for one in system})
    with CounterpartServer(counterpart, port) as server:
        typer.echo(f"soap {server.url}{SOAP_PATH}")
        typer.echo(f"json {server.url}{JSON_PATH} with ARPost,ARPostTest")
        typer.echo(f"credentials, a line each: {counterpart.user}, {counterpart.password}")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait(seconds)
    for name, held in counterpart.systems.items():
        typer.echo(f"{name}: {held.kwh} kWh of {held.at or 'never'}, taken {held.taken} times")


@app.command("survive")
def survive_command(
    seconds: Annotated[int, typer.Option(min=1, help="How long to kill.")] = 180,
    seed: Annotated[int, typer.Option(help="Decides the weather, and who dies when.")] = 1,
    broker: CarrierOption = "auto",
    work_dir: WorkDirOption = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="End with one line of JSON; all else goes to stderr.")
    ] = False,
) -> None:
    """Kill the real edge, hub and broker (SIGKILL) at random, then look whether a reading was lost or doubled."""
    with _working_in(work_dir) as folder, _progress_bar() as bar:
        took = bar.add_task("due at the edge", total=None)
        kept = bar.add_task("stored by the hub", total=None)

        def progress(*, taken: int, stored: int) -> None:
            bar.update(took, completed=taken)
            bar.update(kept, completed=stored)

        chance = random.Random(seed)  # noqa: S311 - a simulation has to be repeatable
        plan = SurvivalPlan(seconds=seconds, seed=seed, chance=chance, work_dir=folder, broker=broker)
        result = asyncio.run(survive(plan, progress))
    kills = ", ".join(f"{program} {count} times" for program, count in result.kills.by_program.items())
    (stderr if as_json else Console()).print(
        f"Killed {kills}. {_count_readings(result.audit)}; {result.wall_seconds:.0f} s over {result.broker}"
    )
    if as_json:
        typer.echo(json.dumps(result.as_json()))
    if not result.is_whole:
        raise typer.Exit(EXIT_NOT_EXACT)


@app.command("series")
def series_command(
    out: Annotated[Path, typer.Argument(help="The CSV file to write.")],
    days: Annotated[int, typer.Option(min=1, max=3660)] = 100,
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day, UTC.")] = datetime(
        2026, 6, 1, tzinfo=UTC
    ),
    seed: Annotated[int, typer.Option(help="The weather.")] = 1,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Write a made-up series of AC power, for `meter-sim replay` where no measured one is at hand."""
    if out.exists():
        message = f"{out} exists already: name a new file, nothing is overwritten"
        raise SimulatorError(message)
    try:
        rows = write_series(out, start=start.replace(tzinfo=UTC), days=days, seed=seed)
    except OSError as error:
        message = f"{out} cannot be written ({error.strerror}): name a file in a folder that you may write to"
        raise SimulatorError(message) from error
    typer.echo(json.dumps({"file": str(out), "rows": rows}) if as_json else f"{rows:,} rows of made-up power in {out}")


@app.command("demo")
def demo_command(  # noqa: PLR0913 - one parameter for each option
    port: Annotated[int, typer.Option(help="Port of the hub's page on this machine; 0 takes a free one.")] = 0,
    seed: Annotated[int, typer.Option(help="The weather.")] = 1,
    broker: BrokerOption = "auto",
    work_dir: WorkDirOption = None,
    *,
    is_bare: Annotated[bool, typer.Option("--bare", help="Without the fleet: four systems and two months.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the address as JSON; all else to stderr.")] = False,
) -> None:
    """Run simulated meters, broker, edge and hub here, beside a fleet with two years behind it; Ctrl-C ends it."""
    with _working_in(work_dir) as folder:
        filled = None if is_bare else fill_with_progress(FleetPlan(folder / "hub", _now(), seed=seed), stderr)
        stderr.print("Meterline demonstration: starting four simulated meters, a broker, a hub and an edge here ...")
        audience = _Console(filled, as_json=as_json)
        with audience.status:
            plan = DemoPlan(work_dir=folder, port=port, broker=broker, seed=seed, now=_now)
            asyncio.run(run_demo(plan, audience))
    stderr.print("Everything has ended.")


class _Console:
    """Tells the audience of the demonstration what is going on."""

    def __init__(self, filled: Filled | None, *, as_json: bool) -> None:
        self._filled = filled
        self.status = stderr.status("starting")
        self._as_json = as_json

    def opened(self, url: str, broker: str) -> None:
        told: dict[str, object] = {"url": url, "broker": broker}
        if self._filled is not None:
            told |= {"accounts": self._filled.accounts, "password": self._filled.password}
        typer.echo(json.dumps(told) if self._as_json else f"\n  Open the hub's page:  {url}\n")
        carrier = "Mosquitto" if broker == "mosquitto" else "the embedded broker"
        stderr.print(
            f"  Meters on a serial line and two network ports, read by a real edge, carried by {carrier}.\n"
            "  Two months pass first, at full speed; then every two seconds bring a reading of each meter,\n"
            "  until the present is reached; from there on, one every quarter of an hour.\n"
            "  Ctrl-C ends it.\n",
            highlight=False,
        )
        if self._filled is not None:
            stderr.print(
                f"  {self._filled.systems} systems more have {self._filled.months} months behind them. To look as"
                f" somebody, sign in as\n  {', '.join(self._filled.accounts)}\n  with the password"
                f" {self._filled.password} (operators, auditor and admin also set up a code on a phone).\n",
                highlight=False,
            )

    def progressed(self, *, at: datetime, stored: int) -> None:
        self.status.update(f"{at:%Y-%m-%d %H:%M} UTC at the site, {stored:,} readings in the hub")


def _now() -> datetime:
    return datetime.fromtimestamp(SystemClock().now().wall_ms / 1000, UTC)


@contextlib.contextmanager
def _working_in(work_dir: Path | None) -> Iterator[Path]:
    if work_dir is None:
        with tempfile.TemporaryDirectory(prefix="meterline-") as folder:
            yield Path(folder)
        return
    if work_dir.exists() and any(work_dir.iterdir()):
        message = f"{work_dir} is not empty: name a new folder for --work-dir"
        raise SimulatorError(message)
    work_dir.mkdir(parents=True, exist_ok=True)
    yield work_dir


def _progress_bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=stderr
    )


def _print_result(result: ReplayResult, console: Console) -> None:
    table = Table(
        Column("system", no_wrap=True),
        "factor",
        "month",
        "production Wh",
        "integral Wh",
        "resolution",
        "exact",
        box=None,
    )
    for month in result.months:
        row = month.as_json()
        table.add_row(
            month.system,
            str(month.capacity_factor),
            str(row["month"]),
            f"{row['production_wh']:,}",
            str(row["integral_wh"]),
            f"{row['resolution_wh']} Wh",
            "yes" if month.is_exact else "NO",
        )
    console.print(table)
    console.print(
        f"{_count_readings(result.audit)}; {result.wall_seconds:.1f} s over {result.broker}"
        + (f", having killed {', '.join(result.killed)}" if result.killed else "")
    )


def _count_readings(audit: Audit) -> str:
    return (
        f"{audit.readings_taken:,} readings taken, {audit.readings_stored:,} stored, {audit.lost} lost,"
        f" {audit.duplicated} duplicated, {audit.mismatched} changed"
    )


def main() -> None:
    """Run the command line; wrong input ends with one sentence and exit code 2."""
    try:
        app()
    except SimulatorError as error:
        typer.echo(f"meter-sim: {error}", err=True)
        sys.exit(EXIT_WRONG_INPUT)
