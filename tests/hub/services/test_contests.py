"""Contested devices: two that speak as one are noticed and shown, and custody goes on all the same."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.errors import InputError, UnknownSubjectError
from hub.rules.periods import parse_month
from hub.services.accept_blocks import accept_blocks
from hub.services.answer_state import answer_state
from hub.services.compute_production import compute_month
from hub.services.read_fleet import read_fleet
from hub.services.resolve_device import resolve_device
from protocol import wire
from protocol.identity import BlockHash, Epoch, hash_block
from protocol.messages import Instant, ReceiptCode, TimeQuality
from tests.hub.making import JULY_AT, NOW, QUARTER_MS, TERMS, MadeDevice, made_log, make_meter, make_readings

if TYPE_CHECKING:
    from hub.services.answer_state import Answer
    from hub.store.database import Database

METER = make_meter()
BARN, COPY = b"barncard", b"copycard"
LATER = Epoch(bytes.fromhex("e2e2e2e2e2e2e2e2"))


def _hello(database: Database, instance: bytes, nonce: bytes, *, retained: bool = False) -> Answer:
    device = MadeDevice()
    state = replace(wire.read_state(device.state(nonce))[0], instance=instance)
    raw = wire.seal_state(state, device.key)
    return answer_state(database, device.id, raw, terms=TERMS, now=NOW, retained=retained)


def _contested(database: Database) -> str:
    with database.read() as connection:
        return read_fleet(connection, NOW).devices[0].contested


def test_an_instance_that_comes_back_is_a_copy(registered: Database) -> None:
    """A card that is replaced once is a repair; one that speaks again after its successor is two devices."""
    _hello(registered, BARN, b"aaaa")
    _hello(registered, COPY, b"bbbb")
    assert not _contested(registered)
    answer = _hello(registered, BARN, b"cccc")
    assert "two different cards" in _contested(registered)
    assert answer.receipt is not None
    assert (answer.receipt.code, answer.receipt.window) == (ReceiptCode.CONTESTED, TERMS.window)


def test_what_a_broker_kept_says_nothing_of_who_speaks_now(registered: Database) -> None:
    """A retained state of an earlier card may come at any time."""
    _hello(registered, BARN, b"aaaa")
    _hello(registered, COPY, b"bbbb")
    _hello(registered, BARN, b"aaaa", retained=True)
    assert not _contested(registered)


def _seal_at(device: MadeDevice, sealed_at: int, quality: TimeQuality = TimeQuality.SYNCHRONISED) -> None:
    """Have the device's newest block sealed at that instant (UTC ms)."""
    block = wire.read_block(device.blocks.pop())[0]
    previous = hash_block(device.blocks[-1]) if device.blocks else BlockHash(bytes(32))
    sealed = replace(block, sealed=Instant(sealed_at, 1000, quality), previous=previous)
    device.blocks.append(wire.seal_block(sealed, device.key))


def _two_logs(quality: TimeQuality = TimeQuality.SYNCHRONISED) -> tuple[MadeDevice, MadeDevice]:
    """Return a log of two blocks and the next one, begun an hour after; block 2 of the first is sealed after that."""
    first, second = MadeDevice(), MadeDevice(epoch=LATER)
    for device, begun_at in ((first, JULY_AT), (second, JULY_AT + 4 * QUARTER_MS)):
        device.seal(METER)
        _seal_at(device, begun_at)
    for place, sealed_at in ((1, JULY_AT + 2 * QUARTER_MS), (2, JULY_AT + 8 * QUARTER_MS)):
        first.seal(make_readings(METER, [100 + place], JULY_AT + place * QUARTER_MS))
        _seal_at(first, sealed_at, quality)
    return first, second


def test_an_old_log_that_goes_on_is_a_copy(registered: Database) -> None:
    """Late blocks of an old log are welcome; one sealed after the new log began was sealed by somebody else."""
    first, second = _two_logs()
    accept_blocks(registered, [*first.arrivals(0), *second.arrivals(0)], TERMS, NOW)
    accept_blocks(registered, first.arrivals(1), TERMS, NOW)
    assert not _contested(registered)
    (receipt,) = accept_blocks(registered, first.arrivals(2), TERMS, NOW).receipts
    assert (receipt.committed, receipt.safe, receipt.code) == (2, 2, ReceiptCode.CONTESTED)
    assert "old log" in _contested(registered)


