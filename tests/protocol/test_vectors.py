"""The wire does not change by accident: files written once are still read, and still written to the same bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from protocol import chain, wire
from protocol.chain import Verdict
from protocol.cose import Kind, VerifyingKey, open_envelope
from protocol.identity import hash_block
from tests.protocol.vectors import FOLDER, vectors

if TYPE_CHECKING:
    from pathlib import Path

VECTORS = vectors()


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_messages_are_still_sealed_to_the_same_bytes(name: str) -> None:
    """The message of each vector, sealed today, gives the bytes and the description in its files."""
    assert (FOLDER / f"{name}.cbor").read_bytes() == VECTORS[name].sealed
    assert (FOLDER / f"{name}.json").read_text() == VECTORS[name].to_json()


def test_files_and_vectors_correspond() -> None:
    """There is no file without a vector that the tests would miss."""
    assert {path.stem for path in FOLDER.iterdir()} == set(VECTORS)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.cbor")), ids=lambda path: path.stem)
def test_files_are_still_read(path: Path) -> None:
    """Each file opens, verifies with the key named beside it, and encodes again to the payload it came from."""
    sealed = path.read_bytes()
    description = json.loads(path.with_suffix(".json").read_text())
    key = VerifyingKey.from_spki(bytes.fromhex(description["signer_spki"]))
    payload = open_envelope(sealed).payload
    match path.stem.split("_")[0]:
        case "block":
            assert chain.judge(sealed, {key.key_id: key}).verdict is Verdict.OK
            assert wire.encode_block(wire.decode_block(payload)) == payload
        case "state":
            state, envelope = wire.read_state(sealed)
            assert envelope.verified_by(Kind.STATE, key)
            assert wire.encode_state(state) == payload
        case _:
            assert wire.encode_receipt(wire.read_receipt(sealed, key)) == payload


def test_blocks_of_the_vectors_form_a_log() -> None:
    """The three blocks continue one another from the genesis on, and explain their readings."""
    sealed = [(FOLDER / f"block_{name}.cbor").read_bytes() for name in ("genesis", "readings", "events")]
    first, second, third = (wire.read_block(raw)[0] for raw in sealed)
    assert chain.begins(first) is None
    assert [second.previous, third.previous] == [hash_block(raw) for raw in sealed[:2]]
    assert chain.follows(first, second.previous, second) is None
    assert chain.follows(second, third.previous, third) is None
    assert chain.describes(second, {})[1] == ()
