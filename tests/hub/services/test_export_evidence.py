"""What the hub reports it can prove: the bundle behind a number is borne out by its own bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.errors import InputError, UnderivableError, UnknownSubjectError
from hub.rules.periods import parse_month
from hub.rules.reading_names import ReadingName
from hub.services import export_evidence as module
from hub.services.accept_blocks import accept_blocks
from hub.services.end_meter import EndRequest, end_meter
from hub.services.export_evidence import Evidence, Issuer, choose_readings, export_evidence, month_readings
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from protocol import sequence
from protocol.cose import VerifyingKey
from protocol.evidence import read_head
from protocol.key_statement import seal_key_statement
from protocol.messages import KeyEvent
from protocol.verification import Report, Terms, arrange, verify
from tests.hub.conftest import SYSTEM
from tests.hub.making import (
    GENERATED,
    JULY_AT,
    NOW,
    QUARTER_MS,
    TERMS,
    MadeDevice,
    made_log,
    make_key,
    make_meter,
    make_readings,
)

if TYPE_CHECKING:
    from hub.store.database import Database

DAY_MS = 86_400_000
ISSUER = Issuer(make_key(99), b"timeline", NOW)


def name_at(read_at: int, serial: str = "WN-1001") -> ReadingName:
    """Return the name of a reading of generated energy."""
    return ReadingName(serial, GENERATED.obis, read_at)


def evidence_of(database: Database, *names: ReadingName, full: bool = False) -> Evidence:
    """Export the evidence of readings by name."""
    with database.read() as connection:
        chosen = [one for name in names for one in choose_readings(connection, name, None)]
        return export_evidence(connection, chosen, ISSUER, full=full)


def check(evidence: Evidence) -> Report:
    """Verify a bundle with the hub's key from elsewhere."""
    first, *messages = sequence.split(evidence.bundle)
    head = read_head(first)
    keys = tuple(VerifyingKey.from_spki(spki) for spki in head.enrolment_keys)
    return verify(arrange(messages), Terms(hub_key=ISSUER.key.public, enrolment_keys=keys, claims=head.claims))


def stretches(report: Report) -> list[tuple[tuple[int, int], ...]]:
    """Return which blocks are shown."""
    return [epoch.stretches for epoch in report.epochs]


def test_the_evidence_of_one_reading_is_small_and_holds(registered: Database) -> None:
    """Genesis and descriptor, the reading's block and the next, and a receipt that names a block shown."""
    accept_blocks(registered, made_log([10 * row for row in range(40)]).arrivals(), TERMS, NOW)
    made = evidence_of(registered, name_at(JULY_AT + 17 * QUARTER_MS))
    (claim,) = made.claims
    assert (claim.seq, claim.raw, claim.value, claim.unit, claim.serial) == (5, 170, 170, "Wh", "WN-1001")
    report = check(made)
    assert [one for one in report.findings if one.severity.value == "error" and one.level.value < 3] == []
    assert stretches(report) == [((0, 0), (5, 6))]
    assert any("it is the block shown" in one.message for one in report.findings)
    assert any("is borne out by block 5" in one.message for one in report.findings)
    assert (made.blocks, made.receipts) == (3, 1)


def test_a_damaged_block_after_the_reading_is_left_out(registered: Database) -> None:
    """Custody is taken of it all the same; the evidence ends with the reading's own block, and so does its receipt."""
    *intact, last = made_log([10 * row for row in range(40)]).arrivals()
    damaged = replace(last, raw=last.raw[:-1] + bytes([last.raw[-1] ^ 1]))
    accept_blocks(registered, [*intact, damaged], TERMS, NOW)
    for full, shown in ((False, ((0, 0), (9, 9))), (True, ((0, 9),))):
        report = check(evidence_of(registered, name_at(JULY_AT + 35 * QUARTER_MS), full=full))
        assert [one for one in report.findings if one.severity.value == "error" and one.level.value < 3] == []
        assert stretches(report) == [shown]
        assert any("through block 9, safe through 9; it is the block shown" in one.message for one in report.findings)


def test_the_last_block_has_no_successor_and_full_evidence_has_everything(registered: Database) -> None:
    """The newest reading's block stands alone; the whole chain is shown through it when asked."""
    accept_blocks(registered, made_log([10 * row for row in range(40)]).arrivals(), TERMS, NOW)
    newest = name_at(JULY_AT + 39 * QUARTER_MS)
    assert stretches(check(evidence_of(registered, newest))) == [((0, 0), (10, 10))]
    assert stretches(check(evidence_of(registered, newest, full=True))) == [((0, 10),)]


