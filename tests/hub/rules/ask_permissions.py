"""Cases of permissions: what each role may, on systems that it is related to and on others'; and who decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.rules.instants import parse_instant
from hub.rules.permissions import (
    Action,
    Actor,
    Relation,
    Role,
    Subject,
    allow,
    explain_refusal,
    may_decide,
    reach,
)
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping

MINE, OTHERS = "SLF-AB1234-00001", "SLF-AB1234-00002"


@asks("permissions")
def ask_role(given: Mapping[str, Any]) -> dict[str, object]:
    """Return all that a role may on a system that its relation names, on another one, and after the relation ended."""
    relation = Relation("ann", Role(given["role"]), MINE, 100, 200)
    actor = Actor("ann", (relation,))

    def allowed(system: str, at: int) -> list[str]:
        return sorted(action.value for action in Action if allow(actor, action, Subject(system), at))

    return {
        "own": allowed(MINE, 100),
        "others": allowed(OTHERS, 100),
        "before": allowed(MINE, 99),
        "after": allowed(MINE, 200),
    }


@asks("refusals")
def ask_refusal(given: Mapping[str, Any]) -> dict[str, object]:
    """Return whether somebody may, and the sentence if not."""
    relations = _relations(given)
    subject = Subject(given.get("system"), given.get("automatic", False), given.get("asked_of", ""))
    said = explain_refusal(Actor("ann", relations), Action(given["action"]), subject, parse_instant(given["at"]))
    return {"refused": said} if said else {"allowed": True}


@asks("reach")
def ask_reach(given: Mapping[str, Any]) -> dict[str, object]:
    """Return of which systems somebody may do something."""
    found = reach(Actor("ann", _relations(given)), Action(given["action"]), parse_instant(given["at"]))
    return {"systems": "all" if found is None else sorted(found)}


def _relations(given: Mapping[str, Any]) -> tuple[Relation, ...]:
    return tuple(
        Relation(
            "ann",
            Role(one["role"]),
            one.get("system"),
            parse_instant(one["from"]),
            parse_instant(one["until"]) if "until" in one else None,
        )
        for one in given["relations"]
    )


@asks("four-eyes")
def ask_decision(given: Mapping[str, Any]) -> dict[str, object]:
    """Return whether somebody may decide."""
    return {"may": may_decide(given["asked_by"], given["decided_by"])}
