"""Custody: whatever arrives, in whatever order, each reading counts once and the receipt says what is held."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from hub.errors import StoreUnavailableError
from hub.services import derive_readings
from hub.services.accept_blocks import Arrival, accept_blocks, load_keys
from hub.services.answer_state import answer_state
from hub.services.open_hub import open_hub
from hub.services.read_fleet import read_fleet
from hub.services.register_device import register_device
from hub.store import custody, registry
from protocol import wire
from protocol.custody.receiver import DecisionKind, SafePolicy
from protocol.identity import DeviceId, Epoch, hash_block
from protocol.messages import Gap, GapCause, PollErrors, Readings, Receipt, ReceiptCode
from tests.hub.making import (
    JULY_AT,
    NOW,
    QUARTER_MS,
    TERMS,
    MadeDevice,
    fetch,
    made_log,
    make_key,
    make_meter,
    make_readings,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hub.store.database import Database

COUNTS = [1000 + 25 * place for place in range(24)]
TAKEN = [(JULY_AT + place * QUARTER_MS, count) for place, count in enumerate(COUNTS)]


def _accept(database: Database, arrivals: Sequence[Arrival]) -> Receipt:
    (receipt,) = accept_blocks(database, arrivals, TERMS, NOW).receipts
    return receipt


def _stored(database: Database) -> list[tuple[object, ...]]:
    return fetch(database, "SELECT read_at, register_wh FROM reading ORDER BY read_at")


def _findings(database: Database) -> list[str]:
    with database.read() as connection:
        return [finding.code for finding in read_fleet(connection, NOW).findings]


def test_a_log_in_order_is_held_and_read(registered: Database) -> None:
    """Every block is committed and safe, every reading stored with its exact value, and the receipt names the last."""
    device = made_log(COUNTS)
    receipt = _accept(registered, device.arrivals())
    assert (receipt.committed, receipt.safe, receipt.code) == (6, 6, ReceiptCode.OK)
    assert receipt.committed_hash == hash_block(device.blocks[-1])[:16]
    assert _stored(registered) == TAKEN


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_order_with_any_repetition_ends_the_same(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """However blocks are reordered, repeated and batched, once all arrived each reading is there once."""
    device = made_log(COUNTS)
    order = data.draw(st.permutations([*range(7), *data.draw(st.lists(st.integers(0, 6), max_size=5))]))
    size = data.draw(st.integers(1, 5))
    database = open_hub(tmp_path_factory.mktemp("any") / "hub", new_timeline=b"timeline", at=NOW)
    try:
        register_device(database, device.pem, "", NOW)
        held: set[int] = set()
        for start in range(0, len(order), size):
            receipt = _accept(database, device.arrivals(*order[start : start + size]))
            held.update(order[start : start + size])
            contiguous = next(seq for seq in itertools.count() if seq not in held) - 1
            assert receipt.committed == contiguous
            assert {seq for low, high in receipt.selective for seq in range(low, high + 1)} == {
                seq for seq in held if seq > contiguous
            }
        assert _stored(database) == TAKEN
        assert fetch(database, "SELECT count(*) FROM reading_conflict") == [(0,)]
    finally:
        database.close()


def test_a_duplicate_changes_nothing_but_is_answered(registered: Database) -> None:
    """A block that came twice is acknowledged twice and stored once: the first receipt may have been lost."""
    device = made_log(COUNTS)
    first = _accept(registered, device.arrivals())
    accepted = accept_blocks(registered, device.arrivals(3), TERMS, NOW)
    assert accepted.decisions == {DecisionKind.DUPLICATE: 1}
    assert accepted.receipts == (first,)
    assert _stored(registered) == TAKEN


def test_readings_beyond_a_gap_count_at_once(registered: Database) -> None:
    """Blocks beyond a gap are acknowledged selectively and counted: a device that lost its card never fills the gap."""
    device = made_log(COUNTS)
    receipt = _accept(registered, device.arrivals(0, 1, 3, 4, 6))
    assert (receipt.committed, receipt.selective) == (1, ((3, 4), (6, 6)))
    assert _stored(registered) == TAKEN[:4] + TAKEN[8:16] + TAKEN[20:]
    receipt = _accept(registered, device.arrivals(2, 5))
    assert (receipt.committed, receipt.selective) == (6, ())
    assert _stored(registered) == TAKEN


def test_a_bad_signature_is_held_but_not_read_until_an_intact_copy_comes(registered: Database) -> None:
    """R5: a poisoned block is committed and named; nothing it says counts; the intact copy takes its place."""
    device = made_log(COUNTS)
    poisoned = bytearray(device.blocks[2])
    poisoned[-1] ^= 1
    arrivals = device.arrivals()
    arrivals[2] = Arrival(device.id, bytes(poisoned))
    receipt = _accept(registered, arrivals)
    assert (receipt.committed, receipt.code, receipt.code_seq) == (6, ReceiptCode.BAD_SIGNATURE, 2)
    assert _stored(registered) == TAKEN[:4] + TAKEN[8:]
    assert fetch(registered, "SELECT verdict FROM block WHERE seq = 2") == [("bad-signature",)]
    receipt = _accept(registered, device.arrivals(2))
    assert (receipt.committed, receipt.code) == (6, ReceiptCode.OK)
    assert _stored(registered) == TAKEN
    assert fetch(registered, "SELECT seq, reason FROM block_aside") == [(2, "supersedes")]


def test_damage_holds_safe_until_it_is_repaired_or_vouched_for(registered: Database) -> None:
    """`safe` stops below a copy that may be damaged; not below one that the device itself sealed so and chained on."""
    device = made_log(COUNTS)
    poisoned = device.blocks[2][:-1] + bytes([device.blocks[2][-1] ^ 1])
    receipt = _accept(registered, [*device.arrivals(0, 1), Arrival(device.id, poisoned), *device.arrivals(3, 4, 5, 6)])
    assert (receipt.committed, receipt.safe) == (6, 1)
    receipt = _accept(registered, device.arrivals(2))
    assert (receipt.committed, receipt.safe, receipt.code) == (6, 6, ReceiptCode.OK)

    meter = make_meter()
    later = JULY_AT + len(COUNTS) * QUARTER_MS
    device.seal(make_readings(meter, [COUNTS[-1] + 1], later), key=make_key(99))
    device.seal(make_readings(meter, [COUNTS[-1] + 2], later + QUARTER_MS))
    receipt = _accept(registered, device.arrivals(7))
    assert (receipt.committed, receipt.safe, receipt.code_seq) == (7, 6, 7)
    receipt = _accept(registered, device.arrivals(8))
    assert (receipt.committed, receipt.safe, receipt.code) == (8, 8, ReceiptCode.OK)
    assert _stored(registered) == [*TAKEN, (later + QUARTER_MS, COUNTS[-1] + 2)]


def test_the_newest_block_poisoned_and_repaired_has_the_hash_of_the_copy_held(registered: Database) -> None:
    """The receipt's hash is that of the bytes in the slot, before and after the repair."""
    device = made_log(COUNTS)
    poisoned = device.blocks[6][:-1] + bytes([device.blocks[6][-1] ^ 1])
    receipt = _accept(registered, [*device.arrivals(*range(6)), Arrival(device.id, poisoned)])
    assert receipt.committed_hash == hash_block(poisoned)[:16]
    receipt = _accept(registered, device.arrivals(6))
    assert receipt.committed_hash == hash_block(device.blocks[6])[:16]


