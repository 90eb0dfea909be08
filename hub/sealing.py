"""Secrets that the hub must be able to read again, sealed so that whoever has the database alone has none of them.

The key follows from that of the hub's receipts, which lies in a file of its own and in every backup.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.errors import SettingsError

if TYPE_CHECKING:
    from protocol.cose import SigningKey

_NONCE_LENGTH = 12
_PURPOSE = b"meterline sealed secrets 1"


class Sealer:
    """Seals and opens secrets; `place` says whose a secret is, and it opens there only."""

    def __init__(self, key: SigningKey) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(key.to_pem())
        self._cipher = AESGCM(derived)

    def seal(self, secret: bytes, place: str) -> bytes:
        """Return the secret as it is kept."""
        nonce = secrets.token_bytes(_NONCE_LENGTH)
        return nonce + self._cipher.encrypt(nonce, secret, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Return the secret; raises SettingsError for one that was sealed under another key, or elsewhere."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_LENGTH], sealed[_NONCE_LENGTH:], place.encode())
        except InvalidTag as error:
            message = f"the secret of {place} cannot be read with this hub's receipt key: restore the key it had"
            raise SettingsError(message) from error
