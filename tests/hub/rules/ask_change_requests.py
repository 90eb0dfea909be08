"""Cases of change requests: what may be asked for, how far a request has come, and what it replaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.rules.change_requests import (
    ChangeStep,
    ChangeTerms,
    ChangeWish,
    action_to_request,
    advance,
    begin_state,
    counts_from,
    gives_rec_rights,
    is_in_progress,
    list_replaced,
    refuse_second_reporter,
    refuse_wish,
    state_at,
)
from hub.rules.facts import Technology
from hub.rules.instants import format_instant, parse_instant
from hub.rules.periods import date_at
from hub.rules.permissions import Relation, Role
from hub.rules.windows import refuse_manual
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM = "SLF-AB1234-00001"


@asks("change-wishes")
def ask_wish(given: Mapping[str, Any]) -> dict[str, object]:
    """Return what somebody must be allowed to do to ask for this, and in which state it begins or why it is refused."""
    wish = _wish(given)
    action = action_to_request(wish.role)
    manual = None
    if "kw_dc" in given:
        manual = refuse_manual(Technology.PV, given["kw_dc"] * 1000, None, date_at(wish.wanted_at))
    terms = ChangeTerms(
        manual=manual,
        is_srec=given.get("srec", False),
        is_approved_provider=given.get("approved_provider", False),
        is_by_staff=given.get("by_staff", False),
        relations=_relations(given),
    )
    refused = refuse_wish(wish, terms)
    if refused is not None:
        return {"refused": refused}
    assert action is not None, "what is not refused can be allowed"
    return {"takes": action.value, "state": begin_state(wish).value}


@asks("change-steps")
def ask_steps(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the state after some steps and an hour, whether others wait, and which steps can be taken then."""
    wish = _wish(given)
    steps = [ChangeStep(one) for one in given["steps"]]
    at = parse_instant(given["at"])
    since = counts_from(wish, parse_instant(given["approved"])) if "approved" in given else None
    state = state_at(wish, steps, since, at)
    answer: dict[str, object] = {
        "state": state.value,
        "in_progress": is_in_progress(state),
        "next": sorted(step.value for step in ChangeStep if advance(state, step) is not None),
    }
    return answer if since is None else {**answer, "counts_from": format_instant(since)}


@asks("change-replaces")
def ask_replaced(given: Mapping[str, Any]) -> dict[str, object]:
    """Return whose relation ends when a request counts."""
    wish = _wish(given)
    return {"ends": [f"{one.account} {one.role}" for one in list_replaced(_relations(given), wish, wish.wanted_at)]}


@asks("new-relations")
def ask_relation(given: Mapping[str, Any]) -> dict[str, object]:
    """Return what making somebody something brings with it, or why it cannot be."""
    new = Relation("new", Role(given["role"]), given.get("system", SYSTEM) or None, parse_instant(given["at"]))
    refused = refuse_second_reporter(new, _relations(given))
    return {"refused": refused} if refused else {"rec_owner_too": gives_rec_rights(new, _relations(given))}


def _wish(given: Mapping[str, Any]) -> ChangeWish:
    return ChangeWish(
        system=SYSTEM,
        role=Role(given["role"]),
        wanted_at=parse_instant(given["wanted"]),
        account=given.get("account", ""),
        contact_name=given.get("name", ""),
        contact_email=given.get("email", ""),
        evidence=given.get("evidence", ""),
    )


def _relations(given: Mapping[str, Any]) -> tuple[Relation, ...]:
    return tuple(
        Relation(
            one["account"],
            Role(one["role"]),
            one.get("system", SYSTEM),
            parse_instant(one["from"]),
            parse_instant(one["until"]) if "until" in one else None,
        )
        for one in given.get("relations", ())
    )