def test_a_block_sealed_by_a_stranger_is_not_read(registered: Database) -> None:
    """A block whose key is not registered for its device is held with that verdict and counts for nothing."""
    device = made_log(COUNTS[:4])
    forged = device.seal(
        make_readings(make_meter(), [9_999_999], JULY_AT + QUARTER_MS * 5), key=make_key(99), keep=False
    )
    _accept(registered, [*device.arrivals(), Arrival(device.id, forged)])
    assert _stored(registered) == TAKEN[:4]
    assert fetch(registered, "SELECT verdict FROM block WHERE seq = 2") == [("unknown-key",)]


def test_an_unknown_device_is_refused_and_remembered(database: Database) -> None:
    """Without registration no custody is taken: window 0, nothing stored but that it was heard."""
    device = made_log(COUNTS)
    accepted = accept_blocks(database, device.arrivals(), TERMS, NOW)
    (receipt,) = accepted.receipts
    assert (receipt.code, receipt.window, receipt.committed) == (ReceiptCode.UNKNOWN_KEY, 0, -1)
    assert accepted.refused == {(device.id, device.epoch)}
    assert fetch(database, "SELECT count(*) FROM block") == [(0,)]
    assert fetch(database, "SELECT id, messages FROM unknown_device") == [(device.id, 7)]


def test_made_up_devices_fill_no_disk(database: Database) -> None:
    """Of all that were heard without being registered, the latest are remembered."""
    with database.write() as connection:
        for number in range(registry.UNKNOWN_MAX + 5):
            registry.note_unknown_device(connection, DeviceId(number.to_bytes(10, "big")), NOW + number, messages=1)
    assert fetch(database, "SELECT count(*), min(first_seen_at) FROM unknown_device") == [
        (registry.UNKNOWN_MAX, NOW + 5)
    ]


