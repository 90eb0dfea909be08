"""How documents are given out: signed contracts, proofs and pictures, to be saved and never to be shown in place."""

from pathlib import Path
from typing import Any

from fastapi import Response

from hub.documents import MEDIA_TYPE, read_evidence
from hub.photos import MEDIA_TYPE as PHOTO_TYPE

DOCUMENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {MEDIA_TYPE: {}, PHOTO_TYPE: {}}, "description": "The document, to be saved."}
}
"""What an operation that gives out a document says of its answer."""


def save_document(folder: Path, name: str) -> Response:
    """Return the answer that has a kept document in it; raises UnknownSubjectError for none of this name."""
    content, media_type, file_name = read_evidence(folder, name)
    return Response(
        content, media_type=media_type, headers={"content-disposition": f'attachment; filename="{file_name}"'}
    )
