"""Pictures of meters, the evidence beside a reading that looks wrong: kept outside the database, and only as pictures.

What arrives is decoded and encoded anew, so that nothing but pixels is ever stored or served: no place where it was
taken, no thumbnail of something else, no other file behind the picture. A picture is known by the SHA-256 of what is
stored, so the same one is stored once, and none is ever changed.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from PIL import Image, ImageOps, UnidentifiedImageError

from hub.errors import InputError
from hub.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path

UPLOAD_BYTES_MAX = 10 << 20
PIXELS_MAX = 64_000_000
"""More than any phone takes; a small file can claim to be far larger."""
SIDE_MAX = 2_000
"""Pixels on the longer side of what is kept: enough to read a display by."""
QUALITY = 85
MEDIA_TYPE = "image/jpeg"
PHOTOS = Shelf("photos", ".jpg", "picture")

_FORMATS = ("JPEG", "PNG", "WEBP")


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
    return PHOTOS.keep(data_folder, encode_photo(uploaded))
