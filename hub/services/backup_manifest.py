"""The manifest of a backup: what lies in its folder, byte for byte, and what was found in it when it was verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hub.errors import BackupError, InputError
from hub.files import Digest, digest, write_synced
from hub.keys import KEY_NAMES
from hub.rules.instants import format_instant, parse_instant
from hub.store.database import DATABASE_NAME, SCHEMA_REVISION
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hub.services.check_backup import Contents

MANIFEST_NAME = "manifest.json"
_BYTES_MAX = 1 << 28
_FILES = frozenset({DATABASE_NAME, *KEY_NAMES})


class _Json(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class FileEntry(_Json):
    """A file's length and the SHA-256 of its content in hexadecimal."""

    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class StreamEntry(_Json):
    """One epoch of one device: all blocks through `committed`, the last of them with this hash."""

    device: str
    epoch: str
    committed: int
    hash: str


class Manifest(_Json):
    """What a verified backup holds. `made_at` is the instant before its snapshot, RFC 3339 in UTC."""

    format: Literal[1] = 1
    made_at: str
    timeline: str
    schema_revision: str
    blocks: int
    blocks_aside: int
    registers: int
    readings: int
    streams: list[StreamEntry]
    files: dict[str, FileEntry]

    @property
    def made_at_ms(self) -> int:
        """When it was made, UTC ms."""
        return parse_instant(self.made_at)


def draw_up(contents: Contents, files: Mapping[str, Digest], made_at: int) -> Manifest:
    """Return the manifest of a checked copy (`made_at` UTC ms) that lies in these files."""
    return Manifest(
        made_at=format_instant(made_at),
        timeline=contents.timeline.hex(),
        schema_revision=SCHEMA_REVISION,
        blocks=contents.counts.blocks,
        blocks_aside=contents.counts.aside,
        registers=contents.counts.registers,
        readings=contents.counts.readings,
        streams=[
            StreamEntry(
                device=format_device_id(stream.device),
                epoch=stream.epoch.hex(),
                committed=stream.committed,
                hash=stream.committed_hash.hex(),
            )
            for stream in contents.streams
        ],
        files={name: FileEntry(bytes=one.length, sha256=one.sha256.hex()) for name, one in files.items()},
    )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest into the folder of its backup, synced; raises OSError."""
    write_synced(folder / MANIFEST_NAME, manifest.model_dump_json(indent=1).encode() + b"\n")


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of the backup in `folder`; raises BackupError if there is none that can be read."""
    path = folder / MANIFEST_NAME
    try:
        with path.open("rb") as file:
            content = file.read(_BYTES_MAX)
        manifest = Manifest.model_validate_json(content)
        is_ours = manifest.made_at_ms >= 0 and DATABASE_NAME in manifest.files and manifest.files.keys() <= _FILES
    except OSError as error:
        message = f"{folder} is no backup: {path} cannot be read ({error.strerror}); name a folder that backup printed"
        raise BackupError(message) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        message = f"the manifest {path} is damaged ({place}: {first['msg']}); restore from another backup"
        raise BackupError(message) from error
    except InputError as error:
        message = f"the manifest {path} is damaged (made_at: {error}); restore from another backup"
        raise BackupError(message) from error
    if not is_ours:
        message = f"the manifest {path} does not name the files and time of a backup; restore from another backup"
        raise BackupError(message)
    return manifest


def check_files(folder: Path, manifest: Manifest) -> None:
    """Read every file of a backup and compare it with the manifest; raises BackupError for the first that differs."""
    for name, entry in manifest.files.items():
        try:
            found = digest(folder / name)
        except OSError as error:
            message = f"the file {folder / name} of the backup cannot be read: {error.strerror}; take another backup"
            raise BackupError(message) from error
        if (found.length, found.sha256.hex()) != (entry.bytes, entry.sha256):
            message = f"the file {folder / name} is not what the backup's manifest says: restore from another backup"
            raise BackupError(message)
