"""The wire does not change by accident: files written once are still read, and still written to the same bytes."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from protocol import chain, sequence, wire
from protocol.chain import Verdict
from protocol.cose import Kind, VerifyingKey, open_envelope
from protocol.fields import VERSION
from protocol.identity import hash_block
from protocol.key_statement import follow_history, read_key_statement, seal_key_statement
from protocol.messages import Genesis
from tests.protocol.strategies import DEVICE_KEY, P256_KEY
from tests.protocol.vector_files import MANIFEST, changed, freeze, read_manifest
from tests.protocol.vectors import DEVICE, FOLDER, vectors

if TYPE_CHECKING:
    from pathlib import Path

VECTORS = vectors()


def _file(name: str) -> bytes:
    return (FOLDER / f"{name}{VECTORS[name].suffix}").read_bytes()


def test_frozen_files_are_what_was_frozen() -> None:
    """No file of a released version ever changes: a new meaning needs a new version and vectors of its own."""
    assert not changed(FOLDER), f"a vector of version {VERSION} changed: {', '.join(changed(FOLDER))}"


def test_every_file_is_frozen() -> None:
    """There is no file without a digest, and none without a vector that the tests would miss."""
    names = {path.name for path in FOLDER.iterdir()}
    assert names == {MANIFEST, *read_manifest(FOLDER)}
    assert names - {MANIFEST} == {
        f"{name}{end}" for name, vector in VECTORS.items() for end in (vector.suffix, ".json")
    }


def test_freezing_adds_and_never_alters(tmp_path: Path) -> None:
    """Writing the vectors again leaves a file that was tampered with as it is, and says which it was before."""
    folder = tmp_path / "v1"
    shutil.copytree(FOLDER, folder)
    (folder / "state_death.cbor").write_bytes(b"other")
    (folder / "block_key.json").unlink()
    assert changed(folder) == ["block_key.json", "state_death.cbor"]
    freeze(folder, VECTORS)
    assert (folder / "state_death.cbor").read_bytes() == b"other"
    assert (folder / "block_key.json").read_text() == VECTORS["block_key"].to_json()


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_messages_are_still_sealed_to_the_same_bytes(name: str) -> None:
    """The message of each vector, sealed today, gives the bytes and the description in its files."""
    assert _file(name) == VECTORS[name].sealed
    assert (FOLDER / f"{name}.json").read_text() == VECTORS[name].to_json()


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
        case "result":
            result, envelope = wire.read_result(sealed)
            assert envelope.verified_by(Kind.RESULT, key)
            assert wire.encode_result(result) == payload
        case "command":
            assert wire.encode_command(wire.read_command(sealed, key)) == payload
        case "key":
            statement = read_key_statement(sealed)
            assert (statement.old_spki, statement.new_spki) == (key.spki, P256_KEY.spki)
            assert seal_key_statement(statement.device, DEVICE_KEY, P256_KEY) == sealed
        case _:
            assert wire.encode_receipt(wire.read_receipt(sealed, key)) == payload


def test_blocks_of_the_vectors_form_a_log() -> None:
    """The blocks continue one another from the genesis on, and explain their readings."""
    sealed = [_file(f"block_{name}") for name in ("genesis", "readings", "events", "command", "key")]
    read = [wire.read_block(raw)[0] for raw in sealed]
    assert chain.begins(read[0]) is None
    for previous, raw, block in zip(read, sealed, read[1:], strict=False):
        assert chain.follows(previous, hash_block(raw), block) is None
    assert chain.describes(read[1], {})[1] == ()


def test_second_epoch_leads_back_to_the_first() -> None:
    """The later genesis names the last block of the first epoch, and its history leads to the key that seals it."""
    block, envelope = wire.read_block(_file("block_second_genesis"))
    genesis = block.frames[0]
    assert isinstance(genesis, Genesis)
    last = wire.read_block(_file("block_key"))[0]
    assert genesis.predecessor == (last.epoch, last.seq, hash_block(_file("block_key")))
    assert genesis.predecessor_receipt == _file("receipt_damaged")
    assert genesis.key_history == (_file("key_statement"),)
    assert envelope.verified_by(Kind.BLOCK, follow_history(DEVICE, genesis.key_history))
    assert wire.read_state(_file("state_history"))[0].key_history == genesis.key_history


def test_sequence_holds_the_log() -> None:
    """The file of the log splits into its blocks, byte for byte."""
    names = [item["name"] for item in json.loads((FOLDER / "sequence_log.json").read_text())["items"]]
    assert sequence.split(_file("sequence_log")) == tuple(map(_file, names))
