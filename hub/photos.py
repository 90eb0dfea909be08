"""Pictures of meters, the evidence beside a reading that looks wrong: kept outside the database, and only as pictures.

What arrives is decoded and encoded anew, so that nothing but pixels is ever stored or served: no place where it was
taken, no thumbnail of something else, no other file behind the picture. A picture is known by the SHA-256 of what is
stored, so the same one is stored once, and none is ever changed.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import warnings
from typing import TYPE_CHECKING

from PIL import Image, ImageOps, UnidentifiedImageError

from hub.errors import InputError, StoreUnavailableError, UnknownSubjectError
from hub.files import make_folder, sync_folder, write_synced

if TYPE_CHECKING:
    from pathlib import Path

UPLOAD_BYTES_MAX = 10 << 20
PIXELS_MAX = 64_000_000
"""More than any phone takes; a small file can claim to be far larger."""
SIDE_MAX = 2_000
"""Pixels on the longer side of what is kept: enough to read a display by."""
QUALITY = 85
FOLDER_NAME = "photos"
MEDIA_TYPE = "image/jpeg"

_FORMATS = ("JPEG", "PNG", "WEBP")
_NAME = re.compile(r"[0-9a-f]{64}")


def encode_photo(uploaded: bytes) -> bytes:
    """Return a picture as it is kept: upright, at most `SIDE_MAX` pixels wide and high, JPEG without anything else.

    Raises InputError for what is too large, or no picture of a kind that phones take.
    """
    if len(uploaded) > UPLOAD_BYTES_MAX:
        message = (
            f"the picture has {len(uploaded):,} bytes and {UPLOAD_BYTES_MAX:,} is the limit: send a smaller one, the "
            "display of the meter is enough"
        )
        raise InputError(message)
    try:
        with warnings.catch_warnings():
            # Our own limit is looked at before a single pixel is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(uploaded), formats=_FORMATS)
        if picture.width * picture.height > PIXELS_MAX:
            message = f"the picture has {picture.width} by {picture.height} pixels: send one of at most 64 million"
            raise InputError(message)
        upright = ImageOps.exif_transpose(picture).convert("RGB")
    except UnidentifiedImageError as error:
        message = "the file is no JPEG, PNG or WebP picture: take a photo of the meter's display and send that"
        raise InputError(message) from error
    except Image.DecompressionBombError as error:
        message = "the picture claims far more pixels than a phone takes: send the photo itself"
        raise InputError(message) from error
    except (OSError, ValueError, SyntaxError) as error:
        message = "the picture is damaged and cannot be read to its end: take it again"
        raise InputError(message) from error
    upright.thumbnail((SIDE_MAX, SIDE_MAX))
    encoded = io.BytesIO()
    upright.save(encoded, "JPEG", quality=QUALITY)
    return encoded.getvalue()


def keep_photo(data_folder: Path, uploaded: bytes) -> str:
    """Keep a picture, durably, and return the name by which it is known from now on.

    Raises InputError as `encode_photo` does, and StoreUnavailableError if it cannot be written.
    """
    content = encode_photo(uploaded)
    name = hashlib.sha256(content).hexdigest()
    path = _path(data_folder, name)
    try:
        if not path.exists():
            make_folder(path.parent)
            beside = path.with_suffix(f".{os.getpid()}.part")
            beside.unlink(missing_ok=True)
            write_synced(beside, content)
            beside.replace(path)
            sync_folder(path.parent)
    except OSError as error:
        message = f"the picture cannot be kept in {path.parent}: {error.strerror}; free the disk and send it again"
        raise StoreUnavailableError(message) from error
    return name


def read_photo(data_folder: Path, name: str) -> bytes:
    """Return a picture that is kept.

    Raises UnknownSubjectError for any other name, and StoreUnavailableError for a picture damaged on the disk.
    """
    if not has_photo(data_folder, name):
        message = f"no picture {name!r:.70} is kept here: upload it, and use the name that is answered"
        raise UnknownSubjectError(message)
    content = _path(data_folder, name).read_bytes()
    if hashlib.sha256(content).hexdigest() != name:
        message = f"the picture {name} is damaged on the disk: restore it from a backup of the folder {FOLDER_NAME}"
        raise StoreUnavailableError(message)
    return content


def has_photo(data_folder: Path, name: str) -> bool:
    """Return whether this is the name of a picture that is kept."""
    return _NAME.fullmatch(name) is not None and _path(data_folder, name).is_file()


def _path(data_folder: Path, name: str) -> Path:
    return data_folder / FOLDER_NAME / name[:2] / f"{name}.jpg"
