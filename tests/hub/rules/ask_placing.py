"""Cases of readings taken before their device knew the time: when they count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.rules.instants import format_instant, parse_instant
from hub.rules.placing import synchronised_offset, true_at
from protocol.identity import DescriptorId
from protocol.messages import Readings, TimeQuality
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping


@asks("placing")
def ask_instant(given: Mapping[str, Any]) -> dict[str, object]:
    """Return when a reading counts, given what its boot read later with a clock of some quality."""
    read_at, later = parse_instant(given["read_at"]), given["later"]
    frame = Readings(
        meter=0,
        descriptor=DescriptorId(bytes(8)),
        read_at=(parse_instant(later["read_at"]),),
        offset_ms=(parse_instant(later["read_at"]) - later["boottime_s"] * 1000,),
        quality=(TimeQuality(later["quality"]),),
        registers={0: (0,)},
        status=(0,),
    )
    offset_ms = synchronised_offset(frame)
    counts_at = true_at(read_at, given["boottime_s"] * 1000, TimeQuality(given["quality"]), offset_ms)
    return {"counts_at": format_instant(counts_at)}
