"""Who asks for which page of a made hub, and what an address there has to name."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from benchmarks.made_devices import DAY_MS, NOW, device_id, part_of
from benchmarks.made_fleet import START_AT
from benchmarks.made_lists import OPEN_DIGIT, OVER
from benchmarks.made_months import MONTH, first_meter, system_name
from benchmarks.made_people import STAFF
from benchmarks.made_site import SITE
from hub.fleet.standing import Standing
from hub.rules.facts import ReportingMode
from hub.rules.periods import date_at, month_of
from hub.store import alerts, board, change_requests, facts, ledger, ownership, registry, series
from hub.store.series import ReadingKey
from hub.web.reading_keys import format_key
from protocol.identity import BootId, DeviceId, format_device_id

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.rules.periods import ProductionMonth

_MORE_WH = 700_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A page that somebody asks for: what it is in words, its address, as whom, and `far` on in the same list."""

    words: str
    path: str
    who: str = STAFF
    far: str = ""


Pages = dict[str, tuple[Asked, ...]]
"""What is asked for, by route."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What addresses at a made hub have to name, besides how many devices it has.

    `open_system` can be reported by hand, with `register_kwh` on its meter; `reading` is a place in the readings of the
    site's meter, `site_month` a month of them, `board` a place among the systems that are reported; `document` belongs
    to the first change request that waits; `alert` is the number of one that fires; `link` sets a password. Left out,
    addresses are of no use but to be counted.
    """

    devices: int
    open_system: str = ""
    register_kwh: str = ""
    reading: str = ""
    site_month: ProductionMonth = MONTH
    board: str = ""
    document: str = ""
    alert: int = 1
    link: str = ""

    @property
    def middle(self) -> int:
        """The number of the device, and of the system, in the middle of the fleet."""
        return self.devices // 2

    def part(self, wanted: int) -> int:
        """Return how many rows of a kind were made."""
        return part_of(self.devices, wanted)


def device_text(number: int) -> str:
    """Return the id of a device as text, by its number."""
    return format_device_id(DeviceId(device_id(number)))


def find_marks(connection: Connection, devices: int, link: str) -> Marks:
    """Return what addresses have to name at a hub that has drawn its board."""
    number = next(one for one in count(OPEN_DIGIT, 10) if _is_by_hand(connection, one))
    entry = ledger.find_entry(connection, first_meter(number), MONTH)
    request = change_requests.find_request(connection, part_of(devices, OVER) + 1)
    assert entry is not None, "it was reported for the month before"
    assert request is not None, "one was made"
    (meter,) = registry.list_meters(connection, SITE)
    registers = ownership.registers_of(connection, meter)
    last = series.last_reading(connection, registers)
    assert last is not None, "its device sealed readings"
    middle = ReadingKey((START_AT + last.read_at) // 2, registers[0], BootId(bytes(4)), 0)
    return Marks(
        devices=devices,
        open_system=system_name(number),
        register_kwh=str((entry.accepted.register_wh + _MORE_WH) // 1000),
        reading=format_key(middle),
        site_month=max(month_of(last.read_at).previous(), month_of(START_AT + DAY_MS)),
        board=_middle_line(connection),
        document=request.wish.evidence,
        alert=next(one.number for one in alerts.list_open(connection) if one.episode.fired_at is not None),
        link=link,
    )


def _is_by_hand(connection: Connection, number: int) -> bool:
    known = facts.find_system_facts(connection, system_name(number), date_at(NOW))
    assert known is not None, "many systems are reported by hand"
    return known.reporting_mode is ReportingMode.MANUAL


def _middle_line(connection: Connection) -> str:
    number = board.count_lines(connection)[Standing.ACCEPTED].systems
    line = board.list_lines(connection, Standing.ACCEPTED, None, max(1, number // 2))[-1].line
    return f"{line.expected_wh},{line.system}"
