"""Signing keys: learned from a device's own verified statements only, and what waited for them counts then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.services import learn_keys
from hub.services.accept_blocks import Arrival, accept_blocks
from hub.services.answer_state import answer_state
from hub.services.open_hub import open_hub
from hub.services.register_device import register_device
from hub.store import judging
from protocol import wire
from protocol.identity import Epoch, derive_key_id
from protocol.key_statement import seal_key_statement
from protocol.messages import Genesis, GenesisReason, KeyEvent, ReceiptCode
from tests.hub.making import (
    JULY_AT,
    NOW,
    QUARTER_MS,
    TERMS,
    MadeDevice,
    fetch,
    make_key,
    make_meter,
    make_readings,
)

if TYPE_CHECKING:
    from hub.store.database import Database
    from protocol.cose import SigningKey
    from protocol.messages import Frame

SECOND, THIRD = make_key(2), make_key(3)
METER = make_meter()


def _readings(place: int) -> Frame:
    return make_readings(METER, [100 + place], JULY_AT + place * QUARTER_MS)


def _statement(device: MadeDevice, old: SigningKey, new: SigningKey) -> bytes:
    return seal_key_statement(device.id, old, new)


def _rotated() -> MadeDevice:
    """Return a device that has sealed readings 1, 2 and 3 with its first, second and third key."""
    device = MadeDevice()
    device.seal(METER)
    device.seal(_readings(1))
    device.seal(KeyEvent(_statement(device, device.key, SECOND)))
    device.seal(_readings(2), key=SECOND)
    device.seal(KeyEvent(_statement(device, SECOND, THIRD)), key=SECOND)
    device.seal(_readings(3), key=THIRD)
    return device


def _read(database: Database) -> list[object]:
    return [row[0] for row in fetch(database, "SELECT register_wh FROM reading ORDER BY read_at")]


def test_the_log_goes_on_under_the_next_key(registered: Database) -> None:
    """Blocks after a key event count like those before, and each learned key keeps the statement that explains it."""
    device = _rotated()
    (receipt,) = accept_blocks(registered, device.arrivals(), TERMS, NOW).receipts
    assert (receipt.committed, receipt.safe, receipt.code) == (5, 5, ReceiptCode.OK)
    assert _read(registered) == [101, 102, 103]
    learned = fetch(registered, "SELECT id FROM signing_key WHERE statement IS NOT NULL ORDER BY id")
    assert learned == sorted([(SECOND.key_id,), (THIRD.key_id,)])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(6)), st.integers(1, 6), st.integers(1, 4))
def test_in_any_order_all_counts_in_the_end(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], size: int, judged_max: int
) -> None:
    """However blocks and key events are reordered and batched, and however few are judged at a time, all count."""
    device = _rotated()
    database = open_hub(tmp_path_factory.mktemp("keys") / "hub", new_timeline=b"timeline", at=NOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learn_keys, "JUDGED_AGAIN_MAX", judged_max)
        register_device(database, device.pem, "", NOW)
        answer_state(database, device.id, device.state(), terms=TERMS, now=NOW, retained=False)
        for start in range(0, 6, size):
            accept_blocks(database, device.arrivals(*order[start : start + size]), TERMS, NOW)
        for _ in range(6):
            answer_state(database, device.id, device.state(), terms=TERMS, now=NOW, retained=False)
    assert _read(database) == [101, 102, 103]
    assert fetch(database, "SELECT DISTINCT verdict FROM block") == [("ok",)]
    assert fetch(database, "SELECT committed, code, judge_from FROM stream") == [(5, 0, None)]
    database.close()


def test_the_rest_is_judged_with_the_next_block(registered: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one transaction had no room for the next one takes up."""
    monkeypatch.setattr(learn_keys, "JUDGED_AGAIN_MAX", 1)
    device = _rotated()
    device.seal(_readings(4), key=THIRD)
    accept_blocks(registered, device.arrivals(0, 1, 3, 4, 5), TERMS, NOW)
    assert _read(registered) == [101]
    codes = [accept_blocks(registered, device.arrivals(seq), TERMS, NOW).receipts[0].code for seq in (2, 6, 6)]
    assert codes == [ReceiptCode.BAD_SIGNATURE, ReceiptCode.BAD_SIGNATURE, ReceiptCode.OK]
    assert _read(registered) == [101, 102, 103, 104]


