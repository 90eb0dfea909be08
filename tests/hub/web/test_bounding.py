"""How much one request may bring: bounded before anybody is asked for, and no more of it read than that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hub.web.bounding import BODY_BYTES_MAX, IMPORT_BYTES_MAX, UPLOAD_BYTES_MAX, Bounded
from tests.hub.reporting import SYSTEM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Message, Receive, Scope, Send

    from tests.hub.web.acting import Api

MULTIPART = "multipart/form-data; boundary=edge"
PART = 64 * 1024
READINGS = f"/api/v1/systems/{SYSTEM}/readings"


@pytest.mark.parametrize(
    ("path", "media_type", "bytes_max"),
    [
        (READINGS, "application/json", BODY_BYTES_MAX),
        (READINGS, "", BODY_BYTES_MAX),
        ("/sign-in", "application/x-www-form-urlencoded", BODY_BYTES_MAX),
        ("/sign-in", MULTIPART, UPLOAD_BYTES_MAX),
        (f"/systems/{SYSTEM}/report", "Multipart/Form-Data; boundary=edge", UPLOAD_BYTES_MAX),
        ("/api/v1/photos", MULTIPART, UPLOAD_BYTES_MAX),
    ],
)
def test_a_stranger_is_told_at_once_that_it_is_too_much(api: Api, path: str, media_type: str, bytes_max: int) -> None:
    """By what its length says, or when the limit is reached where it says none; to a person in a page."""
    headers = {"content-type": media_type}
    for content in (b"x" * (bytes_max + 1), pieces(bytes_max + PART)):
        answer = api.client.post(path, content=content, headers=headers)
        assert answer.status_code == 413
        assert f"the limit is {bytes_max:,} bytes" in answer.text
        assert ("<h1" in answer.text) is not path.startswith("/api/")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_is_within_the_bound_goes_its_way(api: Api) -> None:
    """To the door, which asks who it is and what the body means."""
    assert api.client.post(READINGS, content=pieces(BODY_BYTES_MAX)).status_code == 401
    assert api.client.post(READINGS, content=pieces(BODY_BYTES_MAX), headers=api.headers("ann")).status_code == 422


def test_only_somebody_known_sends_a_table(api: Api) -> None:
    """And a table has a bound too."""
    path, headers = "/api/v1/imports/systems", api.headers("bea")
    told = {"content-type": MULTIPART, "content-length": str(IMPORT_BYTES_MAX + 1)}
    assert api.client.post(path, content=b"", headers=headers | told).status_code == 413
    table = {"file": ("systems.csv", b"x" * (UPLOAD_BYTES_MAX + 1))}
    assert api.client.post(path, files=table, headers=headers).json()["is_saved"] is False


def test_nothing_is_read_of_a_strangers_table(api: Api) -> None:
    """Who it is from stands before it."""
    headers = [(b"content-type", MULTIPART.encode())]
    told, given = flood(Bounded(never_called), "/api/v1/imports/systems", headers, api.client.app)
    assert (told, given) == (401, 0)


def test_no_more_is_read_than_the_bound(api: Api) -> None:
    """However much would come."""
    told, given = flood(Bounded(swallow), READINGS, [], api.client.app)
    assert (told, given) == (413, BODY_BYTES_MAX + PART)


async def swallow(_scope: Scope, receive: Receive, _send: Send) -> None:
    """Stand in for a door that reads all there is."""
    while True:
        await receive()


async def never_called(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Stand in for a door that nothing may come to."""
    pytest.fail("nobody knows who this is from")


def flood(app: Bounded, path: str, headers: list[tuple[bytes, bytes]], around: object) -> tuple[int, int]:
    """Send without end, and return the status of the answer and how many bytes were taken."""
    given, told = 0, []

    async def receive() -> Message:
        nonlocal given
        given += PART
        return {"type": "http.request", "body": b"x" * PART, "more_body": True}

    async def send(message: Message) -> None:
        told.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers, "app": around}
    asyncio.run(app(scope, receive, send))
    return told[0]["status"], given


def pieces(length: int) -> Iterator[bytes]:
    """Yield so many bytes in pieces, which say nothing of the length of all."""
    for _ in range(0, length, PART):
        yield b"x" * PART
