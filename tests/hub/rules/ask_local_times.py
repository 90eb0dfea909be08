"""Cases of times as people write them, off a clock in Massachusetts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.errors import InputError
from hub.rules.instants import format_instant
from hub.rules.local_times import format_local, parse_local
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping


@asks("local-times")
def ask_instant(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the instant that is meant and how it is shown again, or why it cannot be told."""
    try:
        at = parse_local(given["written"])
    except InputError as error:
        return {"refused": str(error)}
    return {"instant": format_instant(at), "shown": format_local(at)}