@pytest.mark.parametrize("forgery", ["by a stranger", "for a stranger", "about another device", "noise"])
def test_a_statement_that_the_device_did_not_make_teaches_nothing(registered: Database, forgery: str) -> None:
    """Only a known key of the device can vouch for another; the block that holds the statement is kept all the same."""
    device, other = MadeDevice(), MadeDevice(seed=7)
    statement = {
        "by a stranger": seal_key_statement(device.id, other.key, SECOND),
        "for a stranger": seal_key_statement(device.id, SECOND, other.key),
        "about another device": seal_key_statement(other.id, device.key, SECOND),
        "noise": b"noise",
    }[forgery]
    device.seal(METER, KeyEvent(statement))
    device.seal(_readings(1), key=SECOND)
    (receipt,) = accept_blocks(registered, device.arrivals(), TERMS, NOW).receipts
    assert (receipt.committed, receipt.code, receipt.code_seq) == (1, ReceiptCode.BAD_SIGNATURE, 1)
    assert fetch(registered, "SELECT verdict FROM block ORDER BY seq") == [("ok",), ("unknown-key",)]
    assert _read(registered) == []


class Reborn(MadeDevice):
    """A device that lost its database after two rotations: its new log begins with its key history."""

    @property
    def history(self) -> tuple[bytes, ...]:
        """The statements from the enrolment key on."""
        return (_statement(self, self.key, SECOND), _statement(self, SECOND, THIRD))

    def genesis(self) -> Genesis:
        """Return the first record of the log."""
        return Genesis(GenesisReason.DATABASE_LOST, THIRD.spki, "test", key_history=self.history)


def _reborn() -> Reborn:
    device = Reborn(epoch=Epoch(bytes.fromhex("e3e3e3e3e3e3e3e3")))
    device.seal(METER, key=THIRD)
    device.seal(_readings(1), key=THIRD)
    return device


def test_a_new_log_brings_its_key_history(registered: Database) -> None:
    """A hub that never heard of a rotation believes a log whose genesis leads from the enrolment key to its own."""
    (receipt,) = accept_blocks(registered, _reborn().arrivals(), TERMS, NOW).receipts
    assert (receipt.committed, receipt.code) == (1, ReceiptCode.OK)
    assert _read(registered) == [101]


def test_a_state_brings_the_key_history(registered: Database) -> None:
    """A hello that only its history explains is believed, and blocks that come before their genesis are too."""
    device = _reborn()
    assert accept_blocks(registered, device.arrivals(1), TERMS, NOW).receipts == ()
    hello = replace(wire.read_state(device.state())[0], key_history=device.history)
    answer = answer_state(registered, device.id, wire.seal_state(hello, THIRD), terms=TERMS, now=NOW, retained=False)
    assert answer.receipt is not None
    assert accept_blocks(registered, device.arrivals(1), TERMS, NOW).receipts[0].code is ReceiptCode.OK
    assert accept_blocks(registered, device.arrivals(0), TERMS, NOW).receipts[0].committed == 1
    assert _read(registered) == [101]


def test_a_genesis_with_another_s_history_opens_nothing(registered: Database) -> None:
    """A history that does not begin at this device's enrolment key explains nothing."""
    device = _reborn()
    stranger = MadeDevice(seed=7)
    history = (seal_key_statement(stranger.id, stranger.key, THIRD),)
    block = wire.read_block(device.blocks[0])[0]
    forged = replace(block, frames=(replace(device.genesis(), key_history=history), METER))
    arrival = Arrival(device.id, wire.seal_block(forged, THIRD))
    accepted = accept_blocks(registered, [arrival], TERMS, NOW)
    assert (accepted.receipts, len(accepted.rejected)) == ((), 1)
    assert fetch(registered, "SELECT count(*) FROM signing_key") == [(1,)]


