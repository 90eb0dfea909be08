"""Take a device's result of a command: believe only its own signature, keep each word once, let the last one stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.store import changes, outbox, registry
from hub.store.outbox import CommandAnswer
from protocol import wire
from protocol.cose import Kind, VerifyingKey
from protocol.errors import ProtocolError
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.store.database import Database
    from protocol.commands import Result
    from protocol.identity import DeviceId

INTERIM_MAX = 6
"""How many words on the way to the last one are kept of a command."""


@dataclass(frozen=True, slots=True)
class TakenResult:
    """What became of a result: kept, or known already (`kept` False), or one sentence why it was dropped."""

    kept: bool = False
    rejected: str = ""


def take_result(database: Database, device: DeviceId, raw: bytes, now: int) -> TakenResult:
    """Keep a result that came on the topic of `device`; the same again, or after the last word, changes nothing.

    A last word that comes after the hub gave up waiting is kept, and counts: the device knows better. Bytes that are
    no result, another device's, unsigned by a key of this device, or of a command that this hub never issued are
    dropped. Raises StoreUnavailableError, in which case nothing was kept.
    """
    name = format_device_id(device)
    try:
        result, envelope = wire.read_result(raw)
    except ProtocolError as error:
        return TakenResult(rejected=f"bytes on the result topic of device {name} are no result: {error}")
    if result.device != device:
        other = format_device_id(result.device)
        return TakenResult(rejected=f"a result of device {other} came on the topic of {name}: dropped")
    with database.read() as connection:
        spki = registry.keys_of(connection, device).get(envelope.key_id)
    if spki is None or not envelope.verified_by(Kind.RESULT, VerifyingKey.from_spki(spki)):
        return TakenResult(rejected=f"a result on the topic of device {name} is not signed by it: dropped")
    with database.write() as connection:
        return _keep(connection, result, raw, now)


def _keep(connection: Connection, result: Result, raw: bytes, now: int) -> TakenResult:
    record = outbox.find_command(connection, result.device, result.number)
    if record is None:
        return TakenResult(
            rejected=f"device {format_device_id(result.device)} answers command {result.number}, which this hub never "
            "issued, or forgot in a restore: dropped"
        )
    if any(answer.is_final or answer.raw == raw for answer in record.answers):
        return TakenResult()
    answer = CommandAnswer(now, result.status, result.detail, result.config_version, raw)
    if not answer.is_final and len(record.answers) >= INTERIM_MAX:
        return TakenResult()
    outbox.add_answer(connection, record, answer)
    if answer.is_final:
        outbox.close_command(connection, result.device, result.number, now)
    if record.issued.bulk is not None:
        changes.announce(connection, [changes.bulk(record.issued.bulk)], now)
    return TakenResult(kept=True)
