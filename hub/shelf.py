"""Files that are kept under the SHA-256 of their content: the same one is kept once, and none is ever changed."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import StoreUnavailableError, UnknownSubjectError
from hub.files import make_folder, sync_folder, write_synced

if TYPE_CHECKING:
    from pathlib import Path

_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Shelf:
    """One kind of file: its folder below the data folder, what names end with, and what people call one."""

    folder_name: str
    suffix: str
    noun: str

    def keep(self, data_folder: Path, content: bytes) -> str:
        """Keep a file, durably, and return the name by which it is known from now on.

        Raises StoreUnavailableError if it cannot be written.
        """
        name = hashlib.sha256(content).hexdigest()
        path = self._path(data_folder, name)
        try:
            if not path.exists():
                make_folder(path.parent)
                beside = path.with_suffix(f".{os.getpid()}.part")
                beside.unlink(missing_ok=True)
                write_synced(beside, content)
                beside.replace(path)
                sync_folder(path.parent)
        except OSError as error:
            message = (
                f"the {self.noun} cannot be kept in {path.parent}: {error.strerror}; free the disk and send it again"
            )
            raise StoreUnavailableError(message) from error
        return name

    def read(self, data_folder: Path, name: str) -> bytes:
        """Return a file that is kept.

        Raises UnknownSubjectError for any other name, and StoreUnavailableError for a file damaged on the disk.
        """
        if not self.has(data_folder, name):
            message = f"no {self.noun} {name!r:.70} is kept here: upload it, and use the name that is answered"
            raise UnknownSubjectError(message)
        content = self._path(data_folder, name).read_bytes()
        if hashlib.sha256(content).hexdigest() != name:
            message = (
                f"the {self.noun} {name} is damaged on the disk: restore it from a backup of the folder "
                f"{self.folder_name}"
            )
            raise StoreUnavailableError(message)
        return content

    def has(self, data_folder: Path, name: str) -> bool:
        """Return whether this is the name of a file that is kept."""
        return _NAME.fullmatch(name) is not None and self._path(data_folder, name).is_file()

    def _path(self, data_folder: Path, name: str) -> Path:
        return data_folder / self.folder_name / name[:2] / f"{name}{self.suffix}"
