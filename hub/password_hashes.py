"""Passwords as they are kept: argon2id, slow on purpose, and a few at a time so that logins cannot eat the memory."""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

HASHES_AT_ONCE = 2
HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
_TURNS = threading.BoundedSemaphore(HASHES_AT_ONCE)


def hash_password(password: str) -> str:
    """Return what is kept of a password."""
    with _TURNS:
        return HASHER.hash(password)


def verify_password(kept: str | None, password: str) -> bool:
    """Return whether this is the password; it takes as long where there is none."""
    nobody = _hash_of_nobody(HASHER)
    with _TURNS:
        try:
            HASHER.verify(kept or nobody, password)
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


@cache
def _hash_of_nobody(hasher: PasswordHasher) -> str:
    """Return what an unknown name is compared with; made for whoever asks first, known or not."""
    return hasher.hash("nobody's password, so that an unknown name takes as long as a known one")
