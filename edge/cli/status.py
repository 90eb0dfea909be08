"""`meter-edge status`: how the device does, for an installer, an operator and their programs.

Exit code 0 if all is well, 1 if something needs attention. The keys of `--json`:

    device, running, attention      who it is, whether an agent runs, one sentence for each thing that is not well
    now, next_edge_at               this moment, and the next interval edge (UTC ms)
    time_quality                    what the kernel says of its clock: `synchronised` or `unknown`
    disk_free_bytes                 on the journal's file system
    head, committed, safe           block numbers: newest sealed, committed by the hub, safe there; -1 none
    open_polls                      polls that are not sealed yet
    backlog_blocks, backlog_since   blocks the hub lacks, and the instant of the oldest reading in them
    hub_heard_at                    the hub's time in its latest receipt
    salvages, thrift_since          what damage was found; since which edge polls are left out on a full disk
    config_version, config_changes, config_on_trial     what the hub changed by command
    meters                          meter (its number), name, state, read_at, age_seconds, energy_kwh (exact decimals as
                                    text), counts (raw), polls, failures, failed_at, cause; and looks: how it answers of
                                    late, between interval edges too (looked_at, cause, note, failures of so many looks,
                                    counts, power_w), null if that is not known
    buses                           bus (its name), and what became of its requests since the agent started: requests,
                                    replies, refusals, timeouts, check_sums, strangers, lost, openings, shut, busy,
                                    quality_permille (replies in a thousand requests), delay_ms_mean, delay_ms_max;
                                    none if that is not known

The last two come from the running agent's file on its runtime directory: $RUNTIME_DIRECTORY, else /run/meter-edge.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from itertools import starmap
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape

from edge.author import load_author
from edge.checkup import MeterState, check_up, spell_age
from edge.cli.terminal import AsJson, ConfigPath, narrow_table, show_configuration, spell_configuration
from edge.clock import SystemClock
from edge.config import DEFAULT_CONFIG, change_config, load_config
from edge.health import SERVICE_FOLDER, read_health, runtime_folder, spell_tally
from edge.journal import read_configuration
from protocol.identity import format_device_id
from protocol.messages import TimeQuality

if TYPE_CHECKING:
    from edge.checkup import Checkup, MeterCheckup
    from edge.metering.tally import BusTally

EXIT_ATTENTION = 1
_READINGS = ("no.", "meter", "state", "kWh generated", "consumed", "last reading (UTC)")
_POLLS = ("no.", "polls", "failed", "last failure (UTC)", "of late", "now", "kW")
_BUSES = ("bus", "answered", "requests", "time-outs", "bad sums", "strange", "lost", "busy", "shut", "ms (most)")
_NAMES = ("meter", "bus")
_STYLES = {
    MeterState.GOOD: "green",
    MeterState.FAILING: "red",
    MeterState.OVERDUE: "yellow",
    MeterState.NEVER_READ: "red",
}

app = typer.Typer()


@app.command()
def status(config: ConfigPath = DEFAULT_CONFIG, *, as_json: AsJson = False) -> None:
    """Show how the device does: meters, custody, clock, disk. Exit code 1 if something needs attention."""
    file = load_config(config)
    in_force = read_configuration(file.journal_path)
    agent = change_config(file, in_force.changes)
    device = format_device_id(load_author(agent.key_path, agent.journal_path).device)
    health = read_health(runtime_folder(os.environ) or SERVICE_FOLDER, device)
    found = check_up(agent, SystemClock().now(), health)
    if as_json:
        typer.echo(json.dumps(_to_json(found) | {"device": device} | spell_configuration(in_force)))
    else:
        _show(found, device)
        show_configuration(in_force)
        _show_attention(found)
    if found.attention:
        raise typer.Exit(EXIT_ATTENTION)


def _show(found: Checkup, device: str) -> None:
    now, summary, standing, console = found.at.wall_ms, found.summary, found.standing, Console()
    typer.echo(f"device {device}, {'running' if found.is_running else 'not running'}")
    console.print(narrow_table(_READINGS, map(_reading_row, found.meters), folding=_NAMES))
    console.print(narrow_table(_POLLS, map(_polls_row, found.meters), folding=_NAMES))
    if found.buses:
        console.print(narrow_table(_BUSES, starmap(_bus_row, found.buses.items()), folding=_NAMES))
    typer.echo(
        f"blocks sealed through {summary.head}, committed by the hub through {summary.committed},"
        f" safe through {summary.safe}; {summary.open_polls} polls not sealed yet"
    )
    if standing.backlog_since is not None:
        typer.echo(
            f"the hub lacks {standing.backlog_blocks} blocks, from {spell_age(now - standing.backlog_since)} ago on"
        )
    heard = "never" if found.hub_heard_at is None else f"{_utc(found.hub_heard_at)} UTC"
    typer.echo(f"hub last heard: {heard}; next cycle: {_utc(found.next_edge_at)} UTC")
    typer.echo(f"clock {_quality(found)}; {found.disk_free_bytes >> 20} MiB free on the journal's disk")
    for note in summary.salvages:
        typer.echo(note)


def _reading_row(meter: MeterCheckup) -> tuple[str, ...]:
    state = f"[{_STYLES[meter.state]}]{meter.state}[/]"
    energies = tuple(spell_kwh(meter.energy_kwh.get(name)) for name in ("generated", "consumed"))
    read_at = None if meter.summary is None else meter.summary.read_at
    return (str(meter.settings.index), escape(meter.settings.name), state, *energies, _utc(read_at))


def _polls_row(meter: MeterCheckup) -> tuple[str, ...]:
    """Return what came of the polls at interval edges, and of all the looks of late where they are known."""
    summary, looks, counts = meter.summary, meter.looks, ("0", "0", "-")
    if summary is not None:
        failure = f"{summary.cause} {_utc(summary.failed_at)}" if summary.cause else "-"
        counts = (str(summary.polls), str(summary.failures), failure)
    if looks is None:
        return (str(meter.settings.index), *counts, "-", "-", "-")
    answered = f"{looks.looks - looks.failures} of {looks.looks}"
    now = f"[red]{looks.cause}[/]" if looks.cause else "[green]answers[/]"
    kilowatts = "-" if looks.power_w is None else f"{Decimal(looks.power_w).scaleb(-3):f}"
    return (str(meter.settings.index), *counts, answered, now, kilowatts)


def _bus_row(name: str, tally: BusTally) -> tuple[str, ...]:
    answered, delays = "-", "-"
    if tally.quality_permille is not None:
        answered = f"{Decimal(tally.quality_permille).scaleb(-1):f} %"
    if tally.delay_ms_mean is not None:
        delays = f"{tally.delay_ms_mean} ({tally.delay_ms_max})"
    counts = (tally.requests, tally.timeouts, tally.check_sums, tally.strangers, tally.lost, tally.busy, tally.shut)
    return (escape(name), answered, *map(str, counts), delays)


def _show_attention(found: Checkup) -> None:
    console = Console(highlight=False)
    for sentence in found.attention:
        console.print("attention:", sentence, style="yellow", markup=False, soft_wrap=True)
    if not found.attention:
        console.print("all is well", style="green")


def spell_kwh(energy: Decimal | None) -> str:
    """Return energy in kWh, exact, with thousands apart; a dash where there is none."""
    if energy is None:
        return "-"
    digits = f"{energy:,f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _to_json(found: Checkup) -> dict[str, object]:
    standing = found.standing
    return asdict(found.summary) | {
        "running": found.is_running,
        "attention": list(found.attention),
        "now": found.at.wall_ms,
        "next_edge_at": found.next_edge_at,
        "time_quality": _quality(found),
        "disk_free_bytes": found.disk_free_bytes,
        "backlog_blocks": standing.backlog_blocks,
        "backlog_since": standing.backlog_since,
        "hub_heard_at": found.hub_heard_at,
        "meters": [_meter_json(meter, found.at.wall_ms) for meter in found.meters],
        "buses": [{"bus": name} | spell_tally(tally) for name, tally in found.buses.items()],
    }


def _meter_json(meter: MeterCheckup, now: int) -> dict[str, object]:
    summary = meter.summary
    read_at = None if summary is None else summary.read_at
    return ({} if summary is None else asdict(summary)) | {
        "meter": meter.settings.index,
        "name": meter.settings.name,
        "state": str(meter.state),
        "read_at": read_at,
        "age_seconds": None if read_at is None else max(now - read_at, 0) // 1000,
        "energy_kwh": {name: f"{energy:f}" for name, energy in meter.energy_kwh.items()},
        "looks": None if meter.looks is None else asdict(meter.looks),
    }


def _quality(found: Checkup) -> str:
    return "unknown" if found.at.quality is TimeQuality.UNKNOWN else "synchronised"


def _utc(at_ms: int | None) -> str:
    return "-" if at_ms is None else f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%d %H:%M:%S}"
