"""Documents as evidence of a change: signed contracts and proofs of transfer, as PDF or as a picture of the paper.

A PDF can hold more than a page shows, and is kept as it came, because a signature in it would not survive anything
else. It is therefore only ever given out as a download, never shown by this hub.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.photos import MEDIA_TYPE as PHOTO_TYPE
from hub.photos import PHOTOS, keep_photo
from hub.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT_BYTES_MAX = 10 << 20
MEDIA_TYPE = "application/pdf"
DOCUMENTS = Shelf("documents", ".pdf", "document")

_BEGINS = b"%PDF-"
_ENDS = b"%%EOF"
_TAIL_BYTES = 1024
"""Within how many of the last bytes readers look for the end of a PDF."""


def keep_document(data_folder: Path, uploaded: bytes) -> str:
    """Keep a PDF as it is, or a picture as `keep_photo` does, and return the name by which it is known.

    Raises InputError for what is neither, cut short or too large, and StoreUnavailableError if it cannot be written.
    """
    if not uploaded.startswith(_BEGINS):
        return keep_photo(data_folder, uploaded)
    if len(uploaded) > DOCUMENT_BYTES_MAX:
        message = (
            f"the document has {len(uploaded):,} bytes and {DOCUMENT_BYTES_MAX:,} is the limit: send only the pages "
            "that matter"
        )
        raise InputError(message)
    if _ENDS not in uploaded[-_TAIL_BYTES:]:
        message = "the PDF ends before its end: it was cut short on its way, send it again"
        raise InputError(message)
    return DOCUMENTS.keep(data_folder, uploaded)


def check_evidence(data_folder: Path, name: str) -> str:
    """Return the name of a document or picture that is kept, or an empty one; raises InputError for any other."""
    if name and not DOCUMENTS.has(data_folder, name) and not PHOTOS.has(data_folder, name):
        message = f"no document {name!r:.70} is kept here: send it first, and use the name that is answered"
        raise InputError(message)
    return name


def read_evidence(data_folder: Path, name: str) -> tuple[bytes, str, str]:
    """Return the content, media type and file name of a document or picture that is kept.

    Raises UnknownSubjectError for any other name, and StoreUnavailableError for one damaged on the disk.
    """
    if PHOTOS.has(data_folder, name):
        return PHOTOS.read(data_folder, name), PHOTO_TYPE, f"{name}{PHOTOS.suffix}"
    return DOCUMENTS.read(data_folder, name), MEDIA_TYPE, f"{name}{DOCUMENTS.suffix}"
