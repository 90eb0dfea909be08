"""Webhooks: signed as Standard Webhooks says, and never inside a network that nobody allowed."""

from __future__ import annotations

import base64
import socket
from typing import TYPE_CHECKING

import pytest

from hub.clock import monotonic_seconds
from hub.errors import InputError
from hub.exchange.mail import Verdict
from hub.exchange.webhooks import Webhooks, format_secret, sign
from simulators.ports import free_port
from tests.hub.programs import HOST
from tests.hub.receiving import Receiver

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = 1_700_000_000_000
SECRET = b"0123456789abcdef0123456789abcdef"
ALLOWED = (HOST,)


def test_a_message_is_signed_as_the_standard_says() -> None:
    """Its own example: this secret, id, time and body make this signature."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert format_secret(secret) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330_999, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, Verdict.SENT), (204, Verdict.SENT), (410, Verdict.REFUSED)]
    + [(status, Verdict.LATER) for status in (302, 400, 404, 429, 500, 503)],
)
def test_what_an_answer_means(status: int, verdict: Verdict) -> None:
    """Taken, never again, or later; a redirect is not followed."""
    with Receiver([status], location="http://127.0.0.1:1/") as receiver:
        answer = Webhooks(ALLOWED).deliver(receiver.url + "?a=1", SECRET, "msg_1", NOW, b"{}")
    assert (answer.verdict, answer.text.split()[:2]) == (verdict, ["HTTP", str(status)])
    (got,) = receiver.received
    assert (got.path, got.body, got.headers["webhook-id"]) == ("/hook?a=1", b"{}", "msg_1")
    assert got.headers["webhook-signature"] == sign(SECRET, "msg_1", NOW, b"{}")["webhook-signature"]
    assert got.headers["host"] == receiver.url.split("/")[2]


def test_nobody_there_is_an_answer_too() -> None:
    """A closed port, and a name that there is not."""
    for url in (f"http://{HOST}:{free_port()}/", "https://no-such-host.invalid/"):
        answer = Webhooks((HOST, "no-such-host.invalid"), 2).deliver(url, SECRET, "msg_1", NOW, b"{}")
        assert (answer.verdict, bool(answer.text)) == (Verdict.LATER, True)


def test_an_answer_that_drips_in_ends() -> None:
    """However slowly it comes: each octet arrives in time, and all of them do not."""
    began = monotonic_seconds()
    with Receiver(drips=True) as receiver:
        answer = Webhooks(ALLOWED, timeout_seconds=0.5).deliver(receiver.url, SECRET, "msg_1", NOW, b"{}")
        assert answer.verdict is Verdict.LATER
    assert monotonic_seconds() - began < 60


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.org", "ftp://example.org/", "https://", "https://a b/", "https://user:word@example.org/"),
        *("https://example.org/#part", "https://example.org:0/", "https://example.org:x/", "https://ex\u00e4mple.org/"),
        *("https://example.org/\n", "https://example.org/" + "x" * 1_000, "https://[::1/"),
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    """In a sentence that says how to write it."""
    with pytest.raises(InputError, match="https://host/path"):
        Webhooks().check(url)


def test_without_tls_only_where_it_is_allowed() -> None:
    """A message names devices and what is wrong with them."""
    with pytest.raises(InputError, match="unprotected"):
        Webhooks().check("http://example.org/")
    assert Webhooks(("EXAMPLE.org",)).check("http://example.org/hook") == "http://example.org/hook"
    assert Webhooks(("10.0.0.0/8",)).check("http://10.1.2.3/hook") == "http://10.1.2.3/hook"


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.0.0.8",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
        ),
        *("::1", "fe80::1", "fd00::1", "::ffff:10.0.0.8", "64:ff9b::a00:8", "2002:a00:8::", "ff02::1", "ff0e::1"),
    ],
)
def test_a_name_that_leads_inside_is_not_followed(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it says at first: what counts is where it leads when the message goes out, and all of it."""
    world = [(0, 0, 0, "", ("93.184.216.34", 443)), (0, 0, 0, "", (address, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: world)
    monkeypatch.setattr(socket, "create_connection", _never)
    answer = Webhooks().deliver("https://innocent.example/", SECRET, "msg_1", NOW, b"{}")
    assert answer.verdict is Verdict.LATER
    assert f"{address}, inside a network: allow it with --webhook-allow" in answer.text


def test_it_goes_to_the_address_that_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not to what the name means when it is asked a second time."""
    asked: list[str] = []
    reached: list[object] = []

    def look(host: str, *_: object, **__: object) -> Sequence[object]:
        asked.append(host)
        return [(0, 0, 0, "", ("93.184.216.34" if len(asked) == 1 else "127.0.0.1", 443))]

    def connect(place: object, *_: object) -> socket.socket:
        reached.append(place)
        message = "far away"
        raise OSError(message)

    monkeypatch.setattr(socket, "getaddrinfo", look)
    monkeypatch.setattr(socket, "create_connection", connect)
    answer = Webhooks().deliver("https://rebinding.example/", SECRET, "msg_1", NOW, b"{}")
    assert (answer.verdict, answer.text) == (Verdict.LATER, "far away")
    assert (asked, reached) == (["rebinding.example"], [("93.184.216.34", 443)])


def _never(*_: object, **__: object) -> None:
    pytest.fail("a connection was opened")
