"""The words of what channels and people are told: alerts, tests, signs of life, links, changes of their ways in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.exchange.notice_text import render_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.exchange.notice_text import Words


def write_dispatch(kind: str, body: Mapping[str, object], pages_url: str) -> Words:
    """Return the words of a message to a channel; `pages_url` is where the hub's pages are."""
    return render_words(f"channel_{kind}", {"pages_url": pages_url, "title": "Meterline", **body})


def write_link(kind: str, name: str, link: str, hours: int) -> Words:
    """Return the words of a mail with a link to set a password, which works once and for so many hours."""
    return render_words(f"link_{kind}", {"reader": name, "link": link, "hours": hours, "title": "Meterline"})


def write_change(name: str, account: str, what: str, when: str, reset_at: str) -> Words:
    """Return the words of a mail that tells somebody that a way into their account was changed.

    `reset_at` is where the hub's pages are at which another password can be set; empty where that would be of no use.
    """
    told = {"reader": name, "account": account, "what": what, "when": when, "reset_at": reset_at}
    return render_words("account_changed", {**told, "title": "Meterline"})
