"""Turns a run of polls into the frames of a block: readings in columns per meter, failures as counted spans."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from protocol.messages import PollErrors, Readings, TimeQuality
from protocol.records import STATUS_GOOD, STATUS_LATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from protocol.identity import DescriptorId

HALF_WIDTH_MS_MAX = 1000


@dataclass(frozen=True, slots=True)
class OpenPoll:
    """A journaled poll: `counts` by register id under `descriptor`, or the `cause` of its failure.

    `status` are the bits that the judgement gave it; that it is late is found here.
    """

    meter: int
    read_at: int
    boottime_ms: int
    half_width_ms: int
    quality: TimeQuality
    descriptor: DescriptorId | None
    counts: Mapping[int, int] | None
    cause: str | None
    status: int = STATUS_GOOD

    @property
    def stated_status(self) -> int:
        """All that is to be said of the reading."""
        return self.status | (STATUS_LATE if self.half_width_ms > HALF_WIDTH_MS_MAX else STATUS_GOOD)


def pack_polls(polls: Sequence[OpenPoll]) -> tuple[Readings | PollErrors, ...]:
    """Return the frames that carry these polls, meter by meter, each meter's in the order taken.

    Consecutive good polls under one descriptor share a frame; consecutive failures become one frame that counts them by
    cause over the span they cover. Nothing is dropped: the records of the frames are as many as good polls plus runs
    of failures.
    """
    frames: list[Readings | PollErrors] = []
    for _, of_meter in groupby(sorted(polls, key=lambda poll: poll.meter), key=lambda poll: poll.meter):
        for _, run in groupby(of_meter, key=_alike):
            frames.append(_pack_run(tuple(run)))
    return tuple(frames)


def _alike(poll: OpenPoll) -> tuple[DescriptorId | None, tuple[int, ...]]:
    return poll.descriptor, tuple(poll.counts or ())


def _pack_run(run: tuple[OpenPoll, ...]) -> Readings | PollErrors:
    first = run[0]
    if first.descriptor is None or first.counts is None:
        return PollErrors(
            meter=first.meter,
            from_at=min(poll.read_at for poll in run),
            to_at=max(poll.read_at for poll in run),
            counts=_tally(poll.cause for poll in run if poll.cause is not None),
        )
    counts = [poll.counts for poll in run if poll.counts is not None]
    return Readings(
        meter=first.meter,
        descriptor=first.descriptor,
        read_at=tuple(poll.read_at for poll in run),
        offset_ms=tuple(poll.read_at - poll.boottime_ms for poll in run),
        quality=tuple(poll.quality for poll in run),
        registers={register: tuple(row[register] for row in counts) for register in first.counts},
        status=tuple(poll.stated_status for poll in run),
    )


def _tally(causes: Iterable[str]) -> dict[str, int]:
    tally: dict[str, int] = {}
    for cause in causes:
        tally[cause] = tally.get(cause, 0) + 1
    return tally
