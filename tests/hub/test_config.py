"""Addresses as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.config import (
    Address,
    CertificateFile,
    Security,
    parse_broker,
    parse_certificates,
    parse_listen,
    parse_pages_url,
    parse_sender,
    parse_smtp,
)
from hub.errors import SettingsError


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://127.0.0.1:1884", Address("127.0.0.1", 1884)),
        ("mqtt://broker.example", Address("broker.example", 1883)),
        ("mqtt://[::1]:1883/", Address("::1", 1883)),
    ],
)
def test_a_broker_is_read(url: str, address: Address) -> None:
    """Host and port, the usual port where none is given."""
    assert parse_broker(url) == address


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:1883", "http://x", "mqtt://", "mqtt://h:99999", "mqtt://h:x", "mqtt://h/t"]
)
def test_what_is_no_broker_is_refused(url: str) -> None:
    """Anything else is named with an example."""
    with pytest.raises(SettingsError, match="mqtt://127"):
        parse_broker(url)


@pytest.mark.parametrize(("text", "host", "port"), [("127.0.0.1:0", "127.0.0.1", 0), ("[::1]:8080", "::1", 8080)])
def test_an_address_to_listen_on_is_read_and_written(text: str, host: str, port: int) -> None:
    """What is read is written the same."""
    assert parse_listen(text) == Address(host, port)
    assert str(parse_listen(text)) == text


@pytest.mark.parametrize("text", ["", "8080", ":8080", "host:", "host:-1", "host:70000", "host:web"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """Anything else is named with an example."""
    with pytest.raises(SettingsError, match=r"127\.0\.0\.1:8080"):
        parse_listen(text)


@pytest.mark.parametrize(
    ("url", "address", "security"),
    [
        ("smtp://127.0.0.1", Address("127.0.0.1", 25), Security.PLAIN),
        ("smtp://127.8.0.9:2525/", Address("127.8.0.9", 2525), Security.PLAIN),
        ("smtp://localhost:25", Address("localhost", 25), Security.PLAIN),
        ("smtp://[::1]:25", Address("::1", 25), Security.PLAIN),
        ("smtp+starttls://localhost", Address("localhost", 587), Security.STARTTLS),
        ("smtp://mail.example.org", Address("mail.example.org", 587), Security.STARTTLS),
        ("smtp://192.0.2.1:25", Address("192.0.2.1", 25), Security.STARTTLS),
        ("smtp://localhost.example.org", Address("localhost.example.org", 587), Security.STARTTLS),
        ("smtps://mail.example.org", Address("mail.example.org", 465), Security.TLS),
    ],
)
def test_a_mail_server_off_this_machine_is_protected(url: str, address: Address, security: Security) -> None:
    """Nothing leaves the machine in the open, whatever the port; here it may."""
    assert parse_smtp(url) == (address, security)


@pytest.mark.parametrize(
    "url",
    ["", "mail.example.org", "http://x", "smtp://", "smtp://h:99999", "smtp://h/x", "smtp://u:p@h", "smtp://u@h:25"],
)
def test_what_is_no_mail_server_is_refused(url: str) -> None:
    """Also a password in an address, where others would read it."""
    with pytest.raises(SettingsError, match="smtp://host:port"):
        parse_smtp(url)


def test_a_sender_is_an_address() -> None:
    """Nothing else could be answered or judged by others."""
    assert parse_sender("reminders@example.org") == "reminders@example.org"
    with pytest.raises(SettingsError, match="to send from"):
        parse_sender("Meterline <reminders@example.org>")


def test_where_the_pages_are_is_a_web_address() -> None:
    """A slash at its end is left out; what is no address for people is refused."""
    assert parse_pages_url("https://hub.example.org/pts/") == "https://hub.example.org/pts"
    assert parse_pages_url("http://127.0.0.1:8080") == "http://127.0.0.1:8080"
    for url in ("", "hub", "ftp://x", "https://", "https://h?x=1", "https://h/#x", "https://h/a b", "https://[x"):
        with pytest.raises(SettingsError, match="https://hub"):
            parse_pages_url(url)


def test_certificates_to_watch_are_named_by_their_use() -> None:
    """A path may hold a sign of equality itself."""
    found = parse_certificates(["pages=/etc/ssl/a=b.pem", "broker=server.pem"])
    assert found == (CertificateFile("pages", Path("/etc/ssl/a=b.pem")), CertificateFile("broker", Path("server.pem")))


@pytest.mark.parametrize("texts", [["/etc/ssl/hub.pem"], ["pages="], ["Pages=a"], ["=a"], ["pages=a", "pages=b"]])
def test_what_names_no_certificate_is_refused(texts: list[str]) -> None:
    """With how it is written."""
    with pytest.raises(SettingsError, match="write it as use=path"):
        parse_certificates(texts)
