"""How a device was heard over a time: what changed, as spans one after another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from hub.fleet.axes import WORDS, Axis

if TYPE_CHECKING:
    from collections.abc import Sequence

UNWATCHED = ""
"""In place of a link: nobody looked, before the first look and while the device was decommissioned."""
PARTS_MAX = 60
"""What lasted shorter than such a part of the time that is drawn is put together with what beside it did."""
_WORST_FIRST = [*WORDS[Axis.LINK], UNWATCHED]


@dataclass(frozen=True, slots=True)
class LinkChange:
    """A device that was heard so (`was`) is heard otherwise (`link`) since `at` (UTC ms)."""

    at: int
    was: str
    link: str


@dataclass(frozen=True, slots=True)
class LinkSpan:
    """How a device was heard from an instant up to another (UTC ms); `changes` counts what was put together in it."""

    link: str
    from_at: int
    until_at: int
    changes: int = 0


def link_spans(changes: Sequence[LinkChange], link: str, from_at: int, until_at: int) -> tuple[LinkSpan, ...]:
    """Return how a device was heard from `from_at` up to `until_at`, given what changed in between, in order of time.

    `link` is how it was heard all the time if nothing did. Where nobody looked before the first change, the spans begin
    with that. Of short ones in a row the worst is said, so that there are never more than can be drawn.
    """
    before = changes[0].was if changes else link
    edges = [(from_at, before), *((one.at, one.link) for one in changes), (until_at, "")]
    spans = [LinkSpan(said, began, ended) for (began, said), (ended, _) in pairwise(edges) if ended > began]
    if spans and spans[0].link == UNWATCHED:
        del spans[0]
    return _put_together(spans, (until_at - from_at) // PARTS_MAX)


def _put_together(spans: Sequence[LinkSpan], least_ms: int) -> tuple[LinkSpan, ...]:
    together: list[LinkSpan] = []
    for span in spans:
        last = together[-1] if together else None
        if last is not None and _is_short(span, least_ms) and _is_short(last, least_ms):
            worst = min(last.link, span.link, key=_WORST_FIRST.index)
            together[-1] = LinkSpan(worst, last.from_at, span.until_at, last.changes + 1)
        else:
            together.append(span)
    return tuple(together)


def _is_short(span: LinkSpan, least_ms: int) -> bool:
    return span.until_at - span.from_at < least_ms
