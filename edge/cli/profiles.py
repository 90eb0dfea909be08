"""The meter models this agent knows: `meter-edge profiles`, all of them in a line each, or one in every detail."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from edge.cli.terminal import AsJson, narrow_table
from edge.metering.errors import ProfileError
from edge.profiles import load_profile, profile_ids

if TYPE_CHECKING:
    from edge.metering.profile import MeterProfile, Point

app = typer.Typer()

MODELS_WIDTH_MIN = 12
_POINTS = ("point", "is", "address", "fn", "type", "one count", "wraps at", "can be")


@app.command()
def profiles(
    profile_id: Annotated[str | None, typer.Argument(metavar="ID", help="Show this one with all its points.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the meter models this agent knows, with how sure their maps are; or show one."""
    try:
        known = [load_profile(known_id) for known_id in ([profile_id] if profile_id else profile_ids())]
    except ProfileError as error:
        raise typer.BadParameter(str(error)) from error
    if as_json:
        described = [to_json(profile) for profile in known]
        typer.echo(json.dumps(described[0] if profile_id else described))
    elif profile_id:
        _show(known[0])
    else:
        _list(known)


def known_by(profile: MeterProfile) -> str:
    """Return what tells a meter of this model from others, in a few words."""
    ways = ["its words"] if profile.identity else []
    ways += [f"function {question.function}" for question in profile.questions]
    ways += ["its label only"] if profile.is_label_only else []
    return ", ".join(ways)


def to_json(profile: MeterProfile) -> dict[str, object]:
    """Return all of a profile that an installer's tool needs to offer it and to name its registers."""
    return {
        "id": profile.id,
        "vendor": profile.vendor,
        "models": list(profile.models),
        "confidence": profile.confidence,
        "accuracy_claim": profile.accuracy_claim,
        "modes": list(profile.modes),
        "known_by": known_by(profile),
        "tells_serial": profile.tells_serial,
        "energy": [_energy_json(point) for point in profile.energy_points],
        "sources": list(profile.sources),
    }


def _energy_json(point: Point) -> dict[str, object]:
    return {
        "name": point.name,
        "direction": point.direction,
        "unit": point.unit,
        "scale": str(point.scale),
        "scale_source": point.scale_source.kind if point.scale_source else None,
        "type": point.type,
        "monotonic": point.monotonic,
        "resettable": point.resettable,
    }


def _list(known: list[MeterProfile]) -> None:
    """Show a line for each, whatever the width: models that do not fit are in `meter-edge profiles ID`."""
    rows = [
        (profile.id, profile.confidence, str(len(profile.energy_points)), ", ".join(profile.modes)) for profile in known
    ]
    heads = ("profile", "confidence", "energies", "transports")
    used = sum(max(map(len, column)) + 1 for column in zip(heads, *rows, strict=True))
    console = Console()
    room = max(console.width - used - 1, MODELS_WIDTH_MIN)
    table = Table(*heads, "models", box=None, padding=(0, 1, 0, 0))
    for profile, row in zip(known, rows, strict=True):
        models = ", ".join(profile.models)
        table.add_row(*row, models if len(models) <= room else f"{models[: room - 1]}…")
    console.print(table)
    typer.echo(f"{len(known)} profiles; `meter-edge profiles ID` shows one with all its points and sources.")


def _show(profile: MeterProfile) -> None:
    typer.echo(f"{profile.id}, revision {profile.revision}: {profile.vendor} {', '.join(profile.models)}")
    typer.echo(f"confidence {profile.confidence}; the maker claims: {profile.accuracy_claim}")
    serial = "serial number on the wire" if profile.tells_serial else "serial number on the label only"
    typer.echo(f"{', '.join(profile.modes)}; known by {known_by(profile)}; {serial}")
    for source in profile.sources:
        typer.echo(f"source: {source}")
    rows = [
        (
            *(point.name, f"{point.quantity} {point.role or point.direction.replace('none', '')}".replace("_", " ")),
            *(_address(point), str(point.function_code), point.type, _one_count(point)),
            *(_wraps_at(point), "cleared" if point.resettable else ""),
        )
        for point in profile.points
    ]
    Console().print(narrow_table(_POINTS, rows, folding=("is", "address", "one count")))


def _address(point: Point) -> str:
    model = f"model {point.relative_to} + " if point.relative_to is not None else ""
    return f"{model}{point.address}"


def _one_count(point: Point) -> str:
    if not point.unit:
        return ""
    scaled = f" x {point.scale_source.kind} at {point.scale_source.address}" if point.scale_source else ""
    return f"{point.scale} {point.unit}{scaled}"


def _wraps_at(point: Point) -> str:
    """Return where the register begins again, as a power where it is one of two or ten."""
    if not point.modulus:
        return ""
    for base in (2, 10):
        exponent = round(math.log(point.modulus, base))
        if base**exponent == point.modulus:
            return f"{base}^{exponent}"
    return str(point.modulus)
