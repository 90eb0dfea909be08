"""What was typed into a form whose session had ended: carried through signing in, and sent again by who typed it.

The hub keeps none of it: it goes to the browser and comes back with the sign-in form. Passwords and files do not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from fastapi import Request

KEPT_MAX = 64_000
"""How many characters are carried at most; beyond, only the way back to the form is."""
_NEVER = frozenset({"password", "new", "again", "code"})
"""Fields that hold what one signs in with."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """A form that waits to be sent: to where, and its fields by name."""

    action: str
    fields: tuple[tuple[str, str], ...]


async def keep_typed(request: Request) -> str:
    """Return what was typed into the form that came, as text that a hidden field carries; empty for too much."""
    fields = [
        (name, value)
        for name, value in (await request.form()).multi_items()
        if isinstance(value, str) and name not in _NEVER
    ]
    kept = json.dumps({"action": request.url.path, "fields": fields}, ensure_ascii=False)
    return kept if len(kept) <= KEPT_MAX else ""


def read_kept(kept: str) -> Resumed | None:
    """Return the form that a hidden field carried, None where it carried none."""
    try:
        told = json.loads(kept)
        return Resumed(inside(told["action"]), tuple((str(name), str(value)) for name, value in told["fields"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def form_of(request: Request) -> str:
    """Return the address of the form that a request was sent from, as the browser tells; else the first page's."""
    told = urlsplit(request.headers.get("referer", ""))
    if told.netloc != request.url.netloc:
        return "/"
    return inside(told.path + (f"?{told.query}" if told.query else ""))


def inside(path: str) -> str:
    """Return a path of this hub; anything else, which could lead elsewhere, becomes the first page."""
    is_path = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_path else "/"
