"""E-mail addresses: what a mail server may be told, and nothing that could be more than an address."""

from __future__ import annotations

import pytest

from hub.rules.mail_addresses import is_mail_address


@pytest.mark.parametrize(
    "text",
    [
        "ann@example.org",
        "Ann.O'Neil+pts@mail.example.org",
        "a@localhost",
        f"{'a' * 64}@x.org",
        "a@xn--bcher-kva.example",
    ],
)
def test_an_address_is_one(text: str) -> None:
    """Plain addresses as people have them."""
    assert is_mail_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "@example.org",
        "ann@",
        "a b@example.org",
        "ann@example.org\n",
        "ann@example.org\r\nBcc: eve@example.org",
        "ann@example.org, eve@example.org",
        "<ann@example.org>",
        "ann@example..org",
        ".ann@example.org",
        "ann@-x.org",
        "änn@example.org",
        "ann@bücher.example",
        '"a b"@example.org',
        f"{'a' * 65}@x.org",
        f"a@{'b' * 60}.{'b' * 60}.{'b' * 60}.{'b' * 60}.{'b' * 60}.org",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    """Blanks, lists, line ends, other letters, too long."""
    assert not is_mail_address(text)
