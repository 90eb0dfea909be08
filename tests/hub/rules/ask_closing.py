"""Cases of closing a month: what may be done with it when, and what it is then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.rules.closing import RunKind, is_binding, month_state, refuse_run, seal_content, seal_run
from hub.rules.instants import parse_instant
from hub.rules.periods import parse_month
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping


@asks("closing")
def ask_run(given: Mapping[str, Any]) -> dict[str, object]:
    """Return what the month is before the run, and whether the run is made or why not."""
    state = month_state([RunKind(kind) for kind in given["runs"]])
    refusal = refuse_run(
        RunKind(given["run"]),
        state,
        parse_month(given["month"]),
        parse_instant(given["closes"]),
        parse_instant(given["now"]),
    )
    return {"state": state.value, "binding": is_binding(state), **({"refused": refusal} if refusal else {})}


@asks("seal")
def ask_seal(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the hash over a system's month, and over a run that found nothing else."""
    sealed = seal_content(given["content"])
    return {"sha256": sealed, "run": seal_run([sealed])}
