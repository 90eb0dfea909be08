"""Check a copy of the database by reading all of it: only what was read back whole can make a device let go."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.errors import BackupError
from hub.store import backups, registry, sqlite
from protocol.identity import format_device_id, hash_block

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from hub.store.backups import Counts, StoredBytes
    from protocol.custody.receiver import Stream

    Progress = Callable[["Step", int, int], None]
    """Is told which step has done how much of how much."""


class Step(StrEnum):
    """What takes its time in a backup or restore: copying counts pages or files, reading back counts blocks."""

    COPY = "copying"
    READ_BACK = "reading back"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a copy was found to hold. `streams` carry the lowest doubtful block in their code, see `held_streams`."""

    timeline: bytes
    streams: tuple[Stream, ...]
    counts: Counts


_PROGRESS_BLOCKS = 1000


def check_contents(connection: Connection, progress: Progress) -> Contents:
    """Read back a whole copy of the hub's database and return what it holds.

    SQLite's own integrity check and foreign keys; every block's bytes against the hash they were stored under; every
    stream without a gap up to its watermark, and there at the hash that receipts name. Memory stays bounded.

    Raises BackupError for the first thing that is not so.
    """
    complaint = sqlite.first_complaint(connection)
    if complaint:
        message = f"the copy is damaged ({complaint}); see to the disk of the copy, and to the hub's own, and try again"
        raise BackupError(message)
    timeline = registry.find_timeline(connection)
    if timeline is None:
        message = "the copy is no hub's database: it has no timeline; name the folder of a hub that has served"
        raise BackupError(message)
    streams = backups.held_streams(connection)
    counts = backups.count_rows(connection)
    _check_streams(connection, streams, counts.blocks, progress)
    for block in backups.walk_aside(connection):
        _check_bytes(streams[block.stream], block)
    return Contents(timeline, tuple(streams.values()), counts)


def _check_streams(connection: Connection, streams: dict[int, Stream], blocks: int, progress: Progress) -> None:
    held = dict.fromkeys(streams, 0)
    ends = {key for key, stream in streams.items() if stream.committed < 0}
    for number, block in enumerate(backups.walk_blocks(connection)):
        if number % _PROGRESS_BLOCKS == 0:
            progress(Step.READ_BACK, number, blocks)
        stream = streams[block.stream]
        _check_bytes(stream, block)
        # Numbers are unique and not negative, so as many as there should be are all of them.
        held[block.stream] += 0 <= block.seq <= stream.committed
        if block.seq == stream.committed and block.hash == stream.committed_hash:
            ends.add(block.stream)
    progress(Step.READ_BACK, blocks, blocks)
    for key, stream in streams.items():
        if held[key] != stream.committed + 1 or key not in ends:
            message = (
                f"the copy does not hold what receipts have promised of {_name(stream)}, all blocks through "
                f"{stream.committed}: see to the hub's disk, and restore the hub from the last verified backup"
            )
            raise BackupError(message)


def _check_bytes(stream: Stream, block: StoredBytes) -> None:
    if hash_block(block.raw) != block.hash:
        message = (
            f"block {block.seq} of {_name(stream)} is damaged in the copy: its bytes do not hash to what they were "
            "stored under; if another copy says so too, the hub's own disk is at fault"
        )
        raise BackupError(message)


def _name(stream: Stream) -> str:
    return f"epoch {stream.epoch.hex()} of device {format_device_id(stream.device)}"
