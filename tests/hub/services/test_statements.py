"""What devices state beside readings: kept once, however often and in whatever log it is sealed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.services.accept_blocks import Arrival, accept_blocks
from hub.services.open_hub import open_hub
from hub.services.register_device import register_device
from protocol import wire
from protocol.identity import BootId, Epoch
from protocol.messages import FLAG_RESEALED, ClockEvent, CommandEvent, Gap, GapCause, MeterEvent, PollErrors
from tests.hub.making import JULY_AT, NOW, QUARTER_MS, TERMS, MadeDevice, fetch, make_meter, make_readings

if TYPE_CHECKING:
    import pytest

    from hub.store.database import Database
    from protocol.messages import Frame

GAP = Gap(0, JULY_AT, JULY_AT + QUARTER_MS, GapCause.EDGE_OFF)
ERRORS = PollErrors(0, JULY_AT, JULY_AT + QUARTER_MS, {"timeout": 3, "exception-2": 1})
STEP = ClockEvent(boottime_ms=5, old_offset_ms=1, new_offset_ms=2, source=2, error_ms=9)
ORDERED = CommandEvent(number=3, operation="set-config", outcome="done", config_hash=b"confhash")
HAPPENED = MeterEvent(0, JULY_AT, "exchange", 0, (JULY_AT, 5), (JULY_AT + 1, (1 << 64) - 2), "A", "B")
STATEMENTS: tuple[Frame, ...] = (GAP, ERRORS, STEP, ORDERED, HAPPENED)
LATER = Epoch(bytes.fromhex("e2e2e2e2e2e2e2e2"))
_COUNTS = {"gap": 1, "poll_error": 2, "clock_event": 1, "command_event": 1, "meter_event": 1}


def _counts(database: Database) -> dict[str, object]:
    return {table: fetch(database, f"SELECT count(*) FROM {table}")[0][0] for table in _COUNTS}  # noqa: S608 - ours


def _sealed_again(device: MadeDevice) -> MadeDevice:
    """Return the device with its next log, which holds the records of this one once more."""
    again = MadeDevice(epoch=LATER)
    for raw in device.blocks:
        block = wire.read_block(raw)[0]
        again.seal(*(block.frames if block.seq else block.frames[1:]))
        sealed = replace(wire.read_block(again.blocks[-1])[0], flags=FLAG_RESEALED)
        again.blocks[-1] = wire.seal_block(sealed, again.key)
    return again


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(4)))
def test_sealed_again_they_are_the_same_statements(tmp_path_factory: pytest.TempPathFactory, order: list[int]) -> None:
    """A device that seals its records again in a new log states nothing new, and reads nothing new."""
    device, meter = MadeDevice(), make_meter()
    device.seal(meter, *STATEMENTS)
    device.seal(make_readings(meter, [1, 2, 3], JULY_AT))
    again = _sealed_again(device)
    arrivals = [*device.arrivals(), *again.arrivals()]
    database = open_hub(tmp_path_factory.mktemp("again") / "hub", new_timeline=b"timeline", at=NOW)
    register_device(database, device.pem, "", NOW)
    for place in order:
        accept_blocks(database, [arrivals[place]], TERMS, NOW)
    assert _counts(database) == _COUNTS
    assert fetch(database, "SELECT count(*) FROM reading") == [(3,)]
    assert fetch(database, "SELECT count(*) FROM reading_conflict") == [(0,)]
    database.close()


def test_each_names_the_place_where_it_came_first(registered: Database) -> None:
    """The first sealed statement is the evidence; the later one changes nothing about it."""
    device = MadeDevice()
    device.seal(*STATEMENTS)
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    accept_blocks(registered, _sealed_again(device).arrivals(), TERMS, NOW)
    (first,) = fetch(registered, "SELECT id FROM stream WHERE epoch = x'e1e1e1e1e1e1e1e1'")
    places = fetch(
        registered, "SELECT stream_id, record FROM gap UNION ALL SELECT stream_id, record FROM command_event"
    )
    assert places == [(first[0], 1), (first[0], 4)]
    assert fetch(registered, "SELECT number, operation, outcome, config_hash, sealed_at FROM command_event") == [
        (3, "set-config", "done", b"confhash", JULY_AT)
    ]


def test_the_same_words_in_another_boot_are_another_statement(registered: Database) -> None:
    """A device without a clock wakes to the same instant every time: what it says then is not what it said before."""
    device = MadeDevice()
    device.seal(*STATEMENTS)
    block = wire.read_block(device.blocks[0])[0]
    woken = replace(block, boot_id=BootId(b"boot"), epoch=LATER)
    arrivals = [*device.arrivals(), Arrival(device.id, wire.seal_block(woken, device.key))]
    accept_blocks(registered, arrivals, TERMS, NOW)
    assert _counts(registered) == {table: 2 * number for table, number in _COUNTS.items()}


def test_another_device_s_words_are_its_own(registered: Database) -> None:
    """Two devices may state the same of their meters."""
    other = MadeDevice(seed=2)
    register_device(registered, other.pem, "", NOW)
    for device in (MadeDevice(), other):
        device.seal(*STATEMENTS)
        accept_blocks(registered, device.arrivals(), TERMS, NOW)
    assert _counts(registered) == {table: 2 * number for table, number in _COUNTS.items()}
