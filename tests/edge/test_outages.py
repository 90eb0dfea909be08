"""Gaps in true time: no clock makes an outage of years, hides one, or moves one."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from edge.journal import Journal, adopt_journal, in_memory
from edge.metering.outcome import PollOutcome, Taken
from protocol.identity import BootId
from protocol.messages import Gap, GapCause, Instant, TimeQuality
from tests.edge.making import AUTHOR, audit, descriptor, drawing

QUARTER_MS = 900_000
TRUE_MS = 1_800_000_000_000
"""A true instant on an interval edge; 2027."""
HOUR_MS = 3_600_000
UNKNOWN, SYNCHRONISED = TimeQuality.UNKNOWN, TimeQuality.SYNCHRONISED


@dataclass
class Site:
    """A device whose true time, clock and boots a test moves. `true_ms` starts on an edge."""

    true_ms: int = TRUE_MS
    error_ms: int = 0
    quality: TimeQuality = SYNCHRONISED
    boots: int = 0
    booted_at: int = 0
    image: bytes | None = None
    journal: Journal = field(init=False)

    def __post_init__(self) -> None:
        """Boot for the first time."""
        self.boot(off_ms=0, error_ms=self.error_ms, quality=self.quality)

    def now(self) -> Instant:
        """Return what the device's clocks show."""
        return Instant(self.true_ms + self.error_ms, self.true_ms - self.booted_at + 5000, self.quality)

    def boot(self, *, off_ms: int, error_ms: int, quality: TimeQuality) -> None:
        """Cut the power for this long, and boot with a clock that is wrong by `error_ms`."""
        self.true_ms += off_ms
        self.booted_at, self.boots = self.true_ms, self.boots + 1
        self.error_ms, self.quality = error_ms, quality
        self.restart()

    def restart(self) -> None:
        """Start the agent anew in the same boot."""
        boot_id = BootId(self.boots.to_bytes(4, "big"))
        db = in_memory(self.image)
        self.journal = adopt_journal(db, AUTHOR, boot_id, self.now(), drawing(), begun_before=False)

    def poll(self, cycles: int = 1) -> None:
        """Poll at the edges that the device's own clock shows, from now on."""
        for _ in range(cycles):
            now = self.now()
            outcome = PollOutcome(1, now, now, Taken({0: self.true_ms // QUARTER_MS}, descriptor(1)))
            self.journal.record(now.wall_ms // QUARTER_MS * QUARTER_MS, [outcome], QUARTER_MS)
            self.image = self.journal.image()
            self.true_ms += QUARTER_MS

    def gaps(self) -> list[Gap]:
        """Return all gaps in the log."""
        while self.journal.seal(self.now()) is not None:
            pass
        blocks = audit(self.journal, self.journal.epoch)
        return [frame for block in blocks for frame in block.frames if isinstance(frame, Gap)]


def test_a_step_of_nine_hours_is_no_outage() -> None:
    """A clock that is set nine hours forward after four hours of polls leaves no gap, nor one set back."""
    for error_ms in (-9 * HOUR_MS, 9 * HOUR_MS):
        site = Site(error_ms=error_ms, quality=UNKNOWN)
        site.poll(16)
        site.error_ms, site.quality = 0, SYNCHRONISED
        site.poll(4)
        assert site.gaps() == []


def test_a_step_while_an_edge_is_missed_hides_nothing() -> None:
    """An outage of an hour within a boot is stated as one, in the right time, though the clock was set during it."""
    site = Site(error_ms=-9 * HOUR_MS, quality=UNKNOWN)
    site.poll(4)
    site.true_ms += HOUR_MS
    site.error_ms, site.quality = 0, SYNCHRONISED
    site.restart()
    site.poll()
    assert site.gaps() == [Gap(1, TRUE_MS + HOUR_MS, TRUE_MS + 2 * HOUR_MS, GapCause.EDGE_OFF)]


def test_a_clock_that_began_in_the_past_makes_no_outage_of_years() -> None:
    """A first boot in 2016 that is reset before it knew the time claims nothing when the next boot does."""
    site = Site(error_ms=-(10 * 365 * 24 * HOUR_MS), quality=UNKNOWN)
    site.poll(4)
    site.boot(off_ms=HOUR_MS, error_ms=0, quality=SYNCHRONISED)
    site.poll(2)
    assert site.gaps() == []


def test_an_outage_is_stated_once_the_time_is_known() -> None:
    """After a power cut the boot knows no time; when it does, the outage up to its first poll is stated."""
    site = Site()
    site.poll(4)
    site.boot(off_ms=3 * HOUR_MS, error_ms=-3 * HOUR_MS, quality=UNKNOWN)
    site.poll(4)
    assert site.gaps() == []
    site.error_ms, site.quality = 0, SYNCHRONISED
    site.restart()
    site.poll(2)
    assert site.gaps() == [Gap(1, TRUE_MS + HOUR_MS, TRUE_MS + 4 * HOUR_MS, GapCause.EDGE_OFF)]


def test_an_outage_is_not_forgotten_over_a_boot_that_never_knew_the_time() -> None:
    """It is stated by the next boot that does, up to its own first edge."""
    site = Site()
    site.poll(4)
    site.boot(off_ms=HOUR_MS, error_ms=-HOUR_MS, quality=UNKNOWN)
    site.poll(4)
    site.boot(off_ms=HOUR_MS, error_ms=0, quality=SYNCHRONISED)
    site.poll(2)
    assert site.gaps() == [Gap(1, TRUE_MS + HOUR_MS, TRUE_MS + 4 * HOUR_MS, GapCause.EDGE_OFF)]


@given(
    polls=st.integers(1, 6),
    off=st.integers(0, 12),
    error=st.integers(-40, 40),
    unset=st.integers(0, 6),
    reads_clock=st.booleans(),
)
def test_gaps_are_the_true_outages(polls: int, off: int, error: int, unset: int, *, reads_clock: bool) -> None:
    """Whatever the clock shows after a power cut, and for however long, the one gap is the true outage."""
    site = Site()
    site.poll(polls)
    site.boot(off_ms=off * QUARTER_MS, error_ms=error * QUARTER_MS, quality=UNKNOWN)
    site.poll(unset)
    site.error_ms, site.quality = 0, SYNCHRONISED
    if reads_clock:
        site.restart()
    site.poll(2)
    cut_at = TRUE_MS + polls * QUARTER_MS
    expected = [Gap(1, cut_at, cut_at + off * QUARTER_MS, GapCause.EDGE_OFF)] if off else []
    assert site.gaps() == expected
