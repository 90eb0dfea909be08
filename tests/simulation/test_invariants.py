"""Every invariant can fail: a check that accepts anything would make the whole simulation worthless."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from protocol.identity import DeviceId, Epoch
from protocol.messages import Receipt
from simulators.custody import invariants
from simulators.custody.facts import ErrorsFact, ReadingFact, ReadingKey
from simulators.custody.invariants import BreachError, Harm, Watermark

if TYPE_CHECKING:
    from collections.abc import Callable

ONE = ReadingFact(ReadingKey("S-1", "1-0:2.8.0", 900_000, b"boot", 5), 1000)
TWO = ReadingFact(ReadingKey("S-1", "1-0:2.8.0", 1_800_000, b"boot", 6), 1100)
ERRORS = ErrorsFact(b"boot", 1, 0, 1, "timeout", 2)
HASH = bytes(range(32))
RECEIPT = Receipt(
    device=DeviceId(bytes(10)),
    epoch=Epoch(bytes(8)),
    committed=3,
    safe=2,
    committed_hash=HASH[:16],
    selective=(),
    window=1,
    pace_ms=0,
    nonce=b"",
    hub_at=0,
)

HOLDING: list[Callable[[], None]] = [
    lambda: invariants.every_fact_arrives({ONE, TWO, ERRORS}, {ONE}, {TWO, ERRORS}),
    lambda: invariants.the_hub_holds_only_what_was_read([ONE], {ONE.key: ONE.raw}),
    lambda: invariants.nothing_is_counted_twice([ONE, TWO, ERRORS]),
    lambda: invariants.no_receipt_precedes_its_commit(RECEIPT, Watermark(3, HASH)),
    lambda: invariants.no_receipt_precedes_its_commit(RECEIPT, Watermark(7, bytes(32))),
    lambda: invariants.no_receipt_precedes_its_commit(
        replace(RECEIPT, committed=-1, safe=-1, committed_hash=b""), None
    ),
    lambda: invariants.only_what_is_backed_up_is_released({ONE}, {ONE, TWO}),
    lambda: invariants.nothing_vanishes_by_licence({ONE}, {ONE}),
    lambda: invariants.committed_falls_only_after_a_restore(2, 2),
    lambda: invariants.accepted_facts_never_change([]),
    lambda: invariants.the_hub_follows_from_its_blocks({ONE}, {ONE}),
    lambda: invariants.each_epoch_is_one_chain([]),
    lambda: invariants.the_backlog_is_gone({"original": 0}, set()),
]

BROKEN: list[tuple[Harm, int, Callable[[], None]]] = [
    (Harm.LOST, 1, lambda: invariants.every_fact_arrives({ONE, TWO}, {ONE}, set())),
    (Harm.DOUBLED, 1, lambda: invariants.the_hub_holds_only_what_was_read([ONE, TWO], {ONE.key: ONE.raw})),
    (Harm.DOUBLED, 1, lambda: invariants.the_hub_holds_only_what_was_read([ONE], {ONE.key: ONE.raw + 1})),
    (Harm.DOUBLED, 1, lambda: invariants.nothing_is_counted_twice([ONE, ERRORS, ERRORS])),
    (Harm.WRONG, 1, lambda: invariants.no_receipt_precedes_its_commit(RECEIPT, None)),
    (Harm.WRONG, 1, lambda: invariants.no_receipt_precedes_its_commit(RECEIPT, Watermark(3, bytes(32)))),
    (Harm.LOST, 1, lambda: invariants.only_what_is_backed_up_is_released({ONE, TWO}, {ONE})),
    (Harm.LOST, 2, lambda: invariants.nothing_vanishes_by_licence({ONE, TWO}, set())),
    (Harm.WRONG, 1, lambda: invariants.committed_falls_only_after_a_restore(3, 2)),
    (Harm.WRONG, 1, lambda: invariants.accepted_facts_never_change(["updated"])),
    (Harm.WRONG, 1, lambda: invariants.the_hub_follows_from_its_blocks({ONE}, {ONE, TWO})),
    (Harm.WRONG, 2, lambda: invariants.each_epoch_is_one_chain([(RECEIPT.epoch, 3), (RECEIPT.epoch, 9)])),
    (Harm.STUCK, 1, lambda: invariants.the_backlog_is_gone({"original": 3}, set())),
    (Harm.STUCK, 2, lambda: invariants.the_backlog_is_gone({"original": 3}, {ONE, TWO})),
]


@pytest.mark.parametrize("check", HOLDING)
def test_what_may_be_is_accepted(check: Callable[[], None]) -> None:
    """An invariant says nothing of what is allowed."""
    check()


@pytest.mark.parametrize(("harm", "readings", "check"), BROKEN)
def test_what_must_not_be_is_a_breach(harm: Harm, readings: int, check: Callable[[], None]) -> None:
    """A broken invariant names its harm and how many readings it meets."""
    with pytest.raises(BreachError) as caught:
        check()
    assert (caught.value.breach.harm, caught.value.breach.readings) == (harm, readings)


def test_a_program_that_falls_over_is_a_breach() -> None:
    """What a program of ours fell over is said together with the place."""
    try:
        int("x")
    except ValueError as fault:
        breach = invariants.fallen_over(fault)
    assert breach.harm is Harm.STUCK
    assert breach.sentence.startswith("ValueError in test_invariants.py line ")