def test_full_evidence_is_fetched_in_parts(registered: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long chain is read piece by piece, and is the same."""
    accept_blocks(registered, made_log([10 * row for row in range(40)]).arrivals(), TERMS, NOW)
    whole = evidence_of(registered, name_at(JULY_AT), full=True)
    monkeypatch.setattr(module, "CHUNK_BLOCKS", 1)
    assert evidence_of(registered, name_at(JULY_AT), full=True) == whole


def test_a_descriptor_of_a_later_block_and_blanks_in_a_serial_are_found(registered: Database) -> None:
    """The block that states the descriptor is put in, wherever it stands; the claim quotes the chain."""
    device = MadeDevice()
    meter = make_meter(serial=" WN-7 ")
    device.seal(make_meter(1, "WN-1"))
    device.seal(make_readings(make_meter(1, "WN-1"), [9], JULY_AT + QUARTER_MS))
    device.seal(meter)
    device.seal(make_readings(meter, [1, 2, 3], JULY_AT))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    made = evidence_of(registered, name_at(JULY_AT + QUARTER_MS, "WN-7"))
    assert made.claims[0].serial == " WN-7 "
    assert stretches(check(made)) == [((0, 0), (2, 3))]
    assert any("is borne out" in one.message for one in check(made).findings)


def test_key_hand_overs_are_put_in(registered: Database) -> None:
    """A reading sealed by a later key comes with the blocks that lead to it."""
    device, meter, new = MadeDevice(), make_meter(), make_key(55)
    device.seal(meter)
    device.seal(make_readings(meter, [1], JULY_AT))
    device.seal(KeyEvent(seal_key_statement(device.id, device.key, new)))
    for row in range(1, 5):
        device.seal(make_readings(meter, [row], JULY_AT + row * QUARTER_MS), key=new)
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    report = check(evidence_of(registered, name_at(JULY_AT + 3 * QUARTER_MS)))
    assert stretches(report) == [((0, 0), (2, 2), (5, 6))]
    assert all(one.level.value > 2 or one.severity.value != "error" for one in report.findings)


def test_a_month_is_two_readings_of_each_meter(registered: Database) -> None:
    """The readings that a month's number is the difference of are claimed with their values."""
    device = MadeDevice()
    device.seal(
        make_meter(), make_readings(make_meter(), [5000, 6000, 9000, 10_000, 11_000], JULY_AT, 31 * DAY_MS // 2)
    )
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    with registered.read() as connection:
        chosen = month_readings(connection, SYSTEM, parse_month("2016-07"))
        made = export_evidence(connection, chosen, ISSUER)
    assert [claim.value for claim in made.claims] == [5000, 9000]
    assert len([one for one in check(made).findings if "is borne out" in one.message]) == 2


def test_what_is_not_held_has_no_evidence(registered: Database) -> None:
    """No such reading, and a month without readings of its own, are said in one sentence."""
    with registered.read() as connection:
        with pytest.raises(UnknownSubjectError, match="no reading WN-1001/"):
            choose_readings(connection, name_at(JULY_AT), None)
        with pytest.raises(UnknownSubjectError, match="has no reading in 2016-07"):
            month_readings(connection, SYSTEM, parse_month("2016-07"))
    device, second = MadeDevice(), make_meter(1, "WN-2")
    device.seal(make_meter(), make_readings(make_meter(), [1, 2], JULY_AT, DAY_MS))
    device.seal(second, make_readings(second, [2], JULY_AT + 70 * DAY_MS))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    register_meter(registered, MeterRequest(SYSTEM, device.text, "WN-2"), NOW)
    end_meter(registered, EndRequest(SYSTEM, "WN-1001", "2016-07-12T16:00:00Z"), NOW)
    with registered.read() as connection, pytest.raises(UnknownSubjectError, match="has no number for 2016-08"):
        month_readings(connection, SYSTEM, parse_month("2016-08"))


def test_one_name_at_two_devices_needs_the_device(registered: Database) -> None:
    """Where two devices read a meter at one instant, one has to be named."""
    other = MadeDevice(seed=2)
    register_device(registered, other.pem, "Second", NOW)
    for device in (MadeDevice(), other):
        device.seal(make_meter(), make_readings(make_meter(), [7], JULY_AT))
        accept_blocks(registered, device.arrivals(), TERMS, NOW)
    with registered.read() as connection:
        with pytest.raises(InputError, match="2 devices took a reading"):
            choose_readings(connection, name_at(JULY_AT), None)
        (chosen,) = choose_readings(connection, name_at(JULY_AT), other.id)
    assert chosen.device == other.id


def test_too_many_readings_are_asked_for_in_parts(registered: Database) -> None:
    """A bundle has room for so many claims."""
    accept_blocks(registered, made_log(list(range(4))).arrivals(), TERMS, NOW)
    with registered.read() as connection:
        (one,) = choose_readings(connection, name_at(JULY_AT), None)
        with pytest.raises(InputError, match="ask for them in parts"):
            export_evidence(connection, [one] * 257, ISSUER)


def test_a_row_that_its_block_does_not_bear_out_is_never_claimed(registered: Database) -> None:
    """A reading in the database that is not in the bytes, or whose block is gone, stops the export."""
    device = made_log(list(range(8)))
    device.seal(make_readings(make_meter(serial="unknown"), [1], JULY_AT - QUARTER_MS))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    with registered.read() as connection:
        (one,) = choose_readings(connection, name_at(JULY_AT), None)
        for false in (
            replace(one, raw=1),
            replace(one, seq=2),
            replace(one, seq=50),
            replace(one, serial="WN-2"),
            replace(one, seq=3, read_at=JULY_AT - QUARTER_MS, raw=1, boottime_ms=0),
        ):
            with pytest.raises(UnderivableError, match="does not hold the reading"):
                export_evidence(connection, [false], ISSUER)
