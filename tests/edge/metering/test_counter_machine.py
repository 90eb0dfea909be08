"""The counter decision against a true meter: what is accepted is what was generated, whatever happens to the meter."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from edge.metering.counter import (
    SIGHTINGS_TO_CONFIRM,
    CounterLimits,
    CounterMemory,
    CounterSighting,
    CounterVerdict,
    Decision,
    ReadingTime,
    SeenCount,
    decide,
)

MINUTE_MS = 60_000
DAY_MINUTES = 1440
MODULUS = 1_000_000
FAR = MODULUS // 4
"""Further than the site can generate in all the time that the machine lets pass."""
LIMITS = CounterLimits(
    quantum=Fraction(1),
    modulus=MODULUS,
    counts_per_ms_max=Fraction(5, 4 * MINUTE_MS),
    save_interval_ms=5 * MINUTE_MS,
)
ROLLBACK_MAX = 6
BREAKS = (Decision.RESET, Decision.CONFIRM, Decision.EXCHANGE, Decision.SCALE_CHANGE)
REBASES = (Decision.BEGIN, Decision.ACCEPT, Decision.ROLLOVER, *BREAKS)

reached: set[Decision] = set()


class CounterMachine(RuleBasedStateMachine):
    """One meter that generates at most a count a minute, and all that can befall it.

    `generated` is the truth, `shown` the register. What a break event leaves out, and what the meter forgot in a
    roll-back, is subtracted from the truth; the rest must have been gained, to the count.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shown = MODULUS - 100
        self.generated = 0
        self.generated_at: dict[int, int] = {}
        self.forgotten: list[tuple[int, int]] = []
        self.now = 0
        self.boot = 0
        self.serial = 1
        self.scale = 0
        self.is_trusted = True
        self.is_restarted = False
        self.faults = 0
        self.is_zero_doubted = False
        self.memory: CounterMemory | None = None
        self.verdict: CounterVerdict | None = None
        self.gained = Fraction(0)
        self.expected = 0
        self.begun_with = Fraction(0)
        self.stepped = Fraction(0)

    # What happens to the meter.

    @rule(minutes=st.one_of(st.integers(1, 30), st.integers(1, DAY_MINUTES)), share=st.integers(0, 4))
    def generate(self, minutes: int, share: int) -> None:
        """Let the sun shine, also over the end of the register, and read the meter."""
        self._generate(minutes, share)
        self.poll()

    @rule(cycles=st.integers(2, 6), share=st.integers(0, 4))
    def go_on(self, cycles: int, share: int) -> None:
        """Read the meter each quarter of an hour."""
        for _ in range(cycles):
            self.generate(15, share)

    @rule(minutes=st.integers(1, DAY_MINUTES), share=st.integers(0, 4))
    def leave_unread(self, minutes: int, share: int) -> None:
        """Leave a gap without a reading."""
        self._generate(minutes, share)

    @rule(counts=st.integers(1, ROLLBACK_MAX))
    def forget(self, counts: int) -> None:
        """Cut the meter's power: what it had not saved is gone."""
        counts = min(counts, self.shown)
        self.shown -= counts
        self.forgotten.append((self.now, counts))
        self.is_restarted = True

    @precondition(lambda self: self.is_settled)
    @rule(is_witnessed=st.booleans())
    def clear(self, *, is_witnessed: bool) -> None:
        """Set the register to zero, far from its end, with or without a witness."""
        if not FAR < self.shown < MODULUS - FAR:
            self.exchange(MODULUS // 2)
        self.shown = 0
        self.is_restarted = is_witnessed
        self.go_on(SIGHTINGS_TO_CONFIRM, 4)

    @precondition(lambda self: self.is_settled)
    @rule(counts=st.integers(FAR, MODULUS - FAR))
    def jump(self, counts: int) -> None:
        """Let the register stand somewhere else from now on."""
        self.shown = (self.shown + counts) % MODULUS

    @rule(shown=st.integers(0, MODULUS - 1))
    def exchange(self, shown: int) -> None:
        """Put in another meter."""
        self.serial += 1
        self.shown = shown
        self.poll()

    @rule()
    def change_scale(self) -> None:
        """Let a count mean something else."""
        self.scale += 1
        self.poll()

    # What happens to its readings.

    @precondition(lambda self: self.is_settled or 0 < self.faults < 2)
    @rule(wrong=st.one_of(st.just(0), st.just((1 << 32) - 1), st.integers(FAR, MODULUS - FAR)))
    def misread(self, wrong: int) -> None:
        """Show something else once or twice, then the register again."""
        is_pattern = wrong in {0, (1 << 32) - 1}
        faults = self.faults + 1
        self._generate(1, 0)
        self._look(wrong if is_pattern else (self.shown + wrong) % MODULUS)
        self.faults = faults
        self.is_zero_doubted |= wrong == 0
        assert self.verdict is not None
        assert self.verdict.decision in {Decision.DOUBT, Decision.HOLD, Decision.ACCEPT}
        assert not self.verdict.gained

    @precondition(lambda self: self.is_trusted)
    @rule()
    def reboot(self) -> None:
        """Start the agent's machine anew."""
        self.boot += 1

    @precondition(lambda self: self.is_settled)
    @rule(is_trusted=st.booleans())
    def lose_the_time(self, *, is_trusted: bool) -> None:
        """Start anew without knowing the time: a jump just then could not be told from growth."""
        self.boot += 1
        self.is_trusted = is_trusted

    @rule()
    def poll(self) -> None:
        """Read the meter as it is."""
        self.faults = 0
        self._look(self.shown)

    # What must hold.

    @invariant()
    def gains_are_what_was_generated(self) -> None:
        """Nothing is invented, and nothing is missing but what an event states or the meter itself forgot."""
        assert self.gained == self.expected

    @invariant()
    def the_register_adds_up(self) -> None:
        """Start, gains, stated steps and rollovers make the last accepted reading."""
        if self.memory is not None:
            assert (self.begun_with + self.gained + self.stepped - self.memory.base.count) == 0

    @property
    def is_settled(self) -> bool:
        """Whether the last look was accepted in this boot, so that its limits are known."""
        return (
            self.memory is not None
            and self.verdict is not None
            and self.verdict.decision in REBASES
            and self.memory.base.at.boot == str(self.boot)
            and self.memory.base.count == self.shown
        )

    def _generate(self, minutes: int, share: int) -> None:
        counts = minutes * share // 4
        # A zero that is a lie, and then the true one of a rollover: nobody can tell them apart. The level is confirmed
        # as a break then, and people judge it.
        assume(not (self.is_zero_doubted and self.shown + counts >= MODULUS))
        self.now += minutes * MINUTE_MS
        self.generated += counts
        self.shown = (self.shown + counts) % MODULUS

    def _look(self, raw: int) -> None:
        self.now += 1
        self.generated_at[self.now] = self.generated
        at = ReadingTime(self.now, self.now, str(self.boot), self.is_trusted)
        seen = SeenCount(raw, Fraction(raw), at)
        sighting = CounterSighting(seen, f"S{self.serial}", f"x{self.scale}", self.is_restarted)
        earlier, self.is_restarted = self.memory, False
        self.verdict = decide(earlier, sighting, LIMITS)
        self.memory = self.verdict.memory
        reached.add(self.verdict.decision)
        self.is_zero_doubted &= self.memory.doubt is not None
        self._account(earlier, self.verdict)

    def _account(self, earlier: CounterMemory | None, verdict: CounterVerdict) -> None:
        if earlier is None:
            self.begun_with = verdict.memory.base.count
            self.generated = self.expected = 0
            self.generated_at = {self.now: 0}
            self.forgotten.clear()
            return
        self.gained += verdict.gained
        if verdict.decision not in REBASES:
            assert verdict.memory.base == earlier.base, "what is held or doubted never becomes the base"
            assert verdict.gained == 0
            return
        generated_from = earlier.base.at.read_at
        if verdict.decision is Decision.ROLLOVER:
            self.stepped -= MODULUS
        elif verdict.decision in BREAKS:
            assert verdict.event is not None
            assert verdict.event.before == earlier.base
            generated_from = verdict.event.after.at.read_at
            self.stepped += verdict.event.after.count - earlier.base.count
        lost = sum(counts for at, counts in self.forgotten if at >= generated_from)
        self.forgotten.clear()
        self.expected += self.generated - self.generated_at[generated_from] - lost


def test_every_count_is_gained_or_stated() -> None:
    """Whatever befalls the meter, gains are what it generated, and each row of the table is reached."""
    reached.clear()
    run_state_machine_as_test(CounterMachine, settings=settings(max_examples=150, stateful_step_count=40))
    assert reached == set(Decision)
