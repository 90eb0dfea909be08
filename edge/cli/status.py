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
                                    text), counts (raw), polls, failures, failed_at, cause
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from edge.author import load_author
from edge.checkup import MeterState, check_up, spell_age
from edge.cli.terminal import AsJson, ConfigPath, show_configuration, spell_configuration
from edge.clock import SystemClock
from edge.config import DEFAULT_CONFIG, change_config, load_config
from edge.journal import read_configuration
from protocol.identity import format_device_id
from protocol.messages import TimeQuality

if TYPE_CHECKING:
    from decimal import Decimal

    from edge.checkup import Checkup, MeterCheckup

EXIT_ATTENTION = 1
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
    found = check_up(agent, SystemClock().now())
    device = format_device_id(load_author(agent.key_path, agent.journal_path).device)
    if as_json:
        typer.echo(json.dumps(_to_json(found) | {"device": device} | spell_configuration(in_force)))
    else:
        _show(found, device)
        show_configuration(in_force)
        _show_attention(found)
    if found.attention:
        raise typer.Exit(EXIT_ATTENTION)


def _show(found: Checkup, device: str) -> None:
    now, summary, standing = found.at.wall_ms, found.summary, found.standing
    typer.echo(f"device {device}, {'running' if found.is_running else 'not running'}")
    table = Table("no.", "meter", "state", "kWh generated", "consumed", "last reading (UTC)", "age", box=None)
    for name in ("polls", "failed", "last failure"):
        table.add_column(name)
    for meter in found.meters:
        table.add_row(*_row(meter, now))
    Console().print(table)
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


def _row(meter: MeterCheckup, now: int) -> tuple[str, ...]:
    summary = meter.summary
    state = f"[{_STYLES[meter.state]}]{meter.state}[/]"
    energies = tuple(spell_kwh(meter.energy_kwh.get(name)) for name in ("generated", "consumed"))
    if summary is None:
        return (str(meter.settings.index), meter.settings.name, state, *energies, "-", "-", "0", "0", "-")
    age = "-" if summary.read_at is None else spell_age(now - summary.read_at)
    failure = f"{summary.cause} {_utc(summary.failed_at)}" if summary.cause else "-"
    counts = (str(summary.polls), str(summary.failures), failure)
    return (str(meter.settings.index), meter.settings.name, state, *energies, _utc(summary.read_at), age, *counts)


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
    }


def _quality(found: Checkup) -> str:
    return "unknown" if found.at.quality is TimeQuality.UNKNOWN else "synchronised"


def _utc(at_ms: int | None) -> str:
    return "-" if at_ms is None else f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%d %H:%M:%S}"
