"""The register maps this agent knows: one TOML file each, explained key by key in README.md beside them."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from edge.metering.errors import ProfileError
from edge.metering.parse_profile import parse_profile

if TYPE_CHECKING:
    from edge.metering.profile import MeterProfile

_FOLDER = Path(__file__).parent
_SUFFIX = ".toml"
_ID = re.compile(r"[a-z0-9.-]+")


@cache
def profile_ids() -> tuple[str, ...]:
    """Return the ids of all profiles, in alphabetical order.

    Raises ProfileError if a file is damaged.
    """
    return tuple(sorted(read_profiles(_FOLDER)))


@cache
def load_profile(profile_id: str) -> MeterProfile:
    """Return the profile with this id, of which only its own file is read, and once.

    Raises ProfileError naming the ids that are like it if there is none, or if a file is damaged.
    """
    entry = _FOLDER / file_name(profile_id)
    if _ID.fullmatch(profile_id) and entry.is_file():
        profile = _read_profile(entry)
        if profile.id == profile_id:
            return profile
    # Only whoever misspells a profile has to load it.
    from difflib import get_close_matches  # noqa: PLC0415 - loaded only here

    like = " or ".join(get_close_matches(profile_id, profile_ids()))
    hint = f"did you mean {like}? " if like else ""
    message = f"there is no meter profile {profile_id!r}; {hint}`meter-edge profiles` lists them all"
    raise ProfileError(message)


def file_name(profile_id: str) -> str:
    """Return the name of the file that a profile of this id is in."""
    return re.sub(r"[.-]", "_", profile_id) + _SUFFIX


def read_profiles(folder: Path) -> dict[str, MeterProfile]:
    """Return the profiles in the TOML files of a folder by id.

    Raises ProfileError naming the file if one is damaged, or if two have the same id.
    """
    profiles: dict[str, MeterProfile] = {}
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(_SUFFIX):
            continue
        profile = _read_profile(entry)
        if profile.id in profiles:
            message = f"{entry.name}: id {profile.id} is taken by another file; choose another id"
            raise ProfileError(message)
        profiles[profile.id] = profile
    return profiles


def _read_profile(entry: Path) -> MeterProfile:
    try:
        document = tomllib.loads(entry.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        message = f"{entry.name} is not TOML: {error}; correct it there"
        raise ProfileError(message) from error
    return parse_profile(document, entry.name)