def test_registering_a_device_lets_the_same_blocks_in(database: Database) -> None:
    """What was refused before the registration is taken after it, and the device is unknown no longer."""
    device = made_log(COUNTS)
    accept_blocks(database, device.arrivals(), TERMS, NOW)
    register_device(database, device.pem, "", NOW)
    assert _accept(database, device.arrivals()).committed == 6
    assert _stored(database) == TAKEN
    assert fetch(database, "SELECT count(*) FROM unknown_device") == [(0,)]


def test_a_block_on_another_device_s_topic_is_dropped(registered: Database) -> None:
    """A device cannot speak for another, whatever the broker lets through."""
    device, other = made_log(COUNTS), MadeDevice(seed=2)
    accepted = accept_blocks(registered, [Arrival(other.id, device.blocks[0])], TERMS, NOW)
    assert (accepted.receipts, len(accepted.rejected)) == ((), 1)
    assert device.text in accepted.rejected[0]
    assert fetch(registered, "SELECT count(*) FROM block") == [(0,)]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=300))
def test_bytes_that_are_no_block_are_rejected_in_one_sentence(registered: Database, raw: bytes) -> None:
    """Noise on a topic takes no slot and harms nobody."""
    accepted = accept_blocks(registered, [Arrival(MadeDevice().id, raw)], TERMS, NOW)
    assert (accepted.receipts, len(accepted.rejected)) == ((), 1)


def test_readings_without_descriptor_wait_for_it(registered: Database) -> None:
    """Readings whose meter was never described are asked for, and counted when the description comes."""
    device, meter = MadeDevice(), make_meter()
    device.seal()
    device.seal(make_readings(meter, COUNTS[:4], JULY_AT))
    receipt = _accept(registered, device.arrivals())
    assert (receipt.committed, receipt.code, receipt.code_seq) == (1, ReceiptCode.DESCRIPTOR_WANTED, 1)
    assert _stored(registered) == []
    device.seal(meter)
    receipt = _accept(registered, device.arrivals(2))
    assert (receipt.committed, receipt.code) == (2, ReceiptCode.OK)
    assert _stored(registered) == TAKEN[:4]


def test_readings_ahead_of_their_descriptor_in_one_block_count(registered: Database) -> None:
    """The description may come later in the same block: nothing is lost, and nothing goes on waiting."""
    device, meter = MadeDevice(), make_meter()
    device.seal(make_readings(meter, COUNTS[:4], JULY_AT), meter)
    assert _accept(registered, device.arrivals()).code is ReceiptCode.OK
    assert _stored(registered) == TAKEN[:4]


