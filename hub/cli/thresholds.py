"""`meter-hub alerts thresholds`: what the rules of alerts compare with, and since when."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.alerting.thresholds import Change, find_threshold
from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, actor, open_data, print_json, print_table
from hub.clock import now_ms
from hub.errors import InputError
from hub.formats import local_time
from hub.models import thresholds as models
from hub.rules.instants import parse_instant
from hub.services.read_thresholds import read_threshold, read_thresholds
from hub.services.set_threshold import set_threshold
from hub.store import thresholds

CHANGES_SHOWN = 100
Name = Annotated[str, typer.Argument(help="Name of the threshold, as `list` has it.")]

app = typer.Typer(no_args_is_help=True, help="What the rules compare with: list it, change it, see who changed it.")


@app.command("list")
def list_thresholds(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List every threshold with what holds, its default, and what is to come."""
    with open_data(data, create=False) as database, database.read() as connection:
        views = read_thresholds(connection, now_ms())
    if as_json:
        print_json(models.thresholds_json(views))
        return
    rows = [
        (
            *(one.threshold.name, one.threshold.words, one.threshold.say(one.value)),
            one.threshold.say(one.threshold.default),
            ", ".join(_coming(one.threshold.name, change) for change in one.coming),
        )
        for one in views
    ]
    print_table(("Threshold", "Means", "Holds", "Default", "To come"), rows)


@app.command("set")
def change(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit log.")],
    value: Annotated[int | None, typer.Argument(help="The value, in its unit.")] = None,
    from_at: Annotated[
        str, typer.Option("--from", help="When it begins, such as 2026-12-01T12:00:00Z; now if not.")
    ] = "",
    data: Data = DEFAULT_DATA,
    *,
    default: Annotated[bool, typer.Option("--default", help="Take it back to its default.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a threshold have another value, from now or a later instant on."""
    if (value is None) != default:
        message = f"say what {name:.60} is to be: a value, or --default"
        raise InputError(message)
    now = now_ms()
    wish = Change(name, value, parse_instant(from_at) if from_at else now)
    with open_data(data, create=False) as database:
        set_threshold(database, wish, actor=actor(), now=now, reason=reason)
        with database.read() as connection:
            view = read_threshold(connection, name, now)
    if as_json:
        print_json(models.threshold_json(view))
        return
    coming = "".join(f", {_coming(name, one)}" for one in view.coming)
    typer.echo(f"{name}: {view.threshold.say(view.value)}{coming}")


@app.command("log")
def log(name: Name, data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List what was said of a threshold, the last first."""
    threshold = find_threshold(name)
    with open_data(data, create=False) as database, database.read() as connection:
        said = thresholds.list_history(connection, name, CHANGES_SHOWN)
    if as_json:
        print_json(models.changes_json(said, None))
        return
    rows = [
        (
            *(local_time(one.change.from_at), _say(threshold.name, one.change.value)),
            *(local_time(one.recorded.at), one.recorded.actor, one.recorded.reason),
        )
        for one in said
    ]
    print_table(("From", "Value", "Said", "By", "Why"), rows)


def _coming(name: str, change: Change) -> str:
    return f"{_say(name, change.value)} from {local_time(change.from_at)}"


def _say(name: str, value: int | None) -> str:
    return "its default" if value is None else find_threshold(name).say(value)
