"""Answer a device's state: remember what it says of itself, and tell it what the hub holds of its log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.fleet.hearing import read_cadence
from hub.fleet.machine import hear_machine
from hub.services.accept_blocks import load_keys
from hub.services.derive_readings import known_descriptors
from hub.services.learn_keys import explain_key
from hub.services.take_blocks import Taking, choose_window
from hub.store import changes, contests, custody, judging, machines, registry, states
from hub.store.states import DeviceState
from protocol import wire
from protocol.cose import Kind
from protocol.custody import receiver
from protocol.errors import ProtocolError
from protocol.identity import format_device_id
from protocol.messages import ReceiptCode
from protocol.records import TimeQuality

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.services.accept_blocks import Terms
    from hub.store.database import Database
    from protocol.identity import DeviceId, Epoch
    from protocol.messages import Receipt, State


_CAME_BACK = "it speaks by turns from two different cards or boards"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a state: a receipt to send, or one sentence why it was dropped, or neither (a device's death)."""

    receipt: Receipt | None = None
    rejected: str = ""
    refused: tuple[DeviceId, Epoch] | None = None


def answer_state(  # noqa: PLR0913 - one message with its circumstances, the last three by name
    database: Database, device: DeviceId, raw: bytes, *, terms: Terms, now: int, retained: bool
) -> Answer:
    """Remember a state that came on the topic of `device`, and return the answer to it.

    `retained` marks what a broker kept from earlier: it is answered, but proves no life. A state that its device did
    not sign, or that belongs to another device than its topic, is dropped; a key that only its key history explains is
    learned. A device nobody registered is refused with UNKNOWN_KEY. Raises StoreUnavailableError, in which case nothing
    was remembered.
    """
    name = format_device_id(device)
    try:
        state, envelope = wire.read_state(raw)
    except ProtocolError as error:
        return Answer(rejected=f"bytes on the state topic of device {name} are no state: {error}")
    if state.device != device:
        return Answer(
            rejected=f"a state of device {format_device_id(state.device)} came on the topic of {name}: dropped"
        )
    keys = load_keys(database, {device})[device]
    if not keys:
        return _refuse(database, state, terms, now)
    key = keys.get(envelope.key_id)
    stated = () if key is not None else state.key_history
    if key is None:
        key = explain_key(device, stated)
    if key is None or not envelope.verified_by(Kind.STATE, key):
        return Answer(rejected=f"a state on the topic of device {name} is not signed by it: dropped")
    known = known_descriptors(database)
    with database.write() as connection:
        if stated or judging.is_waiting(connection, device):
            taking = Taking(connection, terms, known, now)
            taking.learn(device, stated)
            taking.finish()
        _remember(connection, state, now, retained=retained)
        if not state.online or state.epoch is None:
            return Answer()
        receipt = draw_receipt(connection, device, state.epoch, terms=terms, nonce=state.nonce, now=now)
    return Answer(receipt=receipt)


def welcome_devices(
    database: Database, refused: frozenset[tuple[DeviceId, Epoch]], terms: Terms, now: int
) -> dict[tuple[DeviceId, Epoch], Receipt]:
    """Return receipts for those of the `refused` streams whose device has been registered since."""
    with database.read() as connection:
        return {
            (device, epoch): draw_receipt(connection, device, epoch, terms=terms, nonce=b"", now=now)
            for device, epoch in refused
            if registry.find_device(connection, device) is not None
        }


def draw_receipt(  # noqa: PLR0913 - the stream's two names and the receipt's circumstances
    connection: Connection, device: DeviceId, epoch: Epoch, *, terms: Terms, nonce: bytes, now: int
) -> Receipt:
    """Return the receipt for what is committed of a stream; nothing is, where the hub never heard of it."""
    held = custody.find_stream(connection, device, epoch)
    stream = held.stream if held else receiver.Stream(device, epoch)
    slots = custody.slots_from(connection, held.id, stream.committed + 1) if held else ()
    return receiver.make_receipt(
        stream,
        receiver.selective_ranges(slot.seq for slot in slots),
        window=choose_window(states.find_heads(connection, [device]).get(device), stream, terms),
        pace_ms=terms.pace_ms,
        nonce=nonce,
        hub_at=now,
        timeline=terms.timeline,
        contested=device in contests.find_contested(connection, [device]),
    )


def _refuse(database: Database, state: State, terms: Terms, now: int) -> Answer:
    with database.write() as connection:
        if registry.note_unknown_device(connection, state.device, now, messages=1):
            changes.announce(connection, [changes.FLEET], now)
    if state.epoch is None:
        return Answer()
    receipt = receiver.refuse(
        state.device,
        state.epoch,
        ReceiptCode.UNKNOWN_KEY,
        nonce=state.nonce,
        hub_at=now,
        timeline=terms.timeline,
    )
    return Answer(receipt=receipt, refused=(state.device, state.epoch))


def _remember(connection: Connection, state: State, now: int, *, retained: bool) -> None:
    known = states.find_state(connection, state.device)
    if not state.online:
        # A death names the session it belongs to: a late one must not end the session that came after.
        if known is not None and known.online and known.session == state.nonce:
            states.save_state(connection, replace(known, online=False, changed_at=now))
            changes.announce(connection, [changes.FLEET], now)
        return
    session = state.session or state.nonce
    repeated = retained and known is not None and known.session == session
    if state.instance and not retained and contests.hear_instance(connection, state.device, state.instance, now):
        contests.begin_contest(connection, state.device, _CAME_BACK, now)
    came = known is None or not known.online
    fresh = DeviceState(
        device=state.device,
        online=True,
        session=session,
        heard_at=known.heard_at if repeated and known is not None else now,
        changed_at=now if came or known is None else known.changed_at,
        epoch=state.epoch,
        head=state.head,
        committed=state.committed,
        safe=state.safe,
        floor=state.floor,
        device_at=state.at.wall_ms if state.at else None,
        time_quality=int(state.at.quality) if state.at else None,
        agent_version=state.agent_version,
        cadence_ms=read_cadence(state.health),
        unset_since=_unset_since(state, known, now),
    )
    states.save_state(connection, fresh)
    if not repeated:
        before = machines.find_machine(connection, state.device)
        heard = hear_machine(before, state.health, state.boot_count, now)
        machines.save_machine(connection, state.device, heard)
    changes.announce(connection, [changes.FLEET], now)


def _unset_since(state: State, known: DeviceState | None, now: int) -> int | None:
    """Return since when a device says that nobody keeps its clock right; None where somebody does."""
    if state.at is None or state.at.quality > TimeQuality.INFORMATIVE:
        return None
    return now if known is None or known.unset_since is None else known.unset_since
