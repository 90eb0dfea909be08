"""`meter-hub doctor`: what an operator should mend, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hub.cli.certificate_options import WatchCertificate, WatchRevocations
from hub.cli.forward_options import PtsCredentials
from hub.cli.mail_options import Credentials
from hub.cli.metrics_options import MetricsToken
from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, console_width, plain, print_json
from hub.clock import now_ms
from hub.config import parse_broker, parse_certificates
from hub.models.health import DoctorJson, FindingJson
from hub.rules.instants import format_instant
from hub.services.checks import Standing
from hub.services.examine_hub import Examination, examine_hub

EXIT_BAD = 1
_STYLES = {Standing.OK: "green", Standing.WARN: "yellow", Standing.BAD: "bold red"}

app = typer.Typer()


@app.command()
def doctor(
    broker: Annotated[str, typer.Option(help="The broker that `serve` hears, or `none`.")] = "mqtt://127.0.0.1:1883",
    smtp_credentials: Credentials = None,
    pts_credentials: PtsCredentials = None,
    metrics_token_file: MetricsToken = None,
    watch_certificate: WatchCertificate = None,
    watch_crl: WatchRevocations = None,
    data: Data = DEFAULT_DATA,
    *,
    read_back: Annotated[bool, typer.Option("--read-back", help="Read all of the last backup again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at the hub from outside, changing nothing; exit code 1 if anything is bad."""
    now = now_ms()
    checks = examine_hub(
        Examination(
            folder=data.absolute(),
            now=now,
            broker=None if broker == "none" else parse_broker(broker),
            credentials=_given(smtp_credentials, pts_credentials),
            tokens=_given(metrics_token_file),
            certificates=parse_certificates(watch_certificate or ()),
            crl=watch_crl,
            read_back=read_back,
        )
    )
    is_healthy = all(check.standing is not Standing.BAD for check in checks)
    if as_json:
        found = [FindingJson(name=one.name, standing=one.standing.value, text=one.text) for one in checks]
        print_json(DoctorJson(at=format_instant(now), healthy=is_healthy, checks=found))
    else:
        table = Table(box=None, pad_edge=False, show_header=False)
        for check in checks:
            cell = Text(plain(check.text))
            table.add_row(Text(check.standing.value, _STYLES[check.standing]), Text(check.name), cell)
        Console(width=console_width()).print(table)
    if not is_healthy:
        raise typer.Exit(EXIT_BAD)


def _given(*paths: Path | None) -> tuple[Path, ...]:
    return tuple(path for path in paths if path is not None)
