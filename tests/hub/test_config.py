"""Addresses as people write them."""

from __future__ import annotations

import pytest

from hub.config import Address, parse_broker, parse_listen
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
