"""What custody costs on the wire, and that its benchmark measures what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.custody import measure_sizes
from benchmarks.made_fleet import make_key
from benchmarks.taken import make_backlog, make_fleet, measure

if TYPE_CHECKING:
    from pathlib import Path


def test_a_sunny_day_fits_its_budget() -> None:
    """Signed and chained, a day of a meter costs at most 4.5 bytes per register reading, an hour at most 300 bytes."""
    sizes = {size.name: size for size in measure_sizes()}
    assert sizes["day, 1 meter"].bytes_per_reading <= 4.5
    assert sizes["hour, 1 meter"].block_bytes <= 300
    assert sizes["day, 1 meter, five digits at every poll"].bytes_per_reading <= 5


def test_the_hub_takes_all_that_is_measured(tmp_path: Path) -> None:
    """Whatever the load, every block of it becomes its readings, and each part takes its share of the time."""
    for place, load in enumerate((make_backlog(hours=12, batch=4), make_fleet(devices=3, hours=4, batch=4))):
        taken = measure(load, tmp_path / str(place), make_key(1))
        assert taken.blocks == sum(map(len, load.batches)) - 8
        assert taken.ratios().keys() == {"to_verify", "to_check", "to_insert", "to_both"}
