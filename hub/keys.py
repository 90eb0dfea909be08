"""The hub's receipt key: made once, kept in one file that only its owner may read."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.errors import SettingsError
from protocol.cose import SigningKey
from protocol.errors import UnusableKeyError

if TYPE_CHECKING:
    from pathlib import Path

KEY_NAME = "receipt-key.pem"


def load_receipt_key(folder: Path) -> SigningKey:
    """Return the hub's receipt key from `folder`; raises SettingsError if it is missing or unusable."""
    path = folder / KEY_NAME
    try:
        return SigningKey.from_pem(path.read_bytes())
    except FileNotFoundError as error:
        message = f"{path} does not exist yet: run `meter-hub key --data {folder}` to make it"
        raise SettingsError(message) from error
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}; it must belong to the user who runs the hub"
        raise SettingsError(message) from error
    except UnusableKeyError as error:
        message = f"{path} is not the hub's receipt key: {error}; restore it from a backup"
        raise SettingsError(message) from error


def ensure_receipt_key(folder: Path) -> SigningKey:
    """Return the hub's receipt key, made on first use; raises SettingsError if that is impossible.

    The file appears whole or not at all, also across a power cut: written and synced under another name, then linked
    into place, then the folder synced. Two hubs that start together end with the same key.
    """
    path = folder / KEY_NAME
    if not path.exists():
        key = SigningKey.from_private(Ed25519PrivateKey.generate())
        draft = folder / f".{KEY_NAME}.{secrets.token_hex(8)}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_synced(draft, key.to_pem())
            _link_once(draft, path)
            _sync_folder(folder)
        except OSError as error:
            message = f"the receipt key cannot be written to {folder}: {error.strerror}; check owner and free space"
            raise SettingsError(message) from error
    return load_receipt_key(folder)


def _write_synced(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _link_once(draft: Path, path: Path) -> None:
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        # Another process was first: its key is the hub's key.
        return
    finally:
        draft.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
