"""Files that survive a power cut: written whole, synced, and only then known under their name."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Digest:
    """A file's length in bytes and the SHA-256 of its content."""

    length: int
    sha256: bytes


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter, with its parents, and bring the new names to the medium.

    Raises OSError.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for made in missing:
        sync_folder(made.parent)


def write_synced(path: Path, content: bytes) -> None:
    """Write a new file that only its owner may read, and return once it is on the medium; raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def copy_synced(source: Path, target: Path) -> Digest:
    """Copy a file to a new one that only its owner may read, synced; return what was copied. Raises OSError."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    seen, length = hashlib.sha256(), 0
    with os.fdopen(descriptor, "wb") as written, source.open("rb") as read:
        while chunk := read.read(_CHUNK_BYTES):
            written.write(chunk)
            seen.update(chunk)
            length += len(chunk)
        written.flush()
        os.fsync(written.fileno())
    return Digest(length, seen.digest())


def sync_file(path: Path) -> None:
    """Bring a written file to the medium, and forget it in memory, so that reading it back reads the medium.

    Raises OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the medium; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest(path: Path) -> Digest:
    """Return a file's length and SHA-256, reading it in pieces; raises OSError."""
    seen, length = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            seen.update(chunk)
            length += len(chunk)
    return Digest(length, seen.digest())
