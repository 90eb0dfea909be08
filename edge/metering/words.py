"""Spans of words: how requests are built from the values wanted, and how replies are looked into."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge.metering.profile import IdentityCheck, MeterProfile, Point


@dataclass(frozen=True, slots=True, order=True)
class Extent:
    """Some words that belong together: the function code that reads them, first address (absolute), and how many."""

    function_code: int
    address: int
    count: int

    @property
    def end(self) -> int:
        """The address after the last word."""
        return self.address + self.count


@dataclass(frozen=True, slots=True)
class Span:
    """One request: a contiguous range of words read with one function code (3 holding, 4 input)."""

    function_code: int
    address: int
    count: int


@dataclass(frozen=True, slots=True)
class WordImage:
    """What some spans gave: `replies[i]` are the words of `spans[i]`, in address order."""

    spans: tuple[Span, ...]
    replies: tuple[tuple[int, ...], ...]

    def covers(self, extent: Extent) -> bool:
        """Return whether one of the spans covers an extent."""
        return any(
            span.function_code == extent.function_code
            and span.address <= extent.address
            and extent.end <= span.address + span.count
            for span in self.spans
        )

    def words(self, extent: Extent) -> tuple[int, ...]:
        """Return the words of an extent that one of the spans covers."""
        for span, reply in zip(self.spans, self.replies, strict=True):
            offset = extent.address - span.address
            if span.function_code == extent.function_code and offset >= 0 and offset + extent.count <= span.count:
                return reply[offset : offset + extent.count]
        message = f"no span covers words {extent.address} to {extent.end - 1}"
        raise AssertionError(message)


Word = tuple[int, int]
"""One word of a meter: function code and absolute address. What 3 and 4 read at one address need not be the same."""
Location = dict[int, int]
"""Where the SunSpec models of a meter begin: model number to the absolute address of its id word."""


def place(part: Point | IdentityCheck, location: Mapping[int, int]) -> Extent:
    """Return where a point or check is in a meter whose SunSpec models are at `location`."""
    return Extent(part.function_code, _base(part, location) + part.address, part.words)


def place_scale(point: Point, location: Mapping[int, int]) -> Extent | None:
    """Return where the scale word of a point is, None if it has none."""
    if point.scale_source is None:
        return None
    return Extent(point.function_code, _base(point, location) + point.scale_source.address, 1)


def _base(part: Point | IdentityCheck, location: Mapping[int, int]) -> int:
    return 0 if part.relative_to is None else location[part.relative_to]


def all_parts(profile: MeterProfile) -> tuple[Point | IdentityCheck, ...]:
    """Return everything of a profile that has an address."""
    return (*profile.points, *profile.identity)


def listed_words(profile: MeterProfile, location: Mapping[int, int]) -> frozenset[Word]:
    """Return all words that the profile knows, found at `location`."""
    extents = [place(part, location) for part in all_parts(profile)]
    extents += [scale for point in profile.points if (scale := place_scale(point, location)) is not None]
    return frozenset(
        (extent.function_code, address) for extent in extents for address in range(extent.address, extent.end)
    )


def unmerged(profile: MeterProfile, location: Mapping[int, int]) -> MeterProfile:
    """Return the profile for a meter that refuses joined requests: each point or check is one request of its own."""
    addresses = {address for _, address in listed_words(profile, location)}
    return replace(profile, barriers=tuple(sorted(addresses)))


def coalesce(extents: Iterable[Extent], profile: MeterProfile, listed: frozenset[Word]) -> tuple[Span, ...]:
    """Return the fewest requests, by function code and address, that read all extents whole and keep the limits.

    A request has one function code, is at most `words_max` long, covers at most `gap_words_max` words in a row that are
    not `listed`, and crosses no barrier. On a serial line a request costs far more than a word, so joining always pays.
    """
    joined: list[Extent] = []
    for extent in sorted(set(extents)):
        if joined and (both := _join(joined[-1], extent, profile, listed)) is not None:
            joined[-1] = both
        else:
            joined.append(extent)
    return tuple(Span(extent.function_code, extent.address, extent.count) for extent in joined)


def _join(first: Extent, second: Extent, profile: MeterProfile, listed: frozenset[Word]) -> Extent | None:
    """Return the extent over both, None if it would break a limit. `second` begins at or after `first`."""
    if first.function_code != second.function_code:
        return None
    both = Extent(first.function_code, first.address, max(first.end, second.end) - first.address)
    if both.count > profile.words_max:
        return None
    if any(both.address < barrier < both.end for barrier in profile.barriers):
        return None
    gap = 0
    for address in range(first.end, second.address):
        gap = 0 if (first.function_code, address) in listed else gap + 1
        if gap > profile.gap_words_max:
            return None
    return both
