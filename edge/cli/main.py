"""`meter-edge`: make a device's identity, check a configuration, run the agent, look at its journal."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from edge.agent import run_agents
from edge.author import load_author
from edge.bus_errors import BusError
from edge.cli import custody, profiles
from edge.cli.terminal import DEFAULT_CONFIG, EXIT_WRONG_INPUT, AsJson, ConfigPath
from edge.clock import Clock, SystemClock
from edge.config import JOURNAL_NAME, KEY_NAME, AgentConfig, ConfigError, advise, change_config, load_config
from edge.export import ExportError
from edge.journal import Configuration, JournalError, read_configuration, read_journal_summary
from edge.keys import KeyFileError, Keyring, enrolment_key, ensure_signing_key
from protocol.identity import format_device_id

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(custody.app)
app.add_typer(profiles.app)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - Typer passes an option's value by position
    if wanted:
        typer.echo(f"meter-edge {version('meterline')}")
        raise typer.Exit


@app.callback()
def _root(
    *, _version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True)] = False
) -> None:
    pass


@app.command()
def init(
    state_dir: Annotated[Path, typer.Option(help="Where the device keeps its key and journal.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Make this device's signing key, and with it its identity; a key that is there already is kept."""
    key_path = state_dir / KEY_NAME
    ensure_signing_key(key_path)
    author = load_author(key_path, state_dir / JOURNAL_NAME)
    device = format_device_id(author.device)
    public = state_dir / f"{device}.pem"
    public.write_bytes(enrolment_key(Keyring(author.device, author.key, author.key_history)).to_pem())
    if as_json:
        typer.echo(json.dumps({"device": device, "public_key": str(public)}))
        return
    typer.echo(f"device {device}")
    typer.echo(f"Register it at the hub: meter-hub device add --key {public} --name 'where it is'")


@app.command()
def check(config: ConfigPath = DEFAULT_CONFIG, *, as_json: AsJson = False) -> None:
    """Check a configuration without touching a bus, and say what it means, with what the hub changed by command."""
    file = load_config(config)
    in_force = read_configuration(file.journal_path)
    agent = change_config(file, in_force.changes)
    if as_json:
        meters = [
            {"number": m.index, "name": m.name, "bus": m.bus, "unit": m.unit, "profile": m.profile}
            for m in agent.meters
        ] + [
            {"number": p.index, "name": p.name, "bus": "pulse", "chip": p.chip, "lines": dict(p.lines)}
            for p in agent.pulses
        ]
        typer.echo(
            json.dumps(
                {"config": str(agent.path), "interval_seconds": agent.interval_seconds, "meters": meters}
                | {"advice": advise(agent.buses)}
                | _spell_configuration(in_force)
            )
        )
        return
    table = Table("no.", "meter", "bus", "unit", "profile", "generated", box=None)
    for meter in agent.meters:
        table.add_row(str(meter.index), meter.name, meter.bus, str(meter.unit), meter.profile, meter.generated)
    for pulse in agent.pulses:
        lines = ", ".join(str(line) for line in pulse.lines.values())
        table.add_row(
            str(pulse.index), pulse.name, f"pulse {pulse.chip}", lines, f"{pulse.wh_per_pulse} Wh a pulse", ""
        )
    Console().print(table)
    typer.echo(f"{config} is good: every {agent.interval_seconds} s, sealed every {agent.seal_seconds} s.")
    _show_configuration(in_force)
    for sentence in advise(agent.buses):
        typer.echo(f"Better: {sentence}.")


@app.command()
def run(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Run the agent until SIGTERM or Ctrl-C; what is open is sealed and offered before it ends."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    asyncio.run(run_agent(load_config(config), SystemClock()))


async def run_agent(config: AgentConfig, clock: Clock) -> None:
    """Run the agent under `clock` until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run_agents(config, clock, stop)


@app.command()
def status(config: ConfigPath = DEFAULT_CONFIG, *, as_json: AsJson = False) -> None:
    """Show what the journal holds: the newest reading of each meter and what the hub has not acknowledged yet."""
    agent = load_config(config)
    summary = read_journal_summary(agent.journal_path)
    device = format_device_id(load_author(agent.key_path, agent.journal_path).device)
    in_force = read_configuration(agent.journal_path)
    names = {meter.index: meter.name for meter in agent.everything_read}
    if as_json:
        meters = [asdict(meter) | {"name": names.get(meter.meter)} for meter in summary.meters]
        typer.echo(json.dumps(asdict(summary) | {"device": device, "meters": meters} | _spell_configuration(in_force)))
        return
    typer.echo(f"device {device}")
    typer.echo(
        f"blocks sealed through {summary.head}, committed by the hub through {summary.committed},"
        f" safe through {summary.safe}; {summary.open_polls} polls not sealed yet"
    )
    for note in summary.salvages:
        typer.echo(note)
    if summary.thrift_since is not None:
        typer.echo(f"the disk is full: polls are left out since {_utc(summary.thrift_since)} UTC")
    _show_configuration(in_force)
    table = Table("no.", "meter", "last reading (UTC)", "raw count", "polls", "failed", "last failure", box=None)
    for meter in summary.meters:
        table.add_row(
            str(meter.meter),
            names.get(meter.meter, "(not configured)"),
            _utc(meter.read_at),
            ", ".join(str(count) for count in meter.counts.values()) or "-",
            str(meter.polls),
            str(meter.failures),
            f"{meter.cause} {_utc(meter.failed_at)}" if meter.cause else "-",
        )
    Console().print(table)


def _spell_configuration(in_force: Configuration) -> dict[str, object]:
    return {
        "config_version": in_force.version,
        "config_changes": dict(in_force.changes),
        "config_on_trial": in_force.trial is not None,
    }


def _show_configuration(in_force: Configuration) -> None:
    """Say what the hub changed, if it did."""
    if in_force.version:
        trial = ", on trial until the hub is heard" if in_force.trial else ""
        changes = ", ".join(f"{name} = {value}" for name, value in in_force.changes.items())
        typer.echo(f"configuration {in_force.version} of command {in_force.command} is in force{trial}: {changes}")


def _utc(at_ms: int | None) -> str:
    return "-" if at_ms is None else f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%d %H:%M:%S}"


def main() -> None:
    """Run the command line; wrong input ends with one sentence and exit code 2."""
    try:
        app()
    except (BusError, ConfigError, ExportError, JournalError, KeyFileError) as error:
        typer.echo(f"meter-edge: {error}", err=True)
        sys.exit(EXIT_WRONG_INPUT)
