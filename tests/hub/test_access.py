"""Signing in as decisions: passwords, codes, waiting and the ages of sessions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import password_hashes
from hub.access.ages import FOR_OTHERS, FOR_STAFF, is_alive, is_staff
from hub.access.codes import STEP_MS, code_at, enrolment_uri, match_code, spell_secret
from hub.access.passwords import refuse_password
from hub.access.throttle import (
    ADDRESS_FAILURES_MAX,
    ADDRESS_SPAN_MS,
    FREE_FAILURES,
    WAIT_MS_MAX,
    address_wait_ms,
    wait_ms,
)
from hub.password_hashes import HASHER, hash_password, verify_password
from hub.rules.permissions import Relation, Role

SECRET = b"12345678901234567890"
"""That of the test vectors of RFC 6238, appendix B."""


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    """The last six digits of its test vectors."""
    assert code_at(SECRET, seconds // 30) == code
    assert match_code(SECRET, f"{code[:3]} {code[3:]}", seconds * 1000, 0) == seconds // 30


@given(step=st.integers(10, 10**7), off=st.integers(-3, 3), used=st.integers(-3, 3))
def test_a_code_counts_once_and_near_its_time(step: int, off: int, used: int) -> None:
    """A step before or after, and never again, nor one older than what was used."""
    found = match_code(SECRET, code_at(SECRET, step + off), step * STEP_MS, step + used)
    if abs(off) <= 1 and off > used:
        assert found == step + off
    elif found is not None:
        # Two steps may have the same code by chance.
        assert code_at(SECRET, found) == code_at(SECRET, step + off)


def test_what_is_no_code_matches_nothing() -> None:
    """Whatever it is."""
    assert [match_code(SECRET, text, 59_000, 0) for text in ("", "287083", "abc", "28708", "٢٨٧٠٨٢")] == [None] * 5


def test_a_secret_is_spelt_for_people_and_machines() -> None:
    """In groups of four, and as authenticators take it."""
    assert spell_secret(b"\x00" * 5) == "AAAA AAAA"
    assert enrolment_uri(b"\x00" * 5, "ann@x").startswith("otpauth://totp/Meterline:ann%40x?secret=AAAAAAAA&")


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("eleven sign", "at least 12"),
        ("x" * 129, "at most 128"),
        ("aaaaaaaaaaaabbb", "among the first"),
        ("PasswordPassword", "among the first"),
        ("ann is my name", "account's or this hub's"),
        ("my Meterline hub", "account's or this hub's"),
    ],
)
def test_a_password_that_is_guessed_at_once_is_refused(password: str, says: str) -> None:
    """With what to do."""
    refusal = refuse_password(password, "ann")
    assert refusal is not None
    assert says in refusal


@pytest.mark.parametrize(
    "password", ["four words in a row", "日本語のパスワードです。", "x7$Kp9!mQz2&", " spaces count too "]
)
def test_any_other_is_taken(password: str) -> None:
    """No kinds of signs are asked for, and none forbidden."""
    assert refuse_password(password, "ann") is None


@given(failures=st.integers(0, 60), ago=st.integers(0, WAIT_MS_MAX * 2))
def test_waiting_grows_and_ends(failures: int, ago: int) -> None:
    """A few tries are free, no wait is longer than a quarter of an hour, and it runs out."""
    now = 10**12
    waiting = wait_ms(failures, now - ago, now)
    assert 0 <= waiting <= WAIT_MS_MAX
    if failures < FREE_FAILURES:
        assert waiting == 0
    assert wait_ms(failures, now - WAIT_MS_MAX, now) == 0
    assert wait_ms(failures + 1, now - ago, now) >= waiting


def test_an_address_waits_until_its_span_is_over() -> None:
    """Over all accounts."""
    assert address_wait_ms(ADDRESS_FAILURES_MAX - 1, 0, 1) == 0
    assert address_wait_ms(ADDRESS_FAILURES_MAX, 1_000, 2_000) == ADDRESS_SPAN_MS - 1_000
    assert address_wait_ms(ADDRESS_FAILURES_MAX, 0, ADDRESS_SPAN_MS) == 0


def test_staff_have_short_sessions() -> None:
    """While their relation holds; by use and at the most."""
    relation = Relation("bea", Role.OPERATOR, None, 10, 20)
    assert [is_staff([relation], at) for at in (9, 10, 19, 20)] == [False, True, True, False]
    staff = {role for role in Role if is_staff([Relation("ann", role, "A-1", 0)], 15)}
    assert staff == {Role.OPERATOR, Role.AUDITOR, Role.SECURITY_ADMIN}
    for terms in (FOR_STAFF, FOR_OTHERS):
        assert is_alive(terms, 0, terms.absolute_ms - 2, terms.absolute_ms - 1)
        assert not is_alive(terms, 0, terms.absolute_ms - 1, terms.absolute_ms)
        assert not is_alive(terms, 0, 0, terms.idle_ms)
    assert FOR_STAFF.idle_ms < FOR_OTHERS.idle_ms


def test_a_password_is_kept_as_what_only_it_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its full cost, salted, so that two alike look different; nothing verifies where nothing is kept."""
    monkeypatch.setattr(password_hashes, "HASHER", HASHER)
    kept = hash_password("four words in a row")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert kept != hash_password("four words in a row")
    assert verify_password(kept, "four words in a row")
    assert not verify_password(kept, "four words in a Row")
    assert not verify_password(None, "four words in a row")
    assert not verify_password("nonsense", "four words in a row")