def test_readings_that_their_descriptor_does_not_explain_are_left_out_once(
    registered: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They wait for nothing, so nothing is derived again on their account, however often the meter is described."""
    device, meter = MadeDevice(), make_meter()
    again: list[int] = []

    def read_bytes(_connection: object, stream: int, _seqs: object) -> dict[int, bytes]:
        again.append(stream)
        return {}

    monkeypatch.setattr(custody, "read_bytes", read_bytes)
    for place in range(6):
        odd = replace(make_readings(meter, [5], JULY_AT + place * QUARTER_MS), registers={7: (5,)})
        device.seal(meter, odd, make_readings(meter, COUNTS[place : place + 1], JULY_AT + place * QUARTER_MS))
    receipts = [_accept(registered, device.arrivals(seq)) for seq in range(6)]
    assert {receipt.code for receipt in receipts} == {ReceiptCode.OK}
    assert again == []
    assert _stored(registered) == TAKEN[:6]
    assert _findings(registered) == ["reading_unexplained"]
    assert fetch(registered, "SELECT seq, reason FROM underived") == [(seq, "unexplained") for seq in range(6)]


@pytest.mark.parametrize("fault", ["in Python", "in SQL"])
def test_a_block_that_cannot_be_derived_undoes_nothing_but_itself(
    registered: Database, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """R5: its bytes are committed with the others, its readings are left out and the page says so."""
    poison = COUNTS[9]
    if fault == "in SQL":
        with registered.write() as connection:
            connection.exec_driver_sql(
                f"CREATE TRIGGER poison BEFORE INSERT ON reading WHEN NEW.raw = {poison} "
                "BEGIN SELECT RAISE(ABORT, 'poison'); END"
            )
    else:
        monkeypatch.setattr(
            derive_readings, "energies_wh", lambda counts, _scale: counts if poison not in counts else 1 // 0
        )
    device = made_log(COUNTS)
    receipt = _accept(registered, device.arrivals())
    assert (receipt.committed, receipt.safe, receipt.code) == (6, 6, ReceiptCode.OK)
    assert _stored(registered) == TAKEN[:8] + TAKEN[12:]
    assert fetch(registered, "SELECT seq, reason FROM underived") == [(3, "failed")]
    assert _findings(registered) == ["block_underivable"]


def test_a_stranger_opens_no_epoch(registered: Database) -> None:
    """Blocks under an epoch that nothing signed by the device ever named are dropped, one sentence each."""
    epoch = Epoch(bytes.fromhex("adadadadadadadad"))
    device = MadeDevice(epoch=epoch)
    forged = [device.seal(make_readings(make_meter(), [1], JULY_AT), key=make_key(99)) for _ in range(2)]
    arrivals = [Arrival(device.id, raw) for raw in forged]
    accepted = accept_blocks(registered, arrivals, TERMS, NOW)
    assert (accepted.receipts, len(accepted.rejected)) == ((), 2)
    assert fetch(registered, "SELECT count(*) FROM stream") == [(0,)]
    answer_state(registered, device.id, device.state(), terms=TERMS, now=NOW, retained=False)
    assert _accept(registered, arrivals).committed == 1
    assert fetch(registered, "SELECT epoch, block_at FROM stream") == [(epoch, None)]


def test_an_intact_block_opens_its_epoch_for_those_beside_it(registered: Database) -> None:
    """A block damaged on the way is held if any of the same epoch came intact with it."""
    device = made_log(COUNTS)
    damaged = device.blocks[0][:-1] + bytes([device.blocks[0][-1] ^ 1])
    assert _accept(registered, [Arrival(device.id, damaged), *device.arrivals(1)]).committed == 1


def test_a_device_registered_while_its_block_is_looked_at_is_not_unknown(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal may still go out, but nobody is asked to register what is registered."""
    device = made_log(COUNTS)

    def load_and_register(database: Database, devices: set[DeviceId]) -> object:
        keys = load_keys(database, devices)
        register_device(database, device.pem, "", NOW)
        return keys

    with monkeypatch.context() as late:
        late.setattr("hub.services.accept_blocks.load_keys", load_and_register)
        accepted = accept_blocks(database, device.arrivals(), TERMS, NOW)
    assert accepted.refused == {(device.id, device.epoch)}
    assert fetch(database, "SELECT count(*) FROM unknown_device") == [(0,)]


def test_the_same_reading_sealed_again_in_a_new_epoch_counts_once(registered: Database) -> None:
    """Effectively once: the key of a reading does not contain the log it came in."""
    first = made_log(COUNTS[:8])
    second = MadeDevice(epoch=Epoch(bytes.fromhex("e2e2e2e2e2e2e2e2")))
    second.seal(make_meter(), make_readings(make_meter(), COUNTS[:8], JULY_AT))
    again = wire.read_block(first.blocks[1])[0].frames[0]
    assert isinstance(again, Readings)
    second.seal(again)
    _accept(registered, first.arrivals())
    _accept(registered, second.arrivals())
    offsets = fetch(registered, "SELECT count(*), count(DISTINCT read_at) FROM reading")
    assert offsets == [(12, 8)]
    # The frame taken over from the first log is the same reading; the one with another boottime is another.
    assert fetch(registered, "SELECT count(*) FROM reading_conflict") == [(0,)]


def test_two_values_for_one_reading_are_both_kept(registered: Database) -> None:
    """The first value counts, the second is kept beside it and shown; neither is lost or averaged."""
    device = made_log(COUNTS[:4])
    readings = make_readings(make_meter(), [7, 8, 9, 10], JULY_AT)
    _accept(registered, device.arrivals())
    device.seal(readings)
    _accept(registered, device.arrivals(2))
    assert _stored(registered) == TAKEN[:4]
    assert fetch(registered, "SELECT register_wh, seq FROM reading_conflict ORDER BY read_at") == [
        (7, 2),
        (8, 2),
        (9, 2),
        (10, 2),
    ]


def test_readings_are_counted_by_what_became_of_them(registered: Database) -> None:
    """New ones, those that were sealed again, and those that say otherwise than what is held."""
    device = made_log(COUNTS[:4])
    first = accept_blocks(registered, device.arrivals(), TERMS, NOW)
    device.seal(make_readings(make_meter(), [*COUNTS[:3], COUNTS[3] + 1, 5], JULY_AT))
    second = accept_blocks(registered, device.arrivals(2), TERMS, NOW)
    again = accept_blocks(registered, device.arrivals(2), TERMS, NOW)
    assert [first.readings, second.readings, again.readings] == [
        {"stored": 4, "duplicate": 0, "conflict": 0},
        {"stored": 1, "duplicate": 3, "conflict": 1},
        {},
    ]


def test_two_different_blocks_for_one_slot_are_a_fork(registered: Database) -> None:
    """A second intact block for a slot is kept aside and stops the epoch."""
    device, twin = made_log(COUNTS[:8]), made_log([*COUNTS[:4], 1, 2, 3, 4])
    _accept(registered, device.arrivals())
    receipt = _accept(registered, twin.arrivals(2))
    assert (receipt.code, receipt.code_seq, receipt.window) == (ReceiptCode.FORK, 2, 0)
    assert fetch(registered, "SELECT seq, reason FROM block_aside") == [(2, "conflict")]
    assert _stored(registered) == TAKEN[:8]


def test_what_is_kept_aside_has_a_limit(registered: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a limit for each reason, bytes for a slot that is held are dropped and named; what is kept can come again.

    Neither stops what the device itself sends.
    """
    monkeypatch.setattr(custody, "ASIDE_MAX", 3)
    device = made_log(COUNTS)
    _accept(registered, device.arrivals(0, 1, 2))
    raw = device.blocks[2]
    junk = [Arrival(device.id, raw[:-1] + bytes([raw[-1] ^ change])) for change in range(1, 7)]
    forks = [made_log([*COUNTS[:4], 1, 2, 3, count]).arrivals(2)[0] for count in range(5)]
    taken = accept_blocks(registered, [*junk, *forks, *junk[:3]], TERMS, NOW)
    assert len(taken.rejected) == 3 + 2
    assert all("is dropped" in sentence and device.text in sentence for sentence in taken.rejected)
    kept = fetch(registered, "SELECT reason, count(*) FROM block_aside GROUP BY reason ORDER BY reason")
    assert kept == [("conflict", 3), ("junk", 3)]
    assert _accept(registered, device.arrivals()).committed == 6


def test_gaps_and_poll_errors_are_kept_with_their_causes(registered: Database) -> None:
    """A hole is explained by what the device said, not inferred."""
    device = made_log(COUNTS[:4])
    device.seal(
        Gap(0, JULY_AT, JULY_AT + QUARTER_MS, GapCause.EDGE_OFF),
        PollErrors(0, JULY_AT, JULY_AT + QUARTER_MS, {"timeout": 3, "exception-2": 1}),
    )
    _accept(registered, device.arrivals())
    assert fetch(registered, "SELECT cause, to_at - from_at FROM gap") == [("edge-off", QUARTER_MS)]
    assert fetch(registered, "SELECT cause, polls FROM poll_error ORDER BY cause") == [
        ("exception-2", 1),
        ("timeout", 3),
    ]


def test_under_hold_nothing_may_be_released(registered: Database) -> None:
    """R1: committing is not safe where the hub's policy says to wait."""
    terms = replace(TERMS, safe=SafePolicy.HOLD)
    device = made_log(COUNTS)
    (receipt,) = accept_blocks(registered, device.arrivals(), terms, NOW).receipts
    assert (receipt.committed, receipt.safe) == (6, -1)


def test_nothing_is_acknowledged_that_could_not_be_stored(
    registered: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the database refuses, no receipt exists, and the same batch succeeds later."""
    device = made_log(COUNTS)

    def refuse(*_arguments: object) -> None:
        statement = "COMMIT"
        raise OperationalError(statement, None, OSError("disk full"))

    with monkeypatch.context() as broken:
        broken.setattr(custody, "save_streams", refuse)
        with pytest.raises(StoreUnavailableError, match="disk full"):
            accept_blocks(registered, device.arrivals(), TERMS, NOW)
    assert fetch(registered, "SELECT count(*) FROM block") == [(0,)]
    assert _accept(registered, device.arrivals()).committed == 6


def test_a_hub_opened_again_continues_where_it_committed(tmp_path: Path) -> None:
    """What a receipt said survives the end of the process."""
    device = made_log(COUNTS)
    database = open_hub(tmp_path, new_timeline=b"timeline", at=NOW)
    register_device(database, device.pem, "", NOW)
    _accept(database, device.arrivals(0, 1, 2))
    database.close()
    database = open_hub(tmp_path, new_timeline=b"another!", at=NOW)
    assert _accept(database, device.arrivals(3)).committed == 3
    assert fetch(database, "SELECT timeline FROM hub") == [(b"timeline",)]
    database.close()
