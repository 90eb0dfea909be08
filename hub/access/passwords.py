"""What a password may be: long, not guessed at once, and otherwise whatever people like (NIST SP 800-63B, 3.1.1.2)."""

from __future__ import annotations

LENGTH_MIN = 12
LENGTH_MAX = 128
DIFFERENT_MIN = 5
_OWN = "meterline"
_COMMON = frozenset(
    {
        "123456789012",
        "1234567890123",
        "12345678901234567890",
        "administrator",
        "correcthorsebatterystaple",
        "iloveyou1234",
        "letmeinplease",
        "password1234",
        "passwordpassword",
        "qwertyuiop123",
        "qwertyuiopasdf",
        "welcome12345",
    }
)
"""Of what is long enough, what is tried first; shorter ones are refused anyway."""


def refuse_password(password: str, account: str) -> str | None:
    """Return why this cannot be an account's password and what to do, None if it can.

    No kinds of signs are asked for and none are forbidden; nobody has to change a password because time has passed.
    """
    folded = password.casefold()
    if len(password) < LENGTH_MIN:
        return f"a password has at least {LENGTH_MIN} signs, and this one has {len(password)}: take a few words"
    if len(password) > LENGTH_MAX:
        return f"a password has at most {LENGTH_MAX} signs, and this one has {len(password)}: shorten it"
    if folded in _COMMON or len(set(folded)) < DIFFERENT_MIN:
        return "this password is among the first that are tried: take a few words that do not belong together"
    if account.casefold() in folded or _OWN in folded:
        return "a password does not hold the account's or this hub's name: they are tried first"
    return None
