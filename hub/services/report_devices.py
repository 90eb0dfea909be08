"""Report months of systems by what their devices read: as soon as the reading is in custody, and before it is late."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.rules.automatic import choose_report, deciding_span
from hub.rules.facts import ReportingMode
from hub.rules.periods import date_at
from hub.rules.reading_names import ReadingName
from hub.rules.registers import GENERATED_OBIS
from hub.rules.reported import Origin
from hub.rules.windows import window_at
from hub.services.submit_reading import Reported, enter_reading, know_sky
from hub.store import contests, facts, ledger, ownership, registry, series, submissions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

    from hub.rules.automatic import Choice
    from hub.rules.periods import ProductionMonth
    from hub.rules.production import Reading
    from hub.rules.windows import ReportingWindow
    from hub.services.submit_reading import Answer
    from hub.store.database import Database
    from hub.store.registry import Meter

ACTOR = "device"
SYSTEMS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """A meter that a device reads and that is not reported for the month of the open window.

    `why` says which reading reports it, or why none does; `answer` is what became of that, None where it was not
    submitted.
    """

    system: str
    meter: int
    serial: str
    month: ProductionMonth
    reading: Reading | None
    why: str
    answer: Answer | None = None


def list_waiting(connection: Connection, now: int) -> Iterator[DeviceReport]:
    """Yield the meters that devices have yet to report at `now` (UTC ms), each with what can be reported of it now."""
    after: str | None = ""
    while after is not None:
        found, after = list_waiting_of(connection, now, after, SYSTEMS_AT_ONCE)
        yield from found


def list_waiting_of(
    connection: Connection, now: int, after: str, limit: int
) -> tuple[tuple[DeviceReport, ...], str | None]:
    """Return what `list_waiting` yields of the next `limit` systems after a PTS id.

    Beside it the system after which the next ones come, None where there are none.
    """
    window = window_at(now)
    systems = () if window is None else facts.iterate_system_facts(connection, date_at(now), after, limit)
    if window is None or not systems:
        return (), None
    automatic = {one.system for one in systems if one.reporting_mode is ReportingMode.AUTOMATIC}
    meters = [
        meter
        for meter in registry.meters_between(connection, systems[0].system, systems[-1].system)
        if meter.devices and meter.system in automatic
    ]
    entered = ledger.find_entries(connection, [meter.id for meter in meters], window.month)
    waiting = [meter for meter in meters if meter.id not in entered]
    found = tuple(
        DeviceReport(meter.system, meter.id, meter.serial, window.month, choice.reading, choice.why)
        for meter, choice in zip(waiting, _choose(connection, waiting, window, now), strict=True)
    )
    return found, systems[-1].system if len(systems) == limit else None


def report_devices(
    database: Database, now: int, is_stopping: Callable[[], bool] = lambda: False
) -> tuple[DeviceReport, ...]:
    """Report at `now` (UTC ms) every meter of which a reading in custody reports the month; return all that waited.

    A reading that was refused or held once is not submitted again. Between two pages of systems nothing is held open.
    """
    done: list[DeviceReport] = []
    after: str | None = ""
    while after is not None and not is_stopping():
        with database.read() as connection:
            waiting, after = list_waiting_of(connection, now, after, SYSTEMS_AT_ONCE)
        for one in waiting:
            if is_stopping():
                return tuple(done)
            done.append(_report(database, one, now))
    return tuple(done)


def _report(database: Database, waiting: DeviceReport, now: int) -> DeviceReport:
    reading = waiting.reading
    if reading is None:
        return waiting
    reported = Reported(
        system=waiting.system,
        serial=waiting.serial,
        register_wh=reading.register_wh,
        read_at=reading.read_at,
        origin=Origin.AUTOMATIC,
        reading=str(ReadingName(waiting.serial, GENERATED_OBIS, reading.read_at)),
    )
    know_sky(database, waiting.system, now)
    with database.write() as connection:
        if _was_submitted(connection, waiting, reading):
            return waiting
        answer = enter_reading(connection, reported, actor=ACTOR, now=now)
    return replace(waiting, answer=answer)


def _was_submitted(connection: Connection, waiting: DeviceReport, reading: Reading) -> bool:
    return any(
        (one.read_at, one.register_wh) == (reading.read_at, reading.register_wh)
        for one in submissions.list_of_month(connection, waiting.meter, waiting.month)
    )


def _choose(connection: Connection, meters: Sequence[Meter], window: ReportingWindow, now: int) -> Iterator[Choice]:
    """Yield of each meter which reading reports the window's month; one of a contested device does not.

    Most meters that wait have none in custody that could. That is asked of all of them at once.
    """
    registers = ownership.registers_by_meter(connection, [meter.id for meter in meters])
    since, until = deciding_span(window.month, window.opens_at, window.closes_at, now=now)
    read = series.find_read(connection, [one for own in registers.values() for one in own], since, until)
    contested = contests.find_contested(connection)
    edges = sorted({window.opens_at, window.month.ends_at, now})
    for meter in meters:
        own = registers.get(meter.id, ())
        readings = [
            reading
            for reading in (() if read.isdisjoint(own) else series.find_deciding(connection, own, edges))
            if reading.device not in contested and (meter.read_until is None or reading.read_at <= meter.read_until)
        ]
        yield choose_report(window.month, window.opens_at, window.closes_at, readings, now=now)
