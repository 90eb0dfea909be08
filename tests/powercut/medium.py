"""A storage medium that forgets what was not synced: what a power cut leaves of a file system, as a value.

Files have a content that programs see and a durable one, which fsync(2) made equal; folders have names that programs
see and durable ones, which fsync of the folder made equal. POSIX promises no more (fsync, IEEE Std 1003.1-2017), and
real disks and file systems do less at times: hence the modes of a cut. Pure: chance is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

SECTOR = 512
"""What a disk writes whole or not at all."""
ROOT = 1


class CutMode(Enum):
    """What of the unsynced survives: names but no contents; some sectors and the first names; neither."""

    CONTENTS_LOST = "contents-lost"
    TORN = "torn"
    ENTRIES_LOST = "entries-lost"


@dataclass(frozen=True, slots=True)
class Make:
    """An inode came to be, without a name yet."""

    inode: int
    is_folder: bool


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes were written into a file."""

    inode: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Resize:
    """A file got another size; what is new reads as zeros."""

    inode: int
    size: int


@dataclass(frozen=True, slots=True)
class Name:
    """Names in one folder changed in one step: a creation, link, removal (None) or renaming (two of them)."""

    folder: int
    changes: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Sync:
    """A file or folder was synced."""

    inode: int


@dataclass(frozen=True, slots=True)
class Told:
    """The program under test says what it was promised: not a change of the medium, but a place in the order."""

    text: str


Event = Make | Write | Resize | Name | Sync | Told
Tree = dict[str, bytes]
"""What a folder holds after a cut: contents by path from the root; folders are known by what is in them."""


@dataclass(slots=True)
class File:
    """A file as programs see it, as it is durable, and which sectors differ by writes."""

    content: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    unsynced: set[int] = field(default_factory=set)

    def write(self, offset: int, data: bytes) -> None:
        """Put bytes in place, with zeros before them if there is a hole."""
        if not data:
            return
        end, size = offset + len(data), len(self.content)
        if end > size:
            self.content.extend(bytes(end - size))
        self.content[offset:end] = data
        self.unsynced.update(range(min(offset, size) // SECTOR, (end - 1) // SECTOR + 1))

    def resize(self, size: int) -> None:
        """Cut off, or add zeros."""
        old = len(self.content)
        if size > old:
            self.write(size - 1, b"\0")
        else:
            del self.content[size:]
            self.unsynced = {sector for sector in self.unsynced if sector * SECTOR < size}

    def sync(self) -> None:
        """Make the content durable."""
        self.durable = bytes(self.content)
        self.unsynced.clear()

    def tear(self, chance: random.Random) -> bytes:
        """Return what is left if any of the unsynced sectors, and the size, may have reached the medium."""
        torn = bytearray(self.durable.ljust(len(self.content), b"\0"))
        for sector in sorted(self.unsynced):
            if chance.random() < 0.5:
                piece = self.content[sector * SECTOR : (sector + 1) * SECTOR]
                torn[sector * SECTOR : sector * SECTOR + len(piece)] = piece
        return bytes(torn[: chance.choice((len(self.durable), len(self.content)))])


@dataclass(slots=True)
class Folder:
    """A folder's names as programs see them, as they are durable, and the changes in between, in order."""

    names: dict[str, int] = field(default_factory=dict)
    durable: dict[str, int] = field(default_factory=dict)
    unsynced: list[tuple[tuple[str, int | None], ...]] = field(default_factory=list)

    def change(self, changes: tuple[tuple[str, int | None], ...]) -> None:
        """Change names in one step."""
        _rename(self.names, changes)
        self.unsynced.append(changes)

    def sync(self) -> None:
        """Make the names durable."""
        self.durable = dict(self.names)
        self.unsynced.clear()

    def surviving(self, steps: int) -> Mapping[str, int]:
        """Return the names if only the first so many unsynced steps reached the medium."""
        names = dict(self.durable)
        for changes in self.unsynced[:steps]:
            _rename(names, changes)
        return names


def _rename(names: dict[str, int], changes: Sequence[tuple[str, int | None]]) -> None:
    for name, inode in changes:
        if inode is None:
            names.pop(name, None)
        else:
            names[name] = inode


class Medium:
    """Files and folders by inode number; `apply` changes them, `after_cut` says what a cut now would leave."""

    def __init__(self) -> None:
        self.files: dict[int, File] = {}
        self.folders: dict[int, Folder] = {ROOT: Folder()}
        self.told: list[str] = []

    def apply(self, event: Event) -> None:
        """Let an event happen."""
        match event:
            case Make(inode=inode, is_folder=True):
                self.folders[inode] = Folder()
            case Make(inode=inode):
                self.files[inode] = File()
            case Write(inode=inode, offset=offset, data=data):
                self.files[inode].write(offset, data)
            case Resize(inode=inode, size=size):
                self.files[inode].resize(size)
            case Name(folder=folder, changes=changes):
                self.folders[folder].change(changes)
            case Sync(inode=inode):
                (self.files.get(inode) or self.folders[inode]).sync()
            case Told(text=text):
                self.told.append(text)

    def after_cut(self, mode: CutMode, chance: random.Random) -> Tree:
        """Return the files that a power cut in this moment leaves."""
        tree: Tree = {}
        self._collect(ROOT, "", mode, chance, tree)
        return tree

    def _collect(self, folder: int, prefix: str, mode: CutMode, chance: random.Random, tree: Tree) -> None:
        unsynced = len(self.folders[folder].unsynced)
        steps = {
            CutMode.CONTENTS_LOST: unsynced,
            CutMode.TORN: chance.randint(0, unsynced),
            CutMode.ENTRIES_LOST: 0,
        }[mode]
        for name, inode in sorted(self.folders[folder].surviving(steps).items()):
            if inode in self.folders:
                self._collect(inode, f"{prefix}{name}/", mode, chance, tree)
            else:
                file = self.files[inode]
                tree[prefix + name] = file.tear(chance) if mode is CutMode.TORN else file.durable

    def used_bytes(self, block: int) -> int:
        """Return the room that all contents take, in whole blocks of so many bytes."""
        reachable = {inode for folder in self.folders.values() for inode in folder.names.values()}
        return sum(-(-len(file.content) // block) * block for inode, file in self.files.items() if inode in reachable)


def counts_as_operation(event: Event) -> bool:
    """Return whether a cut before this event could leave something else than a cut before the next one."""
    return not isinstance(event, Make | Told)
