"""A bundle proves what it claims, or says where it fails to; its head is read strictly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cddl_verifier import Validator

from protocol import cbor, sequence, wire
from protocol.errors import MalformedError, ProtocolError, UnsupportedError
from protocol.evidence import BundleHead, Claim, is_head, key_changes, read_head, write_bundle
from protocol.identity import Epoch
from protocol.verification import Severity, Terms, arrange, verify
from tests.protocol.logs import BOOTED_AT, GENERATED, MIDNIGHT, STEP, Log, key, meter, readings, whole_log

LOG = whole_log()
CLAIM = Claim(
    device=LOG.device,
    epoch=LOG.epoch,
    seq=3,
    meter=0,
    serial="WN-1",
    register=0,
    obis="1-0:2.8.0",
    read_at=MIDNIGHT + 9 * STEP,
    boottime_ms=MIDNIGHT + 9 * STEP - BOOTED_AT,
    raw=1090,
    value=1090,
    exponent=0,
    unit="Wh",
)
HEAD = BundleHead((CLAIM,), key(9).spki, (key(1).spki,))


def fault(claim: Claim, *blocks: bytes) -> str | None:
    """Return why a claim is not borne out by these blocks, None if it is."""
    report = verify(arrange(blocks or LOG.blocks), Terms(claims=(claim,)))
    errors = [one.message for one in report.findings if one.severity is Severity.ERROR]
    notes = [one.message for one in report.findings if "borne out by block" in one.message]
    assert len(errors) + len(notes) == 1
    return errors[0].partition("is not borne out: ")[2] if errors else None


def test_a_bundle_reads_back() -> None:
    """The head comes first and says what was put in; the messages after it are the same bytes."""
    bundle = write_bundle(HEAD, LOG.blocks[:2], [LOG.receipt(1, key(9))])
    first, *messages = sequence.split(bundle)
    assert (is_head(first), read_head(first)) == (True, HEAD)
    assert messages == [*LOG.blocks[:2], LOG.receipt(1, key(9))]
    assert not any(is_head(message) for message in messages)


def test_a_true_claim_is_borne_out() -> None:
    """The reading in the chain is what is claimed; a coarser value is rounded down."""
    assert fault(CLAIM) is None
    assert fault(replace(CLAIM, value=10, exponent=2)) is None
    assert fault(replace(CLAIM, value=10900, exponent=-1)) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"raw": 1091}, "read 1090, not 1091"),
        ({"value": 1091}, "is worth 1090 Wh, not 1091"),
        ({"read_at": MIDNIGHT}, "holds no such reading"),
        ({"boottime_ms": 0}, "holds no such reading"),
        ({"meter": 1}, "holds no such reading"),
        ({"register": 1}, "holds no such reading"),
        ({"serial": "WN-2"}, "it is register 1-0:2.8.0 of meter 'WN-1'"),
        ({"obis": "1-0:1.8.0"}, "it is register"),
        ({"unit": "varh"}, "it is register"),
        ({"seq": 25}, "was not shown intact"),
        ({"epoch": Epoch(b"another.")}, "was not shown intact"),
    ],
)
def test_a_false_claim_is_found_out(changes: dict[str, int], words: str) -> None:
    """Whatever part of a claim is false, the sentence says which."""
    found = fault(replace(CLAIM, **changes))  # type: ignore[arg-type]
    assert found is not None
    assert words in found


def test_a_claim_needs_the_descriptor() -> None:
    """Without the block that says what the register counts, a count is worth nothing."""
    log = Log()
    log.seal()
    log.seal(meter())
    log.seal(readings([1090], 9))
    claim = replace(CLAIM, seq=2)
    assert fault(claim, *log.blocks) is None
    assert (
        fault(claim, log.blocks[0], log.blocks[2]) == "the descriptor that says what the register counts was not shown"
    )


def test_a_count_that_is_no_number_bears_nothing_out() -> None:
    """A float that is not a number is worth nothing."""
    floating = meter(register=replace(GENERATED, kind="f"))
    log = Log()
    log.seal(floating, readings([0x7FC00000], 9, of=floating))
    report = verify(arrange(log.blocks), Terms(claims=(replace(CLAIM, seq=0, raw=0x7FC00000),)))
    assert any("is worth None" in one.message for one in report.findings)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({0: "other"}, MalformedError),
        ({1: 2}, UnsupportedError),
        ({1: 0}, MalformedError),
        ({2: []}, MalformedError),
        ({2: [{1: b"short"}]}, MalformedError),
        ({3: b""}, MalformedError),
        ({4: []}, MalformedError),
        ({-1: 0}, UnsupportedError),
    ],
)
def test_a_head_is_read_strictly(change: dict[int, object], error: type[ProtocolError]) -> None:
    """Another format, a newer version, and missing or misshapen fields are refused."""
    content = cbor.decode(sequence.split(write_bundle(HEAD, [], []))[0])
    assert isinstance(content, dict)
    with pytest.raises(error):
        read_head(cbor.encode(content | change))


def test_a_head_that_no_reader_accepts_is_not_written() -> None:
    """Claims out of range, and too many of them, are refused before anything is written."""
    for claims in ((), (replace(CLAIM, seq=-1),), (CLAIM,) * 257):
        with pytest.raises(MalformedError):
            write_bundle(replace(HEAD, claims=claims), [], [])
    with pytest.raises(MalformedError):
        write_bundle(replace(HEAD, claims=[CLAIM]), [], [])  # type: ignore[arg-type]


def test_hand_overs_are_found_in_sealed_blocks() -> None:
    """The last block that each key sealed is where it hands over to the next."""
    log = Log()
    log.seal(meter())
    log.rotate(key(2))
    log.seal(readings([1]))
    log.rotate(key(3))
    log.seal(readings([2], 1))
    assert key_changes(enumerate(log.blocks)) == [1, 3]
    assert key_changes([]) == []


def test_the_grammar_describes_the_head() -> None:
    """What is written matches `mrc1.cddl`, and what is refused here does not match there."""
    grammar = Validator(Path(wire.__file__).parent / "spec" / "mrc1.cddl")
    encoded = sequence.split(write_bundle(HEAD, [], []))[0]
    content = cbor.decode(encoded)
    assert isinstance(content, dict)
    assert grammar.validate(encoded, root_type="evidence-head").valid
    changes: list[dict[int, object]] = [{0: "other"}, {1: 2}, {2: []}, {2: [{1: b"short"}]}, {3: b""}, {4: []}, {-1: 0}]
    for change in changes:
        assert not grammar.validate(cbor.encode(content | change), root_type="evidence-head").valid
