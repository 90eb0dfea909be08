"""What the hub says of itself to other systems: two words, or a token, in a file that its owner alone may read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hub.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

TOKEN_LENGTH_MIN = 16
_BYTES_MAX = 4096
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and a secret; neither is ever shown."""

    user: str = field(repr=False)
    password: str = field(repr=False)


def load_credentials(path: Path, *, first: str = "user", second: str = "password") -> Credentials:
    """Return the two lines of a file; raises SettingsError if it cannot be read, or others may read it too.

    `first` and `second` are what people call the two.
    """
    lines = _read_lines(path)
    if [bool(line.strip()) for line in lines] != [True, True]:
        message = (
            f"{path} holds no credentials: write the {first} in the first line, the {second} in the second, in ASCII"
        )
        raise SettingsError(message)
    return Credentials(lines[0].strip(), lines[1])


def load_token(path: Path) -> str:
    """Return the one line of a file; raises SettingsError if it cannot be read, is short, or others may read it too."""
    lines = _read_lines(path)
    if len(lines) != 1 or len(lines[0].strip()) < TOKEN_LENGTH_MIN:
        message = (
            f"{path} holds no token: write one line of at least {TOKEN_LENGTH_MIN} ASCII signs that nobody can guess"
        )
        raise SettingsError(message)
    return lines[0].strip()


def _read_lines(path: Path) -> list[str]:
    """Return the lines of a file that its owner alone may read, none if it is no ASCII text."""
    try:
        if path.stat().st_mode & _OTHERS:
            message = f"{path} can be read by others: run `chmod 600 {path}`"
            raise SettingsError(message)
        with path.open("rb") as file:
            return file.read(_BYTES_MAX).decode("ascii").splitlines()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}; it must belong to the user who runs the hub"
        raise SettingsError(message) from error
    except UnicodeDecodeError:
        return []
