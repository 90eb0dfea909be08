"""Automated reporting asks for no more readings than decide it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.rules.automatic import LAST_CALL_MS, choose_report, deciding_span
from hub.rules.periods import parse_month
from hub.rules.placing import Placing
from hub.rules.production import EDGE_HALF_WIDTH_MS, Reading
from hub.rules.windows import window_of
from protocol.identity import DeviceId, Epoch
from protocol.messages import TimeQuality
from protocol.records import STATUS_DOUBTED, STATUS_GOOD

MONTH = parse_month("2016-07")
WINDOW = window_of(MONTH)
OPENS_AT, ENDS_AT, CLOSES_AT = WINDOW.opens_at, MONTH.ends_at, WINDOW.closes_at
EDGES = (OPENS_AT, ENDS_AT - EDGE_HALF_WIDTH_MS, ENDS_AT, ENDS_AT + EDGE_HALF_WIDTH_MS, CLOSES_AT)
INSTANTS = st.one_of(
    st.builds(lambda edge, off: edge + off, st.sampled_from(EDGES), st.integers(-2, 2)),
    st.integers(OPENS_AT - 86_400_000, CLOSES_AT + 86_400_000),
)
NOWS = st.one_of(
    st.builds(lambda off: CLOSES_AT - LAST_CALL_MS + off, st.integers(-2, 2)),
    st.integers(OPENS_AT, CLOSES_AT),
)


def make_reading(read_at: int, quality: TimeQuality, *, is_doubted: bool) -> Reading:
    """Return a reading of a meter."""
    return Reading(
        register_id=1,
        instrument="CCS WattNode",
        read_at=read_at,
        register_wh=1_000,
        raw=1_000,
        resolution_wh=1,
        modulus_wh=None,
        ratio=(1, 1),
        time_quality=quality,
        device=DeviceId(bytes(16)),
        epoch=Epoch(bytes(8)),
        seq=0,
        received_at=read_at,
        placing=Placing.AS_READ,
        status=STATUS_DOUBTED if is_doubted else STATUS_GOOD,
    )


@given(
    st.lists(
        st.builds(
            make_reading,
            INSTANTS,
            st.sampled_from([TimeQuality.UNKNOWN, TimeQuality.SYNCHRONISED]),
            is_doubted=st.booleans(),
        ),
        max_size=6,
    ),
    NOWS,
)
def test_readings_outside_of_the_span_change_nothing(readings: list[Reading], now: int) -> None:
    """Neither what is reported nor why nothing is."""
    readings.sort(key=lambda one: one.read_at)
    since, until = deciding_span(MONTH, OPENS_AT, CLOSES_AT, now=now)
    within = [one for one in readings if since <= one.read_at <= until]
    chosen, narrowed = (choose_report(MONTH, OPENS_AT, CLOSES_AT, some, now=now) for some in (readings, within))
    assert chosen == narrowed


def test_the_span_is_no_wider_than_that() -> None:
    """A reading at either end of it is one that reports the month, at its time."""
    early, late = CLOSES_AT - LAST_CALL_MS - 1, CLOSES_AT - LAST_CALL_MS
    spans = {now: deciding_span(MONTH, OPENS_AT, CLOSES_AT, now=now) for now in (early, late)}
    for now, place in ((early, 0), (early, 1), (late, 0), (late, 1)):
        reading = make_reading(spans[now][place], TimeQuality.SYNCHRONISED, is_doubted=False)
        assert choose_report(MONTH, OPENS_AT, CLOSES_AT, [reading], now=now).reading == reading
