"""What the bodies of answers mean, and which are none."""

from __future__ import annotations

import pytest

from edge.metering.requests import (
    BODY_OCTETS_MAX,
    READ_DEVICE_IDENTIFICATION,
    REPORT_SERVER_ID,
    Request,
    body_fault,
    body_length,
    body_octets_max,
    objects_of,
    refusal,
    server_id_of,
    words_of,
)

WORDS = Request(1, 3, 2, 100)
SERVER_ID = Request(1, REPORT_SERVER_ID)
IDENTIFICATION = Request(1, READ_DEVICE_IDENTIFICATION)


def test_a_request_says_what_it_asks_for() -> None:
    """The words for people name the words of the meter, or what it is to say of itself."""
    assert [request.what for request in (WORDS, SERVER_ID, IDENTIFICATION)] == [
        "words 100 to 101",
        "its server id",
        "its device identification",
    ]


def test_what_is_in_a_good_body() -> None:
    """Words are big-endian; a server id is all behind the count; objects are numbered, and may go on elsewhere."""
    assert words_of(bytes.fromhex("03 04 0001 FFFE")) == (1, 0xFFFE)
    assert server_id_of(b"\x11\x03\x01\xffX") == b"\x01\xffX"
    assert objects_of(b"\x2b\x0e\x01\x01\0\0\x02\0\x04Acme\x01\0") == ({0: b"Acme", 1: b""}, None)
    assert objects_of(b"\x2b\x0e\x01\x01\xff\x01\x01\0\x04Acme") == ({0: b"Acme"}, 1)
    assert refusal(b"\x83\x02") == 2
    assert refusal(b"\x03\x02\0\0") is None


@pytest.mark.parametrize(
    ("body", "request_", "words"),
    [
        (b"\x04", WORDS, "function 4 instead of 3"),
        (b"\x03\x06", WORDS, "6 octets of words instead of 4"),
        (b"\x11\x00", SERVER_ID, "a server id of 0 octets"),
        (b"\x11\xff", SERVER_ID, "a server id of 255 octets"),
        (b"\x2b\x0d", IDENTIFICATION, "begins with 2b0d instead of 2b0e01"),
        (b"\x2b\x0e\x02", IDENTIFICATION, "begins with 2b0e02"),
        (b"\x2b\x0e\x01\x01\0\0\0", IDENTIFICATION, "without an object"),
        (b"\x2b\x0e\x01\x01\0\0\x01\0\xff", IDENTIFICATION, "longer than a reply may be"),
        (b"\x2b\x0e\x01\x01\0\0\xff" + bytes(247), IDENTIFICATION, "longer than a reply may be"),
    ],
)
def test_each_way_in_which_a_body_is_no_answer(body: bytes, request_: Request, words: str) -> None:
    """A body of another function, length or form is named by what is wrong with it."""
    assert words in (body_fault(body, request_) or "")


def test_no_body_is_longer_than_a_frame_holds() -> None:
    """What may be awaited is what the words take, else as much as a frame can hold."""
    assert body_octets_max(WORDS) == 6
    assert body_octets_max(SERVER_ID) == body_octets_max(IDENTIFICATION) == BODY_OCTETS_MAX
    assert body_length(b"", WORDS) is None
