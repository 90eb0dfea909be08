"""The register maps this agent knows: one TOML file each, explained key by key in README.md beside them."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from edge.metering.errors import ProfileError
from edge.metering.parse_profile import parse_profile

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from edge.metering.profile import MeterProfile

_SUFFIX = ".toml"


def profile_ids() -> tuple[str, ...]:
    """Return the ids of all profiles, in alphabetical order.

    Raises ProfileError if a file is damaged.
    """
    return tuple(sorted(_profiles()))


def load_profile(profile_id: str) -> MeterProfile:
    """Return the profile with this id; raises ProfileError naming the ids that are like it, or if a file is damaged."""
    profile = _profiles().get(profile_id)
    if profile is None:
        like = " or ".join(get_close_matches(profile_id, profile_ids()))
        hint = f"did you mean {like}? " if like else ""
        message = f"there is no meter profile {profile_id!r}; {hint}`meter-edge profiles` lists them all"
        raise ProfileError(message)
    return profile


@cache
def _profiles() -> dict[str, MeterProfile]:
    """Return every profile by id; parsed once, as the files are part of the program."""
    return read_profiles(resources.files(__name__))


def read_profiles(folder: Traversable) -> dict[str, MeterProfile]:
    """Return the profiles in the TOML files of a folder by id.

    Raises ProfileError naming the file if one is damaged, or if two have the same id.
    """
    profiles: dict[str, MeterProfile] = {}
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(_SUFFIX):
            continue
        profile = parse_profile(_parse_toml(entry.read_text(encoding="utf-8"), entry.name), entry.name)
        if profile.id in profiles:
            message = f"{entry.name}: id {profile.id} is taken by another file; choose another id"
            raise ProfileError(message)
        profiles[profile.id] = profile
    return profiles


def _parse_toml(text: str, where: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{where} is not TOML: {error}; correct it there"
        raise ProfileError(message) from error
