"""Custody over HTTPS: the bytes that MQTT would carry, posted; the answer is the receipt.

For sites without a broker, for long backlogs and for third parties. Who a device is, its signatures say; a proxy in
front of the hub may ask for a client certificate as well. Bodies and answers are CBOR sequences (RFC 8742).

    POST /v1/custody/{device}          blocks                   answers a receipt for each epoch among them
    POST /v1/custody/{device}/state    one state                answers its receipt, then the command that waits
    POST /v1/custody/{device}/result   results of commands      answers the next command that waits
"""

import itertools
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from hub.errors import InputError
from hub.services.accept_blocks import Arrival, accept_blocks
from hub.services.answer_state import answer_state
from hub.services.flush_outbox import Outbound, hand_over
from hub.services.take_result import take_result
from hub.web.context import Hub, HubOf
from protocol import sequence, wire
from protocol.errors import IdentityError, ProtocolError
from protocol.identity import DeviceId, parse_device_id
from protocol.messages import Receipt

BODY_BYTES_MAX = 256 * 1024
"""The longest body, as a device's own backlog should be posted: a few hundred hourly blocks at once."""
MESSAGES_MAX = 1024
"""The most messages in a body: each costs the hub work, also where it is a single byte."""
MEDIA_TYPE = "application/cbor-seq"

router = APIRouter(prefix="/v1/custody", tags=["custody"])

_SEQUENCE = {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
_TAKES: dict[str, Any] = {
    "requestBody": {"required": True, "description": "Sealed messages one after another.", **_SEQUENCE}
}
_ANSWERS: dict[int | str, dict[str, Any]] = {200: {"description": "Sealed messages one after another.", **_SEQUENCE}}


@router.post("/{device}", response_class=Response, responses=_ANSWERS, openapi_extra=_TAKES)
async def post_blocks(hub: HubOf, device: str, request: Request) -> Response:
    """Take custody of blocks and answer with a signed receipt for each epoch; 422 where none of them is a block."""
    author = _parse_device(device)
    arrivals = [Arrival(author, raw) for raw in await _read_sequence(request)]
    with hub.counting.batch():
        accepted = await run_in_threadpool(accept_blocks, hub.database, arrivals, hub.terms, hub.now())
    hub.counting.count_blocks(accepted.results, accepted.readings)
    if accepted.rejected and not accepted.receipts:
        raise InputError(accepted.rejected[0])
    return _answer(hub, accepted.receipts)


@router.post("/{device}/state", response_class=Response, responses=_ANSWERS, openapi_extra=_TAKES)
async def post_state(hub: HubOf, device: str, request: Request) -> Response:
    """Answer a device's hello with the receipt that echoes its nonce; 422 for a state it did not sign."""
    author = _parse_device(device)
    items = await _read_sequence(request)
    if len(items) != 1:
        message = f"the body holds {len(items)} messages: post one state"
        raise InputError(message)

    def reply() -> Receipt | None:
        answer = answer_state(hub.database, author, items[0], terms=hub.terms, now=hub.now(), retained=False)
        if answer.rejected:
            raise InputError(answer.rejected)
        return answer.receipt

    receipt = await run_in_threadpool(reply)
    if receipt is None:
        return _answer(hub, ())
    return _answer(hub, (receipt,), await run_in_threadpool(hand_over, hub.database, author, hub.now(), again=True))


@router.post("/{device}/result", response_class=Response, responses=_ANSWERS, openapi_extra=_TAKES)
async def post_results(hub: HubOf, device: str, request: Request) -> Response:
    """Take what became of commands and answer with the next one that waits; 422 where none of it can be taken."""
    author = _parse_device(device)
    items = await _read_sequence(request)

    def take() -> list[str]:
        taken = [take_result(hub.database, author, raw, hub.now()) for raw in items]
        return [one.rejected for one in taken if one.rejected]

    rejected = await run_in_threadpool(take)
    if len(rejected) == len(items):
        raise InputError(rejected[0])
    return _answer(hub, (), await run_in_threadpool(hand_over, hub.database, author, hub.now(), again=False))


def _parse_device(text: str) -> DeviceId:
    try:
        return parse_device_id(text)
    except IdentityError as error:
        raise InputError(str(error)) from error


async def _read_sequence(request: Request) -> tuple[bytes, ...]:
    """Return the messages in the body; raises InputError for what is no sequence.

    Raises HTTPException with 413 beyond the longest body or the most messages, with 400 for a body that broke off.
    """
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                raise HTTPException(413, f"The body has more than {BODY_BYTES_MAX} bytes: post fewer blocks at once.")
    except ClientDisconnect as error:
        raise HTTPException(400, "The body was cut off, nothing of it was taken: post it again.") from error
    try:
        items = tuple(itertools.islice(sequence.each(bytes(body)), MESSAGES_MAX + 1))
    except ProtocolError as error:
        message = f"the body is no CBOR sequence, nothing of it was taken: {error}"
        raise InputError(message) from error
    if len(items) > MESSAGES_MAX:
        raise HTTPException(413, f"The body holds more than {MESSAGES_MAX} messages: post fewer blocks at once.")
    if not items:
        message = "the body is empty: post the sealed messages one after another"
        raise InputError(message)
    return items


def _answer(hub: Hub, receipts: Iterable[Receipt], commands: Iterable[Outbound] = ()) -> Response:
    sealed = [wire.seal_receipt(receipt, hub.receipt_key) for receipt in receipts]
    hub.counting.count_receipts(len(sealed))
    return Response(sequence.join([*sealed, *(command.raw for command in commands)]), media_type=MEDIA_TYPE)