def test_blocks_that_waited_for_a_key_count_when_a_state_explains_it(registered: Database) -> None:
    """Blocks stored before their key was known are derived by the hello that brings it."""
    device = MadeDevice()
    device.seal(METER)
    device.seal(_readings(1), key=SECOND)
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    assert _read(registered) == []
    hello = replace(wire.read_state(device.state())[0], key_history=(_statement(device, device.key, SECOND),))
    raw = wire.seal_state(hello, SECOND)
    answer = answer_state(registered, device.id, raw, terms=TERMS, now=NOW, retained=False)
    assert answer.receipt is not None
    assert (answer.receipt.code, answer.receipt.safe) == (ReceiptCode.OK, 1)
    assert _read(registered) == [101]


@pytest.mark.parametrize("history", ["of nobody", "of another device", "that leads elsewhere"])
def test_a_state_whose_history_does_not_explain_its_key_is_dropped(registered: Database, history: str) -> None:
    """A stranger cannot name its own key as the device's."""
    device, other = MadeDevice(), MadeDevice(seed=7)
    statements = {
        "of nobody": (),
        "of another device": (seal_key_statement(other.id, other.key, SECOND),),
        "that leads elsewhere": (_statement(device, device.key, THIRD),),
    }[history]
    hello = replace(wire.read_state(device.state())[0], key_history=statements)
    raw = wire.seal_state(hello, SECOND)
    answer = answer_state(registered, device.id, raw, terms=TERMS, now=NOW, retained=False)
    assert answer.receipt is None
    assert "not signed by it" in answer.rejected
    assert fetch(registered, "SELECT count(*) FROM signing_key") == [(1,)]


def test_an_old_log_is_judged_again_too(registered: Database) -> None:
    """A key learned in one epoch opens what waits for it in another."""
    first, second = MadeDevice(), MadeDevice(epoch=Epoch(bytes.fromhex("e2e2e2e2e2e2e2e2")))
    first.seal(METER)
    first.seal(_readings(1), key=SECOND)
    accept_blocks(registered, first.arrivals(), TERMS, NOW)
    second.seal(KeyEvent(_statement(second, second.key, SECOND)))
    receipts = accept_blocks(registered, second.arrivals(), TERMS, NOW).receipts
    assert {(receipt.epoch, receipt.committed, receipt.code) for receipt in receipts} == {
        (first.epoch, 1, ReceiptCode.OK),
        (second.epoch, 0, ReceiptCode.OK),
    }
    assert _read(registered) == [101]


def test_a_block_found_intact_that_contradicts_its_neighbour_is_a_fork(registered: Database) -> None:
    """A key that becomes known may show that the device sealed two logs."""
    device, twin = MadeDevice(), MadeDevice()
    for made in (device, twin):
        made.seal(METER)
    twin.seal(_readings(9))
    twin.seal(_readings(8), key=SECOND)
    device.seal(_readings(1))
    accept_blocks(registered, [*device.arrivals(), Arrival(twin.id, twin.blocks[2])], TERMS, NOW)
    with registered.write() as connection:
        assert learn_keys.learn_keys(connection, device.id, [_statement(device, device.key, SECOND)], NOW)
        assert judging.is_waiting(connection, device.id)
    (receipt,) = accept_blocks(registered, device.arrivals(0), TERMS, NOW).receipts
    assert (receipt.code, receipt.code_seq) == (ReceiptCode.FORK, 2)
    assert _read(registered) == [101]


def test_a_block_of_a_known_key_that_did_not_sign_it_stays_out(registered: Database) -> None:
    """Judged again, a forgery is a forgery: it gets the verdict that fits, and waits for no key any more."""
    device = MadeDevice()
    device.seal(METER)
    forged = device.seal(_readings(1), key=SECOND)
    forged = forged[:-1] + bytes([forged[-1] ^ 1])
    accept_blocks(registered, [*device.arrivals(0), Arrival(device.id, forged)], TERMS, NOW)
    device.seal(KeyEvent(_statement(device, device.key, SECOND)))
    accept_blocks(registered, device.arrivals(2), TERMS, NOW)
    assert fetch(registered, "SELECT verdict FROM block WHERE seq = 1") == [("bad-signature",)]
    assert fetch(registered, "SELECT judge_from FROM stream") == [(None,)]
    assert derive_key_id(SECOND.spki) == SECOND.key_id
