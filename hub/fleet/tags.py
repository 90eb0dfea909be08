"""Tags of devices: short words that people put on devices to find them again, and take off."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection

TAG_LENGTH_MAX = 40
TAGS_MAX = 20
"""How many tags a device has at most."""
_TAG = re.compile(r"[A-Za-z0-9_.:-]+")


@dataclass(frozen=True, slots=True)
class Retagging:
    """Which tags are put on a device, and which are taken off."""

    put_on: tuple[str, ...] = ()
    take_off: tuple[str, ...] = ()


def parse_tags(text: str) -> tuple[str, ...]:
    """Return the tags that a text names, between blanks or commas; raises InputError for what is none."""
    return tuple(dict.fromkeys(parse_tag(one) for one in text.replace(",", " ").split()))


def parse_tag(text: str) -> str:
    """Return a tag as it is written; raises InputError for what is none."""
    if not _TAG.fullmatch(text) or len(text) > TAG_LENGTH_MAX:
        message = f"{text!r:.60} is no tag: write 1 to {TAG_LENGTH_MAX} letters, digits, or signs of - _ . :"
        raise InputError(message)
    return text


def check_retagging(wish: Retagging, held: Collection[str]) -> Retagging:
    """Return what changes of the tags that a device has.

    Raises InputError where nothing does, where a tag is both put on and taken off, and for more than `TAGS_MAX`.
    """
    both = set(wish.put_on) & set(wish.take_off)
    if both:
        message = f"tag {min(both)} is put on and taken off at once: choose one"
        raise InputError(message)
    if not wish.put_on and not wish.take_off:
        message = "tags: name at least one"
        raise InputError(message)
    put_on = tuple(one for one in wish.put_on if one not in held)
    take_off = tuple(one for one in wish.take_off if one in held)
    if not put_on and not take_off:
        message = "it is tagged so already" if wish.put_on else "it has no such tag"
        raise InputError(message)
    number = len(held) + len(put_on) - len(take_off)
    if put_on and number > TAGS_MAX:
        message = f"it would have {number} tags: a device has {TAGS_MAX} at most, take one off first"
        raise InputError(message)
    return Retagging(put_on, take_off)
