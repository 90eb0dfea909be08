"""Which pages the hub has, and by which addresses each is asked for at a made hub: every page, none is forgotten.

A page that is not asked for stands in `REASONS`; one that stands nowhere is refused by `refuse_forgotten`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.routing import APIRoute

from benchmarks.asked_of_fleet import pages_of_fleet
from benchmarks.asked_of_people import pages_of_people
from hub.web.routers import ROUTERS

if TYPE_CHECKING:
    from collections.abc import Collection

    from benchmarks.asked import Marks, Pages

REASONS = {
    "/onboarding/meter": "It leads on to the form of a system, which is asked for by its own address.",
    "/sign-in/elsewhere": "It leads to another house.",
    "/account/elsewhere": "It leads to another house.",
    "/sign-in/elsewhere/back": "It takes another house's answer, and nothing else.",
}
"""Why a page is not asked for."""


def page_routes() -> tuple[APIRoute, ...]:
    """Return the routes by which the hub shows pages and gives files to people, in their order."""
    return tuple(
        route
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        and route.endpoint.__module__.startswith("hub.web.pages.")
        and "GET" in (route.methods or ())
    )


def pages_at(marks: Marks) -> Pages:
    """Return by their routes what is asked for of each page."""
    return pages_of_fleet(marks) | pages_of_people(marks)


def refuse_forgotten(routes: Collection[str], pages: Pages) -> str | None:
    """Return in a sentence which of the hub's pages nobody thought of here, or are gone; None where all is well."""
    known = {route for route, asked in pages.items() if asked} | REASONS.keys()
    forgotten, gone = sorted(set(routes) - known), sorted(known - set(routes))
    if forgotten:
        return f"nobody measures {', '.join(forgotten)}: give an address in benchmarks/, or a reason in `REASONS`"
    return f"the hub has no page any more at {', '.join(gone)}: take it out of benchmarks/" if gone else None
