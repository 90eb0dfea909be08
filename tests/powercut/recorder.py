"""A FUSE file system over a `Medium` that records every change: the process that a power cut is played with.

    python -m tests.powercut.recorder MOUNTPOINT

Takes orders as JSON lines on stdin and answers each with one on stdout. The programs under test see an ordinary file
system; what a cut after any of its operations would leave is computed afterwards from the trace. A program states what
it was promised with `os.setxattr(folder, "user.told", ...)`, so that promises and operations are in one order.
Binding: mfusepy on libfuse (https://libfuse.github.io/doxygen/structfuse__operations.html). One thread serves.
"""

from __future__ import annotations

import errno
import json
import os
import pickle
import stat
import sys
import threading
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import mfusepy

from tests.powercut.medium import ROOT, Event, Make, Medium, Name, Resize, Sync, Told, Write

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 4096
MEMORY_ONLY = "-shm"
"""SQLite's shared memory file is written by the kernel whenever it likes: no operation of a plan."""


@dataclass(slots=True)
class Plan:
    """What the medium refuses: operations from number `first` on, `times` of them, with an error; and its size."""

    first: int = 0
    times: int = 0
    error: int = errno.EIO
    capacity: int = 1 << 40


class Recorder(mfusepy.Operations):  # type: ignore[misc]  # the binding is untyped
    """The file system. File handles are inode numbers."""

    use_ns = True

    def __init__(self) -> None:
        self.medium = Medium()
        self.trace: list[Event] = []
        self.plan = Plan()
        self.operations = 0
        self._modes = {ROOT: stat.S_IFDIR | 0o755}
        self._guard = threading.Lock()

    # Orders.

    def obey(self, order: dict[str, int | str]) -> dict[str, int]:
        """Carry out an order and return the answer."""
        with self._guard:
            match order["do"]:
                case "plan":
                    first, times, error = (int(order[key]) for key in ("first", "times", "error"))
                    self.plan = Plan(first, times, error, self.plan.capacity)
                    self.operations = 0
                case "capacity":
                    self.plan.capacity = int(order["bytes"])
                case "trace":
                    Path(str(order["path"])).write_bytes(pickle.dumps(self.trace))
            return {"operations": self.operations, "used": self.medium.used_bytes(BLOCK)}

    # Changes.

    def _happen(self, event: Event) -> None:
        self.trace.append(event)
        self.medium.apply(event)

    def _attempt(self, path: str | None) -> None:
        """Count an operation, and refuse it if the plan says so; a file without a name counts no more."""
        if path is None or path.endswith(MEMORY_ONLY):
            return
        self.operations += 1
        if self.plan.first <= self.operations < self.plan.first + self.plan.times:
            raise mfusepy.FuseOSError(self.plan.error)

    def _make(self, path: str, mode: int) -> int:
        with self._guard:
            self._attempt(path)
            folder, name = self._place(path)
            inode = len(self._modes) + ROOT
            self._modes[inode] = mode
            self._happen(Make(inode, stat.S_ISDIR(mode)))
            self._happen(Name(folder, ((name, inode),)))
            return inode

    def create(self, path: str, mode: int, fi: int | None = None) -> int:  # noqa: ARG002 - the binding's signature
        """Make a file and open it."""
        return self._make(path, stat.S_IFREG | stat.S_IMODE(mode))

    def mkdir(self, path: str, mode: int) -> int:
        """Make a folder."""
        self._make(path, stat.S_IFDIR | stat.S_IMODE(mode))
        return 0

    def write(self, path: str | None, data: bytes, offset: int, fh: int) -> int:
        """Write, if there is room."""
        with self._guard:
            self._attempt(path)
            self._demand_room(fh, offset + len(data))
            self._happen(Write(fh, offset, data))
            return len(data)

    def truncate(self, path: str | None, length: int, fh: int | None = None) -> int:
        """Change a file's size, if there is room."""
        with self._guard:
            self._attempt(path)
            inode = fh or self._find(path or "")
            self._demand_room(inode, length)
            self._happen(Resize(inode, length))
            return 0

    def fsync(self, path: str | None, datasync: int, fh: int) -> int:  # noqa: ARG002
        """Make a file durable."""
        with self._guard:
            self._attempt(path)
            self._happen(Sync(fh))
            return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:  # noqa: ARG002
        """Make a folder's names durable."""
        with self._guard:
            self._attempt(path)
            self._happen(Sync(self._find(path)))
            return 0

    def unlink(self, path: str) -> int:
        """Take a name away."""
        with self._guard:
            self._attempt(path)
            folder, name = self._place(path)
            self._happen(Name(folder, ((name, None),)))
            return 0

    rmdir = unlink

    def rename(self, old: str, new: str) -> int:
        """Rename within one folder, in one step."""
        with self._guard:
            self._attempt(old)
            (folder, old_name), (new_folder, new_name) = self._place(old), self._place(new)
            if folder != new_folder:
                raise mfusepy.FuseOSError(errno.EXDEV)
            self._happen(Name(folder, ((old_name, None), (new_name, self._find(old)))))
            return 0

    def link(self, target: str, source: str) -> int:
        """Give a file a second name: `target` is the new one."""
        with self._guard:
            self._attempt(target)
            folder, name = self._place(target)
            self._happen(Name(folder, ((name, self._find(source)),)))
            return 0

    def chmod(self, path: str, mode: int) -> int:
        """Change a mode; modes are not followed across a cut."""
        inode = self._find(path)
        self._modes[inode] = stat.S_IFMT(self._modes[inode]) | stat.S_IMODE(mode)
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:  # noqa: ARG002
        """Leave the owner as it is."""
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:  # noqa: ARG002
        """Leave times as they are: there are none."""
        return 0

    def setxattr(self, path: str, name: str, value: bytes, options: int, position: int = 0) -> int:  # noqa: ARG002
        """Take note of what the program was promised; a plan does not refuse that."""
        with self._guard:
            if name != "user.told":
                raise mfusepy.FuseOSError(errno.ENOTSUP)
            self._happen(Told(value.decode()))
            return 0

    # Looking.

    def getattr(self, path: str | None, fh: int | None = None) -> dict[str, int]:
        """Return what stat(2) tells."""
        inode = fh or self._find(path or "")
        file = self.medium.files.get(inode)
        size = len(file.content) if file else 0
        links = sum(1 for folder in self.medium.folders.values() for other in folder.names.values() if other == inode)
        return {"st_mode": self._modes[inode], "st_nlink": links, "st_size": size, "st_blocks": -(-size // 512)}

    def open(self, path: str, flags: int) -> int:
        """Open a file; O_TRUNC comes as a truncation of its own."""
        if flags & os.O_TRUNC:
            self.truncate(path, 0)
        return self._find(path)

    def opendir(self, path: str) -> int:
        """Open a folder."""
        return self._find(path)

    def read(self, path: str | None, size: int, offset: int, fh: int) -> bytes:  # noqa: ARG002
        """Return what programs see."""
        return bytes(self.medium.files[fh].content[offset : offset + size])

    def readdir(self, path: str, fh: int) -> Iterator[str]:  # noqa: ARG002
        """Yield names."""
        yield from (".", "..", *self.medium.folders[self._find(path)].names)

    def statfs(self, path: str) -> dict[str, int]:  # noqa: ARG002
        """Return how much room there is."""
        used = -(-self.medium.used_bytes(BLOCK) // BLOCK)
        blocks = self.plan.capacity // BLOCK
        free = max(0, blocks - used)
        return {"f_bsize": BLOCK, "f_frsize": BLOCK, "f_blocks": blocks, "f_bfree": free, "f_bavail": free}

    def _demand_room(self, inode: int, size: int) -> None:
        content = self.medium.files[inode].content
        more = (-(-size // BLOCK) + len(content) // -BLOCK) * BLOCK
        if more > 0 and self.medium.used_bytes(BLOCK) + more > self.plan.capacity:
            raise mfusepy.FuseOSError(errno.ENOSPC)

    def _place(self, path: str) -> tuple[int, str]:
        """Return the folder that a path leads into, and the name there."""
        parsed = PurePosixPath(path)
        return self._find(str(parsed.parent)), parsed.name

    def _find(self, path: str) -> int:
        inode = ROOT
        for name in PurePosixPath(path).parts[1:]:
            folder = self.medium.folders.get(inode)
            found = folder.names.get(name) if folder else None
            if found is None:
                raise mfusepy.FuseOSError(errno.ENOENT)
            inode = found
        return inode


def _take_orders(recorder: Recorder) -> None:
    for line in sys.stdin:
        answer = recorder.obey(json.loads(line))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Serve the mount point until it is unmounted."""
    recorder = Recorder()
    threading.Thread(target=_take_orders, args=(recorder,), daemon=True).start()
    mfusepy.FUSE(recorder, sys.argv[1], foreground=True, nothreads=True, fsname="powercut", hard_remove=True)


if __name__ == "__main__":
    main()
