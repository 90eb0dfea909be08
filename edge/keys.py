"""The device's signing keys on disk: readable by their owner only, never half-written.

    signing-key.pem         the key that signs; the first one made is the enrolment key, whose hash is the device id
    signing-key.next.pem    a key that is to follow it; takes its place once the log says so
    key-history.cbor        the key statements from the enrolment key on (a CBOR sequence, RFC 8742)

The log decides which key signs: a rotation has happened when the journal has committed its key statement, and the files
follow. The history beside the key is what is left of it when the journal is lost.

KeyFileError        a key file is missing, unreadable or not a key
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol import sequence
from protocol.cose import SigningKey, VerifyingKey
from protocol.errors import ProtocolError
from protocol.identity import derive_device_id
from protocol.key_statement import follow_history, read_key_statement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from protocol.identity import DeviceId

HISTORY_NAME = "key-history.cbor"
NEXT_SUFFIX = ".next.pem"


class KeyFileError(Exception):
    """A key file is missing, unreadable or does not hold a key of the kind that is asked for."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """A device, the key that signs for it now, and the key statements that lead to it from the enrolment key."""

    device: DeviceId
    key: SigningKey
    history: tuple[bytes, ...] = ()


def load_keyring(path: Path, committed: Sequence[bytes] = ()) -> Keyring:
    """Return who signs, from the key file `path`, what lies beside it, and the statements that the journal committed.

    Changes nothing on disk. Raises KeyFileError if the key that should sign is not there, or if file and journal tell
    different histories.
    """
    history = _longer(path, _read_history(path, committed), tuple(committed))
    if not history:
        key = load_signing_key(path)
        return Keyring(derive_device_id(key.spki), key)
    try:
        device = read_key_statement(history[0]).device
        wanted = follow_history(device, history)
    except ProtocolError as error:
        message = f"the key history beside {path} cannot be followed: {error}; put back the file {HISTORY_NAME}"
        raise KeyFileError(message) from error
    for candidate in (path, _next_path(path)):
        if candidate.exists() and (key := load_signing_key(candidate)).spki == wanted.spki:
            return Keyring(device, key, history)
    message = (
        f"the log of this device is signed with key {wanted.key_id.hex()}, which is not in {path}: put it back there"
    )
    raise KeyFileError(message)


def enrolment_key(keyring: Keyring) -> VerifyingKey:
    """Return the key that the device was registered with, and that its id is derived from."""
    if not keyring.history:
        return keyring.key.public
    return VerifyingKey.from_spki(read_key_statement(keyring.history[0]).old_spki)


def settle_keys(path: Path, keyring: Keyring) -> None:
    """Make the files say what `keyring` says, durably, each step safe to be cut off; raises KeyFileError.

    Only for the journal's owner, after the journal has committed the statements. The key before is overwritten last.
    """
    try:
        if keyring.history and _read_history(path, keyring.history) != keyring.history:
            _write_durably(path.with_name(HISTORY_NAME), sequence.join(keyring.history))
        if load_signing_key(path).spki != keyring.key.spki:
            _next_path(path).rename(path)
            _sync_folder(path)
    except OSError as error:
        message = f"the key files beside {path} cannot be written ({error.strerror}): make room there, then start again"
        raise KeyFileError(message) from error


def draft_signing_key(path: Path) -> SigningKey:
    """Return the key that is to follow the one in `path`: made durable beside it, and used by nobody yet.

    A draft that is there already is returned as it is, so that a rotation that was cut off goes on with the same key.
    Raises KeyFileError.
    """
    return ensure_signing_key(_next_path(path))


def _next_path(path: Path) -> Path:
    return path.with_name(path.stem + NEXT_SUFFIX)


def _read_history(path: Path, committed: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the statements in the history file; what the journal holds too, a damaged file may be written from."""
    history_path = path.with_name(HISTORY_NAME)
    try:
        return sequence.split(history_path.read_bytes())
    except FileNotFoundError:
        return ()
    except (OSError, ProtocolError) as error:
        if committed:
            return ()
        message = f"the key history {history_path} cannot be read: {error}; put it back from a copy"
        raise KeyFileError(message) from error


def _longer(path: Path, on_file: tuple[bytes, ...], committed: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return the longer of two histories that must agree as far as both go."""
    longer, shorter = sorted((on_file, committed), key=len, reverse=True)
    if longer[: len(shorter)] != shorter:
        message = (
            f"the journal and {path.with_name(HISTORY_NAME)} tell different key histories: they belong to two devices;"
            " put back the files that belong together"
        )
        raise KeyFileError(message)
    return longer


def ensure_signing_key(path: Path) -> SigningKey:
    """Return the signing key in `path`, made on first use; raises KeyFileError.

    The device's identity hangs on this file, so a key that is there is never replaced; and a new one is written (PEM,
    mode 0600) so that a power cut leaves all of it or nothing.
    """
    if path.exists():
        return load_signing_key(path)
    key = SigningKey.from_private(Ed25519PrivateKey.generate())
    try:
        _make_folder(path.parent)
        _write_durably(path, key.to_pem())
    except OSError as error:
        message = f"the signing key {path} cannot be written ({error.strerror}): name a folder that you may write to"
        raise KeyFileError(message) from error
    return key


def _make_folder(folder: Path) -> None:
    """Make a folder and its parents, and the names of those that are new durable."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        _sync_folder(made)


def _write_durably(path: Path, content: bytes) -> None:
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    _sync_folder(path)


def _sync_folder(path: Path) -> None:
    """Make durable which files are in the folder of `path`."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load_signing_key(path: Path) -> SigningKey:
    """Return the signing key in the PEM file `path`; raises KeyFileError."""
    try:
        return SigningKey.from_pem(path.read_bytes())
    except FileNotFoundError as error:
        message = f"there is no signing key at {path}: make one with `meter-edge init --state-dir {path.parent}`"
        raise KeyFileError(message) from error
    except (OSError, ValueError) as error:
        message = f"{path} cannot be used as a signing key: {error}"
        raise KeyFileError(message) from error


def public_pem(key: SigningKey) -> bytes:
    """Return the public half of the key as PEM, as the hub takes it."""
    return key.public.to_pem()


def load_hub_key(path: Path, printed_by: str = "meter-hub key") -> VerifyingKey:
    """Return a public key of the hub in the PEM file `path`, as the command `printed_by` prints it; or KeyFileError."""
    try:
        return VerifyingKey.from_pem(path.read_bytes())
    except FileNotFoundError as error:
        message = f"there is no hub key at {path}: write what `{printed_by}` prints into it"
        raise KeyFileError(message) from error
    except (OSError, ValueError) as error:
        message = f"{path} is not the public key of a hub (PEM): {error}"
        raise KeyFileError(message) from error
