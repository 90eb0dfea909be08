"""Pictures of meters: what comes in, and that nothing else than a picture is ever kept or given out."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from hub import photos
from hub.errors import InputError, StoreUnavailableError, UnknownSubjectError
from hub.photos import PHOTOS, encode_photo, keep_photo

if TYPE_CHECKING:
    from pathlib import Path


def make_picture(kind: str = "JPEG", size: tuple[int, int] = (300, 200), exif: Image.Exif | None = None) -> bytes:
    """Return a picture, its left half dark and its right half light."""
    picture = Image.new("RGB", size, (20, 20, 20))
    picture.paste((230, 230, 230), (size[0] // 2, 0, *size))
    content = io.BytesIO()
    picture.save(content, kind, **({} if exif is None else {"exif": exif}))
    return content.getvalue()


def claim_png(width: int, height: int) -> bytes:
    """Return a small PNG that claims to be of this size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_kept_once_and_found_again(tmp_path: Path, kind: str) -> None:
    """Whatever a phone takes is kept as JPEG under the hash of what is kept."""
    name = keep_photo(tmp_path, make_picture(kind))
    assert keep_photo(tmp_path, make_picture(kind)) == name
    kept = Image.open(io.BytesIO(PHOTOS.read(tmp_path, name)))
    assert (kept.format, kept.size) == ("JPEG", (300, 200))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [f"{name}.jpg"]


def test_nothing_but_pixels_is_kept() -> None:
    """Neither the place where it was taken nor what stands behind the picture survives; how it is to be held does."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a camera of a person"
    kept = encode_photo(make_picture(exif=exif) + b"<script>alert(1)</script>")
    again = Image.open(io.BytesIO(kept))
    assert b"camera" not in kept
    assert b"script" not in kept
    assert not again.getexif()
    assert again.size == (200, 300)


def test_a_large_picture_becomes_small_enough_to_look_at() -> None:
    """What is kept is bounded, whatever was taken."""
    assert max(Image.open(io.BytesIO(encode_photo(make_picture(size=(6000, 3000))))).size) == photos.SIDE_MAX


@pytest.mark.parametrize(
    ("uploaded", "says"),
    [
        (b"", "no JPEG, PNG or WebP picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no JPEG, PNG or WebP picture"),
        (b"GIF89a" + bytes(60), "no JPEG, PNG or WebP picture"),
        (make_picture()[:-300], "is damaged"),
        (claim_png(9_000, 9_000), "9000 by 9000 pixels"),
        (claim_png(60_000, 60_000), "claims far more pixels"),
        (bytes(photos.UPLOAD_BYTES_MAX + 1), "is the limit"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_sentence(tmp_path: Path, uploaded: bytes, says: str) -> None:
    """Nothing is kept of it."""
    with pytest.raises(InputError, match=says) as refused:
        keep_photo(tmp_path, uploaded)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 600), value=st.integers(0, 255))
def test_damaged_pictures_are_refused_or_read_and_nothing_else(place: int, value: int) -> None:
    """Whatever a byte on the way becomes, the answer is a picture or a sentence."""
    content = bytearray(make_picture("PNG", (40, 30)))
    content[place % len(content)] = value
    try:
        kept = encode_photo(bytes(content))
    except InputError:
        return
    assert Image.open(io.BytesIO(kept)).format == "JPEG"


@pytest.mark.parametrize("name", ["", "../hub", "A" * 64, "0" * 63, "0" * 64])
def test_no_other_name_is_found(tmp_path: Path, name: str) -> None:
    """A name is a hash: it leads nowhere else."""
    assert not PHOTOS.has(tmp_path, name)
    with pytest.raises(UnknownSubjectError, match="no picture"):
        PHOTOS.read(tmp_path, name)


def test_a_picture_that_changed_on_the_disk_is_not_given_out(tmp_path: Path) -> None:
    """Evidence is what was kept, or it is nothing."""
    name = keep_photo(tmp_path, make_picture())
    next(tmp_path.rglob("*.jpg")).write_bytes(make_picture())
    with pytest.raises(StoreUnavailableError, match="damaged on the disk"):
        PHOTOS.read(tmp_path, name)


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    """What cannot be kept is said, and can be sent again."""
    (tmp_path / PHOTOS.folder_name).write_text("a file where the folder should be")
    with pytest.raises(StoreUnavailableError, match="cannot be kept"):
        keep_photo(tmp_path, make_picture())
