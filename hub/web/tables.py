"""Tables to be saved from a page: written as they are read, however long they are."""

from collections.abc import Iterator
from itertools import chain

from fastapi.responses import Response, StreamingResponse


def save_table(name: str, heading: str, parts: Iterator[str]) -> Response:
    """Answer with a table under its name: the line of its heading, and its lines in parts.

    The first part is read before the answer begins, so that a store which cannot be read is told of in its place.
    """
    first = next(parts, "")
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return StreamingResponse(chain([heading, first], parts), media_type="text/csv; charset=utf-8", headers=headers)
