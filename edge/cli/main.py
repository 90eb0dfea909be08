"""`meter-edge`: make a device's identity, check a configuration, run the agent, look at its journal."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from edge.author import load_author
from edge.cli import custody, profiles, status
from edge.cli.terminal import AsJson, ConfigPath, show_configuration, spell_configuration
from edge.config import DEFAULT_CONFIG, JOURNAL_NAME, KEY_NAME, advise, change_config, load_config
from edge.export import ExportError
from edge.journal import read_configuration
from edge.keys import Keyring, enrolment_key, ensure_signing_key, load_hub_key
from edge.service import EXIT_WRONG_INPUT, WRONG_INPUT, serve
from edge.uplink import build_tls
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from edge.config import AgentConfig

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(custody.app)
app.add_typer(profiles.app)
app.add_typer(status.app)


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
    """Check a configuration and the files it names, without touching a bus, and say what it means.

    What the hub changed by command is part of it.
    """
    file = load_config(config)
    in_force = read_configuration(file.journal_path)
    agent = change_config(file, in_force.changes)
    _check_files(agent)
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
                | spell_configuration(in_force)
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
    show_configuration(in_force)
    for sentence in advise(agent.buses):
        typer.echo(f"Better: {sentence}.")


def _check_files(agent: AgentConfig) -> None:
    """Refuse keys and certificates that the agent could not work with; raises KeyFileError and UplinkError."""
    load_hub_key(agent.hub_key)
    if agent.command_key is not None:
        load_hub_key(agent.command_key, "meter-hub key --command")
    if agent.uplink.tls:
        build_tls(agent.uplink)


@app.command()
def run(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Run the agent until SIGTERM or Ctrl-C; what is open is sealed and offered before it ends."""
    serve(config)


def main() -> None:
    """Run the command line; wrong input ends with one sentence and exit code 2."""
    try:
        app()
    except (*WRONG_INPUT, ExportError) as error:
        typer.echo(f"meter-edge: {error}", err=True)
        sys.exit(EXIT_WRONG_INPUT)
