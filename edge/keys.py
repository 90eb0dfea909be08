"""The device's signing key on disk: made once, readable by its owner only, never half-written.

KeyFileError        a key file is missing, unreadable or not a key
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.cose import SigningKey, VerifyingKey

if TYPE_CHECKING:
    from pathlib import Path


class KeyFileError(Exception):
    """A key file is missing, unreadable or does not hold a key of the kind that is asked for."""


def ensure_signing_key(path: Path) -> SigningKey:
    """Return the signing key in `path`, made on first use; raises KeyFileError.

    The device's identity hangs on this file, so a key that is there is never replaced; and a new one is written (PEM,
    mode 0600) so that a power cut leaves all of it or nothing.
    """
    if path.exists():
        return load_signing_key(path)
    key = SigningKey.from_private(Ed25519PrivateKey.generate())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_durably(path, key.to_pem())
    except OSError as error:
        message = f"the signing key {path} cannot be written ({error.strerror}): name a folder that you may write to"
        raise KeyFileError(message) from error
    return key


def _write_durably(path: Path, content: bytes) -> None:
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
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
    return VerifyingKey.from_spki(key.spki).to_pem()


def load_hub_key(path: Path) -> VerifyingKey:
    """Return the hub's public receipt key in the PEM file `path` (from `meter-hub key`); raises KeyFileError."""
    try:
        return VerifyingKey.from_pem(path.read_bytes())
    except FileNotFoundError as error:
        message = f"there is no hub key at {path}: write what `meter-hub key` prints into it"
        raise KeyFileError(message) from error
    except (OSError, ValueError) as error:
        message = f"{path} is not the public key of a hub (PEM): {error}"
        raise KeyFileError(message) from error
