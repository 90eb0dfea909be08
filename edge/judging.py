"""What the agent remembers of its meters from cycle to cycle, and how a cycle's polls are judged by it.

A memory moves on only when the journal has taken the cycle: one that is tried again is judged as if for the first time.
What a driver told with a poll it tells once, so that is handed on until a cycle with it was taken.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from edge.metering.judge import MeterTerms, judge
from edge.metering.read_plan import energy_point

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge.metering.memory import MeterMemory
    from edge.metering.outcome import PollOutcome
    from edge.metering.profile import MeterProfile
    from edge.settings import MeterSettings
    from protocol.identity import BootId
    from protocol.messages import MeterEvent


def terms_of(settings: MeterSettings, profile: MeterProfile) -> MeterTerms:
    """Return what is known beforehand of a meter that is read by a profile.

    Its power can pass unseen by a single register, unless that one counts both directions too.
    """
    names = [name for name in (settings.generated, settings.consumed) if name is not None]
    points = [energy_point(profile, name) for name in names]
    return MeterTerms(
        power_w_max=None if settings.power_w_max is None else Fraction(settings.power_w_max),
        save_interval_ms=profile.save_interval_seconds * 1000,
        falling=frozenset(number for number, point in enumerate(points) if not point.monotonic),
        is_partial=len(points) == 1 and points[0].direction not in ("net", "total"),
    )


class Judging:
    """The memories of all meters as the journal has them. `boot` is the boot in which the readings are taken."""

    def __init__(self, terms: Mapping[int, MeterTerms], boot: BootId, memories: Mapping[int, MeterMemory]) -> None:
        self._terms = terms
        self._boot = boot
        self._memories = dict(memories)
        self._untaken: dict[int, tuple[MeterEvent, ...]] = {}

    def begin(self) -> JudgedCycle:
        """Return a cycle to judge; it changes no memory here before `keep`."""
        return JudgedCycle(self._terms, self._boot, self._memories, self._untaken)

    def keep(self, cycle: JudgedCycle) -> None:
        """Remember what a cycle showed, now that the journal has taken it."""
        self._memories |= cycle.changed
        for meter in cycle.meters:
            self._untaken.pop(meter, None)


class JudgedCycle:
    """The polls of one cycle. `changed` is what to remember after it, `doubted` the meters to be read again at once.

    `untaken` is what drivers told of each meter and no journaled cycle holds yet; what they tell now is added to it.
    """

    def __init__(
        self,
        terms: Mapping[int, MeterTerms],
        boot: BootId,
        memories: Mapping[int, MeterMemory],
        untaken: dict[int, tuple[MeterEvent, ...]],
    ) -> None:
        self.changed: dict[int, MeterMemory] = {}
        self.doubted: list[int] = []
        self.meters: set[int] = set()
        self._untaken = untaken
        self._terms = terms
        self._boot = boot
        self._memories = dict(memories)

    def judge(self, outcomes: Sequence[PollOutcome]) -> tuple[PollOutcome, ...]:
        """Return polls as they are to be journaled, in the order given."""
        return tuple(self._judge(self._with_untaken(outcome)) for outcome in outcomes)

    def _with_untaken(self, outcome: PollOutcome) -> PollOutcome:
        """Return a poll with what was told of its meter before, the first time that the meter is judged here."""
        untaken = self._untaken.get(outcome.meter, ())
        if outcome.events:
            self._untaken[outcome.meter] = (*untaken, *outcome.events)
        is_first = outcome.meter not in self.meters
        self.meters.add(outcome.meter)
        return replace(outcome, events=(*untaken, *outcome.events)) if is_first and untaken else outcome

    def _judge(self, outcome: PollOutcome) -> PollOutcome:
        meter = outcome.meter
        known = self.changed.get(meter, self._memories.get(meter))
        judgement = judge(known, outcome, self._terms.get(meter, MeterTerms()), self._boot)
        if judgement.outcome.memory is not None:
            self.changed[meter] = judgement.outcome.memory
        if judgement.wants_reread:
            self.doubted.append(meter)
        return judgement.outcome
