"""Codes of a second factor: six digits that a phone shows for thirty seconds (RFC 6238, over RFC 4226)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote

STEP_MS = 30_000
DIGITS = 6
SECRET_BYTES = 20
WINDOW = 1
"""Steps by which a phone's clock may be off, either way."""


def code_at(secret: bytes, step: int) -> str:
    """Return the code of a step (30 seconds each since 1970)."""
    digest = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def match_code(secret: bytes, code: str, now: int, last_step: int) -> int | None:
    """Return the step that a code is of at `now` (UTC ms), None if it is none, or not newer than the last one used.

    A code counts once: who looked over a shoulder has nothing.
    """
    typed = "".join(code.split())
    at = now // STEP_MS
    found = None
    for step in range(at - WINDOW, at + WINDOW + 1):
        # Each is compared, and in constant time: how long it takes tells nothing.
        if hmac.compare_digest(code_at(secret, step).encode(), typed.encode()) and step > last_step:
            found = step
    return found


def spell_secret(secret: bytes) -> str:
    """Return a secret as phones take it by hand: base 32, in groups of four."""
    text = base64.b32encode(secret).decode().rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def enrolment_uri(secret: bytes, account: str) -> str:
    """Return the address by which an authenticator takes a secret over."""
    return f"otpauth://totp/Meterline:{quote(account)}?secret={spell_secret(secret).replace(' ', '')}&issuer=Meterline"
