"""What of a damaged journal can be believed, row by row, carried into an empty one.

A block or command is believed if our signature says so, a poll or statement by its check sum, a descriptor by its id,
the hub's watermarks by the hub's words beside them; all else if it has the right shape. Rows come in no order, more
than once, and in versions that were replaced or deleted long ago: what a block holds already is dropped again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.journal.chain_end import polled_span
from edge.journal.descriptors import remember_descriptor
from edge.journal.open_records import PollRow, sum_frame
from edge.journal.settling import EpochClaim, MeterClaim, Rescued, put, settle
from edge.journal.summary import read_counts
from protocol import wire
from protocol.chain import Verdict, judge
from protocol.cose import Kind, VerifyingKey, open_envelope
from protocol.errors import ProtocolError
from protocol.fields import U16_MAX
from protocol.identity import BOOT_ID_LENGTH, EPOCH_LENGTH, HASH_LENGTH
from protocol.key_statement import read_key_statement
from protocol.messages import MeterDescriptor, PollErrors, Readings
from protocol.records import STATUS_GOOD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlite_utils import Database

    from edge.journal.chain_end import Author
    from edge.journal.pages import Row, Value
    from protocol.identity import KeyId
    from protocol.messages import Frame

_UNJUDGED_COLUMNS = len(PollRow._fields) - 1
"""What a poll had before readings were judged; rows of an upgraded journal are as they were written."""


class Rescue:
    """Takes rows of a damaged journal of `author` into `db`, an empty journal; the caller holds the transaction."""

    def __init__(self, db: Database, author: Author) -> None:
        self._db = db
        self._author = author
        self._keys = _verifying_keys(author)
        self._epochs: dict[bytes, EpochClaim] = {}
        self._meters: dict[int, MeterClaim] = {}
        self._newest: dict[int, int] = {}

    def take(self, row: Row) -> None:  # noqa: C901, PLR0912 - one case for each table, told by its shape
        """Take a row of whatever table, if it can be believed."""
        match row.values:
            case (bytes(), int(), bytes(), int(), *_, bytes(raw)):
                self._take_block(raw)
            case (bytes(epoch), int(seq), bytes(block_hash), int(sealed_at), *span, None):
                self._take_released(epoch, seq, block_hash, sealed_at, *span)
            case (bytes(identity), bytes(frame), _):
                self._take_descriptor(identity, frame)
            case (None, bytes(boot_id)) if len(boot_id) == BOOT_ID_LENGTH:
                self._put("insert or ignore into boot values (?, ?)", row.rowid, boot_id)
            case (None, bytes(statement)):
                self._take_key_statement(row.rowid, statement)
            case (None, int(boot_count), bytes(frame), int(check_sum)):
                self._take_statement(boot_count, frame, check_sum)
            case (None, bytes(identity), str(status), bytes(raw), bytes(result)):
                self._take_command(row.rowid, identity, status, raw, result)
            case (None, int(), str(), str(), bytes(), int()):
                self._put(_PUT_CONFIGURATION, row.rowid, *row.values[1:])
            case (None, int(edge_at), _, _, _, _, _, int(), int(), *memory) if len(memory) <= 1:
                # What was remembered to judge readings by cannot be checked: the meter begins anew.
                self._take_meter(row.rowid, MeterClaim(edge_at, row.values[1 : len(row.values) - len(memory)]))
            case (None, *columns, int(check_sum)) if len(columns) == _UNJUDGED_COLUMNS:
                self._take_poll([*columns, STATUS_GOOD], check_sum)
            case (None, *columns, check_sum, int(status)) if len(columns) == _UNJUDGED_COLUMNS:
                self._take_poll([*columns, status], check_sum)
            case (None, bytes(epoch), bytes(device), *_) if device == self._author.device:
                self._take_epoch(row.rowid, epoch, row.values)
            case _:
                pass

    def finish(self) -> Rescued:
        """Put in order what was taken, and return what it is."""
        return settle(self._db, self._author.device, self._epochs, self._meters, self._newest)

    def _take_block(self, raw: bytes) -> None:
        judgement = judge(raw, self._keys)
        block = judgement.block
        if judgement.verdict is not Verdict.OK or block is None or block.device != self._author.device:
            return
        first_at, last_at = polled_span(block.frames)
        at = block.sealed.wall_ms
        self._put(_PUT_BLOCK, block.epoch, block.seq, judgement.hash, at, first_at, last_at, raw)
        self._put("insert or replace into boot values (?, ?)", block.boot_count, block.boot_id)
        for frame in block.frames:
            if isinstance(frame, MeterDescriptor):
                remember_descriptor(self._db, frame)
            elif isinstance(frame, Readings):
                self._note(frame.meter, max(frame.read_at))
            elif isinstance(frame, PollErrors):
                self._note(frame.meter, frame.to_at)

    def _take_released(self, epoch: bytes, seq: int, block_hash: bytes, sealed_at: int, *span: Value) -> None:
        if len(epoch) == EPOCH_LENGTH and seq >= 0 and len(block_hash) == HASH_LENGTH and len(span) == 2:  # noqa: PLR2004 - first and last
            self._put(_PUT_RELEASED, epoch, seq, block_hash, sealed_at, *span)

    def _take_descriptor(self, identity: bytes, encoded: bytes) -> None:
        frame = _read_frame(encoded)
        if isinstance(frame, MeterDescriptor) and wire.describe(frame) == identity:
            remember_descriptor(self._db, frame)

    def _take_key_statement(self, number: int, statement: bytes) -> None:
        try:
            device = read_key_statement(statement).device
        except ProtocolError:
            return
        if device == self._author.device:
            self._put("insert or ignore into key_statement values (?, ?)", number, statement)

    def _take_statement(self, boot_count: int, encoded: bytes, check_sum: int) -> None:
        if check_sum == sum_frame(encoded) and _read_frame(encoded) is not None:
            self._put(_PUT_STATEMENT, boot_count, encoded, check_sum, encoded)

    def _take_command(self, number: int, identity: bytes, status: str, raw: bytes, result: bytes) -> None:
        """Take a command whose own result says its number: under a wrong one, all later ones would count as done."""
        try:
            command = wire.decode_command(open_envelope(raw).payload)
            read, envelope = wire.read_result(result)
        except ProtocolError:
            return
        key = self._keys.get(envelope.key_id)
        is_ours = key is not None and envelope.verified_by(Kind.RESULT, key)
        if is_ours and (command.number, command.id, read.number) == (number, identity, number):
            self._put(_PUT_COMMAND, number, identity, status, raw, result)

    def _take_meter(self, meter: int, claim: MeterClaim) -> None:
        counts = claim.rest[3]
        try:
            read_counts(counts) if isinstance(counts, str) else None
        except ValueError:
            return
        known = self._meters.get(meter)
        if 0 <= meter <= U16_MAX and (known is None or known.edge_at < claim.edge_at):
            self._meters[meter] = claim

    def _take_poll(self, columns: Sequence[Value], check_sum: Value) -> None:
        poll = PollRow(*columns)  # type: ignore[arg-type]  # the check sum vouches for the types
        if poll.check_sum() == check_sum:
            self._put(_PUT_POLL, *poll, check_sum)

    def _take_epoch(self, n: int, epoch: bytes, values: tuple[Value, ...]) -> None:
        match values[3:]:
            case (int(started_at), _, _, _, _, int(resealed), int(committed), int(safe), bytes(timeline), *words):
                claim = EpochClaim(n, started_at, resealed, committed, safe, timeline, tuple(words))
                known = self._epochs.get(epoch)
                # Later versions come later. But a hub that was restored may have taken back what was safe.
                if known is None or known.timeline == timeline or safe < known.safe:
                    self._epochs[epoch] = claim

    def _put(self, statement: str, *values: Value) -> None:
        put(self._db, statement, values)

    def _note(self, meter: int, read_at: int) -> None:
        self._newest[meter] = max(read_at, self._newest.get(meter, read_at))


def _verifying_keys(author: Author) -> dict[KeyId, VerifyingKey]:
    """Return all keys with which this device has ever signed."""
    keys = [author.key.public]
    for statement in author.key_history:
        read = read_key_statement(statement)
        keys += (VerifyingKey.from_spki(read.old_spki), VerifyingKey.from_spki(read.new_spki))
    return {key.key_id: key for key in keys}


def _read_frame(encoded: bytes) -> Frame | None:
    try:
        return wire.decode_frame(encoded)
    except ProtocolError:
        return None


_PUT_BLOCK = """
insert into block (epoch, seq, hash, sealed_at, first_at, last_at, raw) values (?, ?, ?, ?, ?, ?, ?)
on conflict (epoch, seq) do update set hash = excluded.hash, sealed_at = excluded.sealed_at,
    first_at = excluded.first_at, last_at = excluded.last_at, raw = excluded.raw where raw is null
"""

_PUT_RELEASED = """
insert or ignore into block (epoch, seq, hash, sealed_at, first_at, last_at) values (?, ?, ?, ?, ?, ?)
"""

_PUT_STATEMENT = """
insert into statement (boot_count, frame, check_sum)
select ?, ?, ? where not exists (select 1 from statement where frame = ?)
"""

_PUT_POLL = """
insert into poll (
    boot_count, meter, edge_at, read_at, boottime_ms, half_width_ms, quality, descriptor, counts, cause, status,
    check_sum
) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_PUT_COMMAND = """
insert into command (number, id, status, raw, result) values (?, ?, ?, ?, ?)
on conflict (number) do update set status = excluded.status, result = excluded.result where status = 'running'
"""

_PUT_CONFIGURATION = """
insert into configuration (version, command, changes, stage, boot_id, deadline_ms) values (?, ?, ?, ?, ?, ?)
on conflict (version) do update set stage = excluded.stage where stage = 'trial'
"""
