"""Tell the audit log what changes in what is known: only what differs, as plain values."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from hub.rules.facts import MeterFacts, Programme, SystemFacts

F = TypeVar("F", "SystemFacts", "MeterFacts", "Programme")
Told = dict[str, object]


def tell_changes(before: F | None, after: F) -> tuple[Told | None, Told]:
    """Return what was known and what is known now, of each only what differs; without a before, all that is known.

    Values have the units of their namesakes in `hub.rules.facts`; days are YYYY-MM-DD.
    """
    new = _plain(after)
    if before is None:
        return None, {name: value for name, value in new.items() if value not in {None, ""}}
    old = _plain(before)
    names = [name for name in new if new[name] != old[name]]
    return {name: old[name] for name in names}, {name: new[name] for name in names}


def _plain(facts: SystemFacts | MeterFacts | Programme) -> Told:
    values = {field.name: getattr(facts, field.name) for field in fields(facts) if field.compare}
    return {name: str(value) if isinstance(value, date) else value for name, value in values.items()}
