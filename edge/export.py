"""Custody by file: what goes onto a stick, and what comes back on it.

ExportError         a file cannot be written or read, or is none of ours
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocol import sequence

if TYPE_CHECKING:
    from pathlib import Path

RECEIPTS_BYTES_MAX = 1 << 24
"""A receipt has some 160 bytes, and a hub writes one per log."""


class ExportError(Exception):
    """A file cannot be written or read, or is none of ours."""


@dataclass(frozen=True, slots=True)
class ReceiptFile:
    """The receipts in a file, and where it broke off (empty: nowhere)."""

    receipts: tuple[bytes, ...]
    broken: str


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, replacing a file of that name; raises ExportError.

    A folder or a device, such as the stick itself, is not replaced.
    """
    draft = path.with_name(f".{path.name}.new")
    try:
        if path.exists() and not path.is_file():
            message = f"{path} is no ordinary file: name a new one, in a folder that you may write to"
            raise ExportError(message)
        try:
            _write_synced(draft, content)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        message = f"{path} cannot be written ({error.strerror}): name a file in a folder that you may write to"
        raise ExportError(message) from error


def read_receipt_file(path: Path) -> ReceiptFile:
    """Return the sealed messages in a file that a hub wrote, the whole ones if it is cut off; raises ExportError."""
    try:
        with path.open("rb") as file:
            # Not by its stated size: a pipe or a device has none.
            data = file.read(RECEIPTS_BYTES_MAX + 1)
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}): name the file that `meter-hub import --receipts` wrote"
        raise ExportError(message) from error
    if len(data) > RECEIPTS_BYTES_MAX:
        message = f"{path} has more than {RECEIPTS_BYTES_MAX} bytes: that is no file of receipts"
        raise ExportError(message)
    receipts, fault = sequence.split_whole(data)
    broken = f"{path} can be read through its receipt {len(receipts)} only: {fault}" if fault else ""
    if not receipts:
        message = f"{path} holds no receipts: name the file that `meter-hub import --receipts` wrote"
        raise ExportError(message)
    return ReceiptFile(receipts, broken)


def _write_synced(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
