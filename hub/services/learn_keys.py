"""Learn a device's signing keys from its own statements, and judge again what was sealed with one unknown till then."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, NamedTuple

from hub.store import custody, judging, registry
from protocol.chain import Verdict, judge
from protocol.cose import VerifyingKey
from protocol.custody import receiver
from protocol.custody.receiver import DecisionKind, Stored, Stream
from protocol.errors import ProtocolError
from protocol.identity import format_device_id
from protocol.key_statement import follow_history, read_key_statement
from protocol.messages import Genesis, KeyEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from hub.store.custody import BlockRow, Place
    from protocol.identity import DeviceId, KeyId
    from protocol.messages import Block

log = logging.getLogger("hub.keys")

JUDGED_AGAIN_MAX = 256
"""The most blocks judged again in one transaction; the next block or hello of the device goes on with the rest."""
_KEYS_KEPT = 16_384


class Intact(NamedTuple):
    """A block in custody that is now found intact, and when it was received (UTC ms)."""

    place: Place
    block: Block
    received_at: int


def explain_key(device: DeviceId, history: Sequence[bytes]) -> VerifyingKey | None:
    """Return the key to which a device's key history leads from its enrolment key, None where it leads nowhere."""
    try:
        return follow_history(device, history) if history else None
    except ProtocolError as error:
        log.warning("a key history of device %s is not believed: %s", format_device_id(device), error)
        return None


def learn_key(connection: Connection, device: DeviceId, statement: bytes, at: int) -> bool:
    """Learn the key that a sealed key statement leads to; return whether it is new.

    It is learned only if one of the device's known keys sealed the statement and the new key agreed to it
    (`protocol.key_statement`), on whatever way it came. `at` is UTC ms.
    """
    try:
        stated = read_key_statement(statement)
    except ProtocolError as error:
        log.warning("a key statement of device %s is not believed: %s", format_device_id(device), error)
        return False
    if stated.device != device or stated.old_spki not in registry.keys_of(connection, device).values():
        log.warning("a key statement for device %s does not lead on from a key of it", format_device_id(device))
        return False
    new = verifying_key(stated.new_spki)
    return registry.add_key(connection, device, key_id=new.key_id, spki=new.spki, statement=statement, at=at)


def learn_keys(connection: Connection, device: DeviceId, statements: Iterable[bytes], at: int) -> bool:
    """Learn the keys of these statements, oldest first; if any is new, have blocks of unknown key judged again."""
    learned = [learn_key(connection, device, statement, at) for statement in statements]
    if any(learned):
        judging.begin(connection, device)
    return any(learned)


def stated_keys(block: Block) -> tuple[bytes, ...]:
    """Return the sealed key statements in a block, in its order."""
    statements: list[bytes] = []
    for frame in block.frames:
        if isinstance(frame, KeyEvent):
            statements.append(frame.statement)
        elif isinstance(frame, Genesis):
            statements += frame.key_history
    return tuple(statements)


def judge_again(connection: Connection, device: DeviceId, at: int) -> tuple[Intact, ...]:
    """Judge blocks of unknown key again, now that keys were learned, and return those that are intact.

    What they state of further keys is learned too. At most `JUDGED_AGAIN_MAX` blocks; the rest waits for the next call.
    """
    found: list[Intact] = []
    left = JUDGED_AGAIN_MAX
    while left > 0:
        waiting = judging.next_blocks(connection, device, left)
        left -= len(waiting)
        keys = load_keys(connection, device)
        learned = False
        for epoch, row in waiting:
            block = _judge_one(connection, Stream(device, epoch), row, keys)
            judging.move_on(connection, row)
            if block is not None:
                found.append(Intact((device, epoch), block, row.received_at))
                learned = learn_keys(connection, device, stated_keys(block), at)
            if learned:
                break
        if left > 0 and not learned:
            judging.end(connection, device)
            break
    return tuple(found)


def load_keys(connection: Connection, device: DeviceId) -> dict[KeyId, VerifyingKey]:
    """Return the verifying keys of a device; none if it is not registered."""
    return {key_id: verifying_key(spki) for key_id, spki in registry.keys_of(connection, device).items()}


@functools.lru_cache(maxsize=_KEYS_KEPT)
def verifying_key(spki: bytes) -> VerifyingKey:
    """Return the key in this DER SubjectPublicKeyInfo, which is read once as long as it is in use."""
    return VerifyingKey.from_spki(spki)


def _judge_one(connection: Connection, stream: Stream, row: BlockRow, keys: dict[KeyId, VerifyingKey]) -> Block | None:
    """Keep the verdict on a block that is held, and return what it says if it counts from now on."""
    judgement = judge(row.raw, keys)
    if judgement.verdict is Verdict.UNKNOWN_KEY:
        return None
    near = custody.slots_near(connection, row.stream, [row.seq])
    slot = Stored(row.seq, row.hash, row.verdict, row.previous)
    decision = receiver.decide(stream, judgement, slot, near.get(row.seq - 1), near.get(row.seq + 1))
    if decision.kind is DecisionKind.CONFLICT:
        custody.set_aside(connection, row._replace(verdict=judgement.verdict), decision.kind)
        return None
    judging.save_verdict(connection, row, judgement.verdict)
    return judgement.block if decision.kind is DecisionKind.SUPERSEDES else None
