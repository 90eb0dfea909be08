"""Custody by POST is the custody of MQTT: the same bytes, the same verdicts, a signed receipt as the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.services.accept_blocks import accept_blocks
from hub.services.issue_command import CommandRequest, issue_command
from hub.services.register_device import register_device
from hub.web.custody import BODY_BYTES_MAX, MEDIA_TYPE, MESSAGES_MAX
from protocol import sequence, wire
from protocol.commands import RestartAgent, Result, ResultStatus
from protocol.messages import Receipt, ReceiptCode, State
from tests.hub.making import EPOCH, JULY_AT, NOW, QUARTER_MS, MadeDevice, make_meter, make_readings
from tests.hub.programs import COMMAND_KEY

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from fastapi import FastAPI
    from fastapi.testclient import TestClient
    from httpx2 import Response

    from hub.web.context import Hub


@pytest.fixture
def device(hub: Hub) -> MadeDevice:
    """Return a registered device with three blocks."""
    made = MadeDevice()
    made.seal(make_meter())
    for place in (0, 1):
        made.seal(make_readings(make_meter(), [1, 2], JULY_AT + place * QUARTER_MS * 2))
    register_device(hub.database, made.pem, "Barn", NOW)
    return made


def read(hub: Hub, answer: Response) -> list[Receipt]:
    """Return the receipts in an answer, each signed by the hub."""
    assert (answer.status_code, answer.headers["content-type"]) == (200, MEDIA_TYPE), answer.text
    return [wire.read_receipt(raw, hub.receipt_key.public) for raw in sequence.split(answer.content)]


def post(client: TestClient, device: MadeDevice, body: bytes, what: str = "") -> Response:
    """Return the answer to this body posted for the device."""
    answer: Response = client.post(f"/v1/custody/{device.text}{what}", content=body)
    return answer


def test_posted_blocks_are_committed_and_the_answer_says_so(client: TestClient, hub: Hub, device: MadeDevice) -> None:
    """A sequence of blocks gets one receipt for their epoch; the same sequence again changes nothing."""
    body = sequence.join(device.blocks)
    (first,) = read(hub, post(client, device, body))
    (again,) = read(hub, post(client, device, body))
    assert (first.device, first.epoch, first.committed) == (device.id, EPOCH, len(device.blocks) - 1)
    assert (again.committed, again.committed_hash) == (first.committed, first.committed_hash)


def test_either_binding_takes_up_what_the_other_left(client: TestClient, hub: Hub, device: MadeDevice) -> None:
    """Blocks that came by MQTT and blocks that are posted make one log."""
    accept_blocks(hub.database, device.arrivals()[:1], hub.terms, NOW)
    (receipt,) = read(hub, post(client, device, sequence.join(device.blocks[1:])))
    assert receipt.committed == len(device.blocks) - 1


def test_a_posted_hello_is_answered_with_its_nonce(client: TestClient, hub: Hub, device: MadeDevice) -> None:
    """The receipt for a state echoes the nonce, so that a device may believe a regressed hub."""
    state = State(device=device.id, nonce=b"once", online=True, epoch=EPOCH, head=2)
    (receipt,) = read(hub, post(client, device, wire.seal_state(state, device.key), "/state"))
    assert (receipt.nonce, receipt.committed) == (b"once", -1)


def test_a_stranger_is_refused_by_a_signed_receipt(client: TestClient, hub: Hub) -> None:
    """A device nobody registered gets the refusal that MQTT would carry; nothing of it is stored."""
    stranger = MadeDevice(seed=9)
    stranger.seal(make_meter())
    (receipt,) = read(hub, post(client, stranger, sequence.join(stranger.blocks)))
    assert (receipt.code, receipt.committed) == (ReceiptCode.UNKNOWN_KEY, -1)


def test_damaged_items_do_not_hold_up_the_others(client: TestClient, hub: Hub, device: MadeDevice) -> None:
    """A forged block among intact ones is kept aside and named; what stands behind it is committed."""
    forged = bytearray(device.blocks[1])
    forged[-1] ^= 1
    (receipt,) = read(hub, post(client, device, sequence.join([device.blocks[0], bytes(forged), device.blocks[2]])))
    assert (receipt.committed, receipt.code, receipt.code_seq) == (2, ReceiptCode.BAD_SIGNATURE, 1)
    assert receipt.safe <= 0


def test_commands_wait_for_the_next_hello_and_results_fetch_the_next(
    client: TestClient, hub: Hub, device: MadeDevice
) -> None:
    """One command at a time comes with the answer to a hello, again until answered; its result brings the next."""
    for _ in range(2):
        request = CommandRequest(device.text, RestartAgent(), "tester", 3600, b"identity")
        issue_command(hub.database, request, COMMAND_KEY, NOW)

    def commands(answer: Response, receipts: int) -> list[int]:
        sealed = sequence.split(answer.content)[receipts:]
        return [wire.read_command(raw, COMMAND_KEY.public).number for raw in sealed]

    (first,) = commands(post(client, device, device.state(), "/state"), 1)
    assert commands(post(client, device, device.state(b"two."), "/state"), 1) == [first]
    running = wire.seal_result(Result(device.id, first, ResultStatus.RUNNING, "", 0), device.key)
    # It would be answered with the same result at once, again and again, for as long as the device is at work.
    assert commands(post(client, device, running, "/result"), 0) == []
    done = wire.seal_result(Result(device.id, first, ResultStatus.DONE, "", 0), device.key)
    (second,) = commands(post(client, device, done, "/result"), 0)
    assert second > first
    last = wire.seal_result(Result(device.id, second, ResultStatus.FAILED, "no", 0), device.key)
    assert commands(post(client, device, last, "/result"), 0) == []


@pytest.mark.parametrize(
    ("body", "what", "status", "words"),
    [
        (b"", "", 422, "the body is empty"),
        (b"\xd2\x84", "", 422, "the sequence is cut off"),
        (b"\x01", "", 422, "no block"),
        (b"\x01", "/state", 422, "no state"),
        (b"\x01\x02", "/state", 422, "post one state"),
        (b"\x01", "/result", 422, "no result"),
        (b"\x00" * (BODY_BYTES_MAX + 1), "", 413, "post fewer blocks"),
        (b"\x00" * (MESSAGES_MAX + 1), "", 413, "post fewer blocks"),
        (b"\x00" * (MESSAGES_MAX + 1), "/result", 413, "post fewer"),
    ],
)
def test_what_is_no_message_is_one_sentence(
    client: TestClient, body: bytes, what: str, status: int, words: str
) -> None:
    """Empty, cut off, foreign and oversized bodies are refused as problem details, and nothing is taken."""
    answer = post(client, MadeDevice(), body, what)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]


async def test_a_body_that_breaks_off_is_no_bug_of_the_hub(app: FastAPI, device: MadeDevice) -> None:
    """Who hangs up in the middle of a body gets the answer of a client's mistake, and nothing is logged as a fault."""
    heard: list[dict[str, object]] = [{"type": "http.disconnect"}, {"type": "http.request", "more_body": True}]
    statuses: list[int] = []

    async def receive() -> dict[str, object]:
        return heard.pop()

    async def send(message: MutableMapping[str, object]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(int(str(message["status"])))

    path = f"/v1/custody/{device.text}"
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": []}
    await app(scope, receive, send)
    assert statuses == [400]


def test_blocks_of_another_device_are_not_taken(client: TestClient, hub: Hub, device: MadeDevice) -> None:
    """Who posts for one device cannot slip in the blocks of another."""
    other = MadeDevice(seed=5)
    other.seal(make_meter())
    register_device(hub.database, other.pem, "Mill", NOW)
    answer = post(client, device, sequence.join(other.blocks))
    assert answer.status_code == 422
    assert other.text in answer.json()["detail"]
