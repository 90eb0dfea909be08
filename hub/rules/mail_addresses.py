"""E-mail addresses: which texts are one, so that nothing else ever reaches a mail server."""

from __future__ import annotations

import re

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(
    rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+)*@{_LABEL}(?:\.{_LABEL})*"
)
_LENGTH_MAX = 254
_LOCAL_LENGTH_MAX = 64


def is_mail_address(text: str) -> bool:
    """Return whether this is an address as RFC 5321 sends it: `name@domain`, ASCII, nothing quoted.

    A domain with other letters has to be written in its ASCII form (`xn--`).
    """
    local, _, _ = text.rpartition("@")
    return len(text) <= _LENGTH_MAX and len(local) <= _LOCAL_LENGTH_MAX and _ADDRESS.fullmatch(text) is not None
