"""What stands around a page: the ways to the others, those that the viewer may take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.rules.permissions import Action, Role, Subject, allow, reach

if TYPE_CHECKING:
    from hub.rules.permissions import Actor


@dataclass(frozen=True, slots=True)
class Link:
    """A way to a page; `action` is what one must be allowed, of the whole hub or with `is_any` of one system at least.

    Without an action everybody may.
    """

    path: str
    words: str
    action: Action | None = None
    is_any: bool = False


FLEET = Link("/", "Fleet", Action.VIEW_PRODUCTION)
"""The way of who sees all systems."""

SYSTEMS = Link("/systems", "Systems")
"""The way of whoever is something else to single systems."""

LINKS = (
    Link("/board", "Window", Action.VIEW_PRODUCTION),
    FLEET,
    Link("/alerts", "Alerts", Action.VIEW_PRODUCTION),
    Link("/devices", "Devices", Action.VIEW_PRODUCTION),
    SYSTEMS,
    Link("/reviews", "Reviews", Action.APPROVE_CORRECTION),
    Link("/changes", "Changes"),
    Link("/exchanges", "Exchanges", Action.APPROVE_EXCHANGE),
    Link("/months", "Months", Action.VIEW_PRODUCTION),
    Link("/exports", "Exports", Action.VIEW_PRODUCTION),
    Link("/missing", "Missing", Action.VIEW_MISSING, is_any=True),
    Link("/onboarding", "Onboarding", Action.REGISTER_SYSTEM),
    Link("/hub", "Hub", Action.VIEW_PRODUCTION),
    Link("/users", "Users", Action.MANAGE_ACCOUNTS),
    Link("/audit", "Audit log", Action.READ_AUDIT_LOG),
    Link("/certificates", "Certificates", Action.VIEW_PRODUCTION, is_any=True),
    Link("/account", "Account"),
)
"""Every page that a way leads to from everywhere, those used most first."""


OWN = Link("/mine", "My systems")
"""The way of who is nothing but an owner."""

JOBS = Link("/jobs", "Jobs")
"""The way of who installs meters at some systems."""

SHOWN_MAX = 6
"""A head with more ways than that shows the first, and the others behind one word."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What is drawn around a page: the ways on, those used most first, and `beside` it what can be done there."""

    links: tuple[Link, ...] = ()
    beside: tuple[Link, ...] = ()

    def leads_to(self, path: str) -> bool:
        """Return whether one of the ways leads there."""
        return any(link.path == path for link in self.links)

    @property
    def home(self) -> Link:
        """The way to where systems are listed for the viewer: all of them, one's own, or those that one may see."""
        return next((link for link in self.links if link.path in {FLEET.path, OWN.path}), SYSTEMS)

    @property
    def shown(self) -> tuple[Link, ...]:
        """The ways that always stand there."""
        return self.links[:SHOWN_MAX]

    @property
    def more(self) -> tuple[Link, ...]:
        """The ways that one opens first."""
        return self.links[SHOWN_MAX:]


BARE = Frame()
"""Around a page that is shown to somebody whom the hub does not know yet."""


def frame_for(viewer: Actor, now: int) -> Frame:
    """Return what stands around the pages that somebody sees at `now` (UTC ms); what is theirs comes first."""
    links = tuple(link for link in LINKS if _may_take(viewer, link, now))
    first = tuple(link for link, is_theirs in ((OWN, is_owner_only), (JOBS, has_jobs)) if is_theirs(viewer, now))
    return Frame((*first, *links))


_OF_SYSTEM = (
    ("facts/new", "Change what is known", Action.REGISTER_SYSTEM),
    ("programmes/new", "Set the programme", Action.REGISTER_SYSTEM),
    ("meters/new", "Register a meter", Action.REGISTER_SYSTEM),
    ("exchanges/new", "Tell of a meter exchange", Action.REQUEST_EXCHANGE),
    ("report", "Enter a reading", Action.ENTER_PRODUCTION),
)


def frame_beside(viewer: Actor, pts_id: str, now: int) -> Frame:
    """Return the frame of a system's page, with what the viewer may do with that system at `now` (UTC ms)."""
    beside = tuple(
        Link(f"/systems/{pts_id}/{path}", words)
        for path, words, action in _OF_SYSTEM
        if allow(viewer, action, Subject(pts_id), now)
    )
    return replace(frame_for(viewer, now), beside=beside)


def _may_take(viewer: Actor, link: Link, now: int) -> bool:
    if link.action is None:
        return True
    if allow(viewer, link.action, Subject(), now):
        return True
    return link.is_any and bool(reach(viewer, link.action, now))


def has_jobs(viewer: Actor, now: int) -> bool:
    """Return whether somebody is installer of some systems at `now` (UTC ms), and not of all."""
    return bool(reach(viewer, Action.REQUEST_EXCHANGE, now))


def is_owner_only(viewer: Actor, now: int) -> bool:
    """Return whether all that somebody is at `now` (UTC ms) is owner of systems, or of their certificates."""
    held = (one for one in viewer.relations if one.from_at <= now and (one.until_at is None or now < one.until_at))
    roles = {one.role for one in held}
    return bool(roles) and roles <= {Role.SYSTEM_OWNER, Role.REC_OWNER}