def test_a_clock_nobody_vouches_for_accuses_nobody(registered: Database) -> None:
    """Without a verified time of sealing nothing can be said of which was first."""
    first, second = _two_logs(TimeQuality.UNKNOWN)
    accept_blocks(registered, [*first.arrivals(0), *second.arrivals(0)], TERMS, NOW)
    accept_blocks(registered, first.arrivals(1, 2), TERMS, NOW)
    assert not _contested(registered)


def test_a_fork_is_told_before_a_contest(registered: Database) -> None:
    """A device must hear of a fork, or it would not begin the log in which its readings are safe."""
    for instance, nonce in ((BARN, b"aaaa"), (COPY, b"bbbb"), (BARN, b"cccc")):
        _hello(registered, instance, nonce)
    counts = list(range(100, 108))
    accept_blocks(registered, made_log(counts).arrivals(), TERMS, NOW)
    twin = made_log([*counts[:4], 1, 2, 3, 4])
    (receipt,) = accept_blocks(registered, twin.arrivals(2), TERMS, NOW).receipts
    assert (receipt.code, receipt.window) == (ReceiptCode.FORK, 0)


def test_the_months_of_a_contested_device_stay_open(registered: Database) -> None:
    """Its number stands, is not complete, says why, and is complete once somebody has resolved it."""
    month = parse_month("2016-07")
    device = made_log([5000, 9000], per_block=1)
    edges = (month.starts_at, month.ends_at)
    device.blocks, device.records = device.blocks[:1], 2
    for edge, count in zip(edges, (5000, 9000), strict=True):
        device.seal(make_readings(METER, [count], edge))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)

    def production() -> tuple[int | None, bool, list[str]]:
        with registered.read() as connection:
            part = compute_month(connection, "SLF-AB1234-00001", month).meters[0].production
        return part.production_wh, part.complete, [str(finding.kind) for finding in part.findings]

    assert production() == (4000, True, [])
    for instance, nonce in ((BARN, b"aaaa"), (COPY, b"bbbb"), (BARN, b"cccc")):
        _hello(registered, instance, nonce)
    assert production() == (4000, False, ["device_contested"])
    with registered.read() as connection:
        findings = read_fleet(connection, NOW).findings
    assert [finding.code for finding in findings] == ["device_contested"]
    assert f"meter-hub device resolve {device.text}" in findings[0].text
    assert resolve_device(registered, device.text, NOW).id == device.id
    assert production() == (4000, True, [])


def test_resolved_is_not_forgiven(registered: Database) -> None:
    """Should the other one speak again, the device is contested again."""
    for instance, nonce in ((BARN, b"aaaa"), (COPY, b"bbbb"), (BARN, b"cccc")):
        _hello(registered, instance, nonce)
    resolve_device(registered, MadeDevice().text, NOW)
    _hello(registered, BARN, b"dddd")
    assert not _contested(registered)
    _hello(registered, COPY, b"eeee")
    assert _contested(registered)


def test_only_a_contested_device_can_be_resolved(registered: Database) -> None:
    """Each wrong wish is answered by one sentence."""
    for wrong, error, words in (
        ("barn", InputError, "not a device id"),
        (MadeDevice(seed=9).text, UnknownSubjectError, "not registered"),
        (MadeDevice().text, InputError, "not contested"),
    ):
        with pytest.raises(error, match=words):
            resolve_device(registered, wrong, NOW)


def test_the_command_resolves(registered: Database) -> None:
    """`meter-hub device resolve` says what it did, also to machines."""
    for instance, nonce in ((BARN, b"aaaa"), (COPY, b"bbbb"), (BARN, b"cccc")):
        _hello(registered, instance, nonce)
    data, device = str(registered.path.parent), MadeDevice().text
    result = CliRunner().invoke(app, ["device", "resolve", device, "--data", data, "--json"])
    assert (result.exit_code, json.loads(result.output)) == (0, {"device": device, "contested": False})
    assert not _contested(registered)
