"""The hub's two keys, for receipts and for commands: each made once, kept in a file that only its owner may read."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.errors import SettingsError
from hub.files import make_folder, sync_folder, write_synced
from protocol.cose import SigningKey
from protocol.errors import UnusableKeyError

if TYPE_CHECKING:
    from pathlib import Path

KEY_NAME = "receipt-key.pem"
COMMAND_KEY_NAME = "command-key.pem"
"""Another key than that of receipts: who can make a device let go of blocks need not be able to change its settings."""
KEY_NAMES = (KEY_NAME, COMMAND_KEY_NAME)


def load_receipt_key(folder: Path) -> SigningKey:
    """Return the hub's receipt key from `folder`; raises SettingsError if it is missing or unusable."""
    return _load(folder, KEY_NAME, "receipt key", "key")


def ensure_receipt_key(folder: Path) -> SigningKey:
    """Return the hub's receipt key, made on first use; raises SettingsError if that is impossible."""
    return _ensure(folder, KEY_NAME, "receipt key", "key")


def ensure_command_key(folder: Path) -> SigningKey:
    """Return the hub's command key, made on first use; raises SettingsError if that is impossible."""
    return _ensure(folder, COMMAND_KEY_NAME, "command key", "key --command")


def check_keys(folder: Path) -> None:
    """Read those of the hub's keys that lie in `folder`; raises SettingsError for the first that is no key."""
    for name, what in ((KEY_NAME, "receipt key"), (COMMAND_KEY_NAME, "command key")):
        if (folder / name).exists():
            _load(folder, name, what, "key")


def _load(folder: Path, name: str, what: str, command: str) -> SigningKey:
    path = folder / name
    try:
        return SigningKey.from_pem(path.read_bytes())
    except FileNotFoundError as error:
        message = f"{path} does not exist yet: run `meter-hub {command} --data {folder}` to make it"
        raise SettingsError(message) from error
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}; it must belong to the user who runs the hub"
        raise SettingsError(message) from error
    except UnusableKeyError as error:
        message = f"{path} is not the hub's {what}: {error}; restore it from a backup"
        raise SettingsError(message) from error


def _ensure(folder: Path, name: str, what: str, command: str) -> SigningKey:
    """Return the key in this file, made if there is none.

    The file appears whole or not at all, also across a power cut: written and synced under another name, then linked
    into place, then the folder synced. Two programs that start together end with the same key.
    """
    path = folder / name
    if not path.exists():
        key = SigningKey.from_private(Ed25519PrivateKey.generate())
        draft = folder / f".{name}.{secrets.token_hex(8)}"
        try:
            make_folder(folder)
            _link_once(draft, path, key.to_pem())
            sync_folder(folder)
        except OSError as error:
            message = f"the {what} cannot be written to {folder}: {error.strerror}; check owner and free space"
            raise SettingsError(message) from error
    return _load(folder, name, what, command)


def _link_once(draft: Path, path: Path, content: bytes) -> None:
    try:
        write_synced(draft, content)
        path.hardlink_to(draft)
    except FileExistsError:
        # Another process was first: its key is the hub's key.
        return
    finally:
        draft.unlink(missing_ok=True)
