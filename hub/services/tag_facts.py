"""Tags of what is known: whoever changes it can say which state they saw, and is told if it is another by now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.errors import OutdatedError
from hub.store import exchanges, facts, meter_facts

if TYPE_CHECKING:
    from sqlalchemy import Connection

ANY = "*"


def tag_system(connection: Connection, pts_id: str) -> str:
    """Return the tag of a system's facts and programmes: rows are only ever added, so their number is their state."""
    said = len(facts.list_system_versions(connection, pts_id))
    programmes = len(facts.list_programme_versions(connection, pts_id))
    return f'"facts-{said}-{programmes}"'


def tag_meters(connection: Connection, pts_id: str) -> str:
    """Return the tag of what is known of a system's meters and their exchanges."""
    held = meter_facts.list_meter_facts(connection, [pts_id]).get(pts_id, ())
    said = sum(len(meter_facts.list_meter_versions(connection, one.meter)) for one in held)
    told = exchanges.list_exchanges(connection, pts_id)
    decided = sum(one.decision is not None for one in told)
    return f'"meters-{len(held)}-{said}-{len(told)}-{decided}"'


def check_tag(found: str, only_if: str) -> None:
    """Raise OutdatedError unless `only_if` is empty, `*`, or a list of tags with the one found among them."""
    wanted = [one.strip() for one in only_if.split(",")]
    if only_if and ANY not in wanted and found not in wanted:
        message = "somebody changed this since you looked: look at what holds now, and send the change again"
        raise OutdatedError(message)
