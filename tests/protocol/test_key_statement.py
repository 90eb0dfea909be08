"""A device goes from key to key under its own id, and nobody else can take it there."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import cbor, cose
from protocol.cose import Kind, SigningKey
from protocol.errors import MalformedError, ProtocolError, UnsupportedError, UnusableKeyError, UnverifiedError
from protocol.identity import DeviceId, derive_device_id
from protocol.key_statement import KeyStatement, follow_history, read_key_statement, seal_key_statement
from tests.protocol.strategies import DEVICE_KEY, HUB_KEY, P256_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

DEVICE = derive_device_id(DEVICE_KEY.spki)
KEYS = [
    DEVICE_KEY,
    P256_KEY,
    *(SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)) for n in range(4)),
]


def _history(keys: list[SigningKey], device: DeviceId = DEVICE) -> list[bytes]:
    return [seal_key_statement(device, old, new) for old, new in pairwise(keys)]


def _forge(changes: Mapping[int, object], seal: SigningKey = DEVICE_KEY, kind: Kind = Kind.KEY) -> bytes:
    """Return a statement from the device's key to the P-256 key with some fields changed."""
    content = cbor.decode(cose.open_envelope(seal_key_statement(DEVICE, DEVICE_KEY, P256_KEY)).payload)
    assert isinstance(content, dict)
    return cose.sign(kind, cbor.encode({**content, **changes}), seal)


def test_round_trip() -> None:
    """A statement says which key follows which for which device."""
    statement = read_key_statement(seal_key_statement(DEVICE, DEVICE_KEY, P256_KEY))
    assert statement == KeyStatement(device=DEVICE, old_spki=DEVICE_KEY.spki, new_spki=P256_KEY.spki)


@given(st.permutations(KEYS[1:]), st.integers(1, 5))
@settings(max_examples=20)
def test_history_leads_to_the_last_key(keys: list[SigningKey], length: int) -> None:
    """However often the key changed, the statements from the enrolment key on tell the last one."""
    assert follow_history(DEVICE, _history([DEVICE_KEY, *keys[:length]])).spki == keys[length - 1].spki


@given(st.data())
@settings(max_examples=20)
def test_history_with_a_statement_missing_or_moved_is_not_believed(data: st.DataObject) -> None:
    """Statements in any other selection or order than from the enrolment key on lead nowhere."""
    history = _history(KEYS)
    chosen = data.draw(st.lists(st.sampled_from(history), max_size=6))
    if chosen and chosen == history[: len(chosen)]:
        return
    with pytest.raises(UnverifiedError):
        follow_history(DEVICE, chosen)


def test_history_of_another_device_is_not_believed() -> None:
    """A statement that says another device id, true for itself, does not lead from this device."""
    other = derive_device_id(HUB_KEY.spki)
    with pytest.raises(UnverifiedError, match="another device"):
        follow_history(DEVICE, _history([DEVICE_KEY, P256_KEY], other))
    with pytest.raises(UnverifiedError, match="enrolment key"):
        follow_history(other, _history([DEVICE_KEY, P256_KEY], other))


@pytest.mark.parametrize(
    ("forged", "error"),
    [
        (_forge({}, seal=P256_KEY), UnverifiedError),
        (_forge({}, kind=Kind.BLOCK), UnverifiedError),
        (_forge({4: bytes(64)}), UnverifiedError),
        (_forge({1: derive_device_id(HUB_KEY.spki)}), UnverifiedError),
        (_forge({3: HUB_KEY.spki}), UnverifiedError),
        (_forge({2: P256_KEY.spki, 3: DEVICE_KEY.spki}, seal=P256_KEY), UnverifiedError),
        (_forge({3: DEVICE_KEY.spki}), MalformedError),
        (_forge({4: bytes(63)}), MalformedError),
        (_forge({2: b""}), MalformedError),
        (_forge({2: b"key"}), UnusableKeyError),
        (_forge({-1: 0}), UnsupportedError),
    ],
)
def test_forged_statements_are_refused(forged: bytes, error: type[ProtocolError]) -> None:
    """The old key must have sealed it, as a key statement, and the new one have agreed for this device and old key."""
    with pytest.raises(error):
        read_key_statement(forged)


def test_statement_of_one_key_is_not_made() -> None:
    """There is no statement from a key to itself."""
    with pytest.raises(MalformedError, match="to itself"):
        seal_key_statement(DEVICE, DEVICE_KEY, DEVICE_KEY)


def test_statements_fit_into_states_and_frames() -> None:
    """A statement between the largest keys we know stays far below the size that frames and states allow."""
    p256_again = _history([P256_KEY, DEVICE_KEY])[0]
    assert max(map(len, (p256_again, *_history(KEYS)))) < 512
