"""What the agent's libraries import without the agent ever using it is not loaded, to save memory on small machines.

Each is a top-level import for functions that the agent does not call: a parser of dates for column recipes, a command
line for plug-ins, a finder of web proxies. A module waits, and is loaded when something of it is used after all. Only
what a library itself treats as optional is taken for absent, and what a client names of a server's parts stays a name.
"""

from __future__ import annotations

import __future__

import sys
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import CodeType

POSTPONED = (
    *("asyncio.sslproto", "locale", "random", "secrets", "tokenize"),
    *("click", "dateutil.parser", "ipaddress", "pymodbus.client", "urllib.request"),
)
"""Loaded at their first use, which never comes. `importlib.util.LazyLoader` would load them when they are looked at."""
ABSENT = ("numpy", "pandas")
"""sqlite-utils also stores their values where they are installed; the journal has none of them."""
NAMES_ONLY = ("pymodbus.datastore",)
"""A server's registers and its simulator, half a MiB: the messages of pymodbus name a type of theirs in annotations."""
UNREAD_ANNOTATIONS = ("sqlite_utils.hookspecs",)
"""Compiled as PEP 563 says: their annotations stay text, and so use nothing of what they name."""


class _Waiting(ModuleType):
    """A module that loads itself when something of it is used that is not there yet.

    What lies below a waiting package can be imported once something of the package itself was used.
    """

    def __getattr__(self, name: str) -> object:
        # Whoever only looks at modules asks for names such as __path__.
        if name.startswith("__"):
            raise AttributeError(name)
        assert self.__spec__ is not None, "the import system gave it one"
        assert isinstance(self.__spec__.loader, _Postponing), "only this loader makes such modules"
        self.__spec__.loader.load(self)
        return getattr(self, name)


class _Postponing(SourceFileLoader):
    """Leaves modules waiting where it should load them."""

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing yet."""
        module.__class__ = _Waiting

    def load(self, module: ModuleType) -> None:
        """Do now what importing the module would have done."""
        module.__class__ = ModuleType
        super().exec_module(module)


class _NamesOnly(ModuleType):
    """A module whose every public name is a type that cannot be made."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (_Unloaded,), {"__module__": self.__name__})


class _Unloaded:
    """What stands for a type of a module that the agent does not load."""

    def __init__(self, *_arguments: object, **_named: object) -> None:
        message = f"{type(self).__module__} is not loaded in the agent: it is only named there"
        raise NotImplementedError(message)


class _Naming(SourceFileLoader):
    """Makes modules that hold names and nothing else."""

    def exec_module(self, module: ModuleType) -> None:
        """Load nothing."""
        module.__class__ = _NamesOnly


class _UnreadAnnotations(SourceFileLoader):
    """Loads a module as if it began with `from __future__ import annotations`."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        flags = __future__.annotations.compiler_flag
        code: CodeType = compile(self.get_data(path), path, "exec", flags=flags, dont_inherit=True)
        return code


_LOADERS = (
    dict.fromkeys(POSTPONED, _Postponing)
    | dict.fromkeys(NAMES_ONLY, _Naming)
    | dict.fromkeys(UNREAD_ANNOTATIONS, _UnreadAnnotations)
)


class _LeanFinder:
    """Finds modules where any import would, and has those of the lists above loaded as these say."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in ABSENT:
            message = f"{name} is of no use here"
            raise ModuleNotFoundError(message, name=name)
        if name not in _LOADERS:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _LOADERS[name](spec.loader.name, spec.loader.path)
        return spec


@contextmanager
def lean_imports() -> Iterator[None]:
    """Inside it, importing is sparing."""
    finder = _LeanFinder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
