"""Properties of a meter's words: what is listed, what is live, and what is refused."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulators.image import ExceptionCode, LiveSpan, WordImage


def image(hole: int | None = None) -> WordImage:
    """Return an image of four fixed words at 10..13, the middle two of which tell the instant."""
    words = WordImage(words_max=20, hole=hole)
    words.put(10, (1, 2, 3, 4))
    words.put_live(LiveSpan(11, 2, lambda at_ms: (at_ms, at_ms + 1)))
    return words


@given(st.integers(10, 13), st.integers(1, 4))
def test_any_part_of_a_listed_span_can_be_read(address: int, count: int) -> None:
    """A read gives the part asked of the whole, live words cut anywhere included."""
    whole = (1, 70, 71, 4)
    result = image().read(address, count, 70)
    expected = whole[address - 10 : address - 10 + count]
    assert result == (expected if address + count <= 14 else ExceptionCode.ILLEGAL_DATA_ADDRESS)


def test_holes_are_refused_or_answered() -> None:
    """One unlisted word refuses the whole read, unless the meter answers unlisted words."""
    assert image().read(9, 2, 0) is ExceptionCode.ILLEGAL_DATA_ADDRESS
    assert image(hole=0).read(8, 4, 5) == (0, 0, 1, 5)
    assert image(hole=0).read(65535, 1, 0) == (0,)
    assert image(hole=0).read(65535, 2, 0) is ExceptionCode.ILLEGAL_DATA_ADDRESS


def test_counts_out_of_bounds_are_refused_before_addresses() -> None:
    """No words and too many words are exception 3, even where the address is wrong too."""
    for count in (0, 21, 65535):
        assert image().read(500, count, 0) is ExceptionCode.ILLEGAL_DATA_VALUE
