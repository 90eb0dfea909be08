"""Single values out of texts: what is kept is exactly what was written, and nothing that is written stops the hub."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.rules import fields
from hub.rules.bulk_rows import COLUMNS, Layout, read_meter_row, read_reading_row, read_system_row
from hub.rules.facts import Technology
from hub.rules.fields import Problem, Scaled

SCALES = (fields.KILOWATTS, fields.KILOWATT_HOURS, fields.PERCENT, fields.FACTOR, fields.LATITUDE, fields.TILT)
READERS = {Layout.SYSTEMS: read_system_row, Layout.METERS: read_meter_row, Layout.READINGS: read_reading_row}
written = st.one_of(st.text(max_size=30), st.text("0123456789.,-+:/=#eE T", max_size=20))


@given(scale=st.sampled_from(SCALES), data=st.data())
def test_a_number_is_kept_exactly(scale: Scaled, data: st.DataObject) -> None:
    """What is kept, written out again, is the same number."""
    kept = data.draw(st.integers(scale.least, scale.most))
    assert fields.read_scaled(format(Decimal(kept).scaleb(-scale.digits), "f"), scale) == kept


@given(text=written, scale=st.sampled_from(SCALES))
def test_what_is_kept_is_what_was_written(text: str, scale: Scaled) -> None:
    """Whatever is written is kept exactly, or refused in one sentence that says what to do."""
    found = fields.read_scaled(text, scale)
    if isinstance(found, Problem):
        assert ": " in found.text
        assert found.text.isprintable()
    else:
        assert Decimal(text) == Decimal(found).scaleb(-scale.digits)
        assert scale.least <= found <= scale.most


@pytest.mark.parametrize("layout", list(Layout))
@given(data=st.data())
def test_a_row_is_whole_or_refused(layout: Layout, data: st.DataObject) -> None:
    """Nothing that a cell can hold makes a reader fail, and what is wrong names its line and a column."""
    cells = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(COLUMNS[layout], written)))
    found = READERS[layout](7, cells)
    if isinstance(found, tuple):
        assert found
        assert all(one.line == 7 and one.column in COLUMNS[layout] and one.text for one in found)
    else:
        assert found.line == 7


@given(text=written)
def test_a_word_is_one_of_the_known(text: str) -> None:
    """A word that is not known is refused with those that are."""
    found = fields.read_word(text, Technology)
    assert isinstance(found, Problem) or found == text.lower()
