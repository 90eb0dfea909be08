"""A page of a list, and the address of the one that follows: in the answer, and as a link in its header (RFC 8288).

Lists are paged by keys: a page begins after the last row of the one before, so that it costs the same everywhere, and
nothing is shown twice or left out because something came in meanwhile.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar
from urllib.parse import quote

from fastapi import Depends, Query, Request, Response

from hub.errors import InputError
from hub.web.api.kinds import NUMBER_MAX

CURSOR_LENGTH_MAX = 200
ROWS_MAX = 1000
ROWS = 100
_NUMBER = re.compile("[0-9]{1,19}")

Row = TypeVar("Row")
Cursor = TypeVar("Cursor", str, int)


@dataclass(frozen=True, slots=True)
class Page(Generic[Cursor]):
    """The page that a request asks for: at most `limit` rows that follow `cursor`, the first ones where it is None."""

    request: Request
    response: Response
    name: str
    cursor: Cursor | None
    limit: int

    def next(self, rows: Sequence[Row], key: Callable[[Row], Cursor]) -> Cursor | None:
        """Return the cursor of the page after these rows, and link to it; None after the last page.

        `key` is what a row is known by in the order of the list.
        """
        return self.link(key(rows[-1]) if len(rows) == self.limit else None)

    def link(self, cursor: Cursor | None) -> Cursor | None:
        """Return this cursor, and name the address of its page in the answer's `Link` header."""
        if cursor is not None:
            url = self.request.url.include_query_params(**{self.name: cursor})
            # The path came decoded, and may hold what no header may.
            self.response.headers["link"] = f'<{quote(url.path)}?{url.query}>; rel="next"'
        return cursor


def by_name(most: int = ROWS_MAX, usual: int = ROWS) -> Callable[..., Page[str]]:
    """Return how a request asks for a page of a list in the order of names, of at most `most` rows."""

    def read(
        request: Request,
        response: Response,
        after: Annotated[str, Query(max_length=CURSOR_LENGTH_MAX, description="The `next` of the page before.")] = "",
        limit: Annotated[int, Query(ge=1, le=most)] = usual,
    ) -> Page[str]:
        return Page(request, response, "after", after or None, limit)

    return read


def back_by_name(most: int = ROWS_MAX, usual: int = ROWS) -> Callable[..., Page[str]]:
    """Return how a request asks for a page of a list that goes from the latest back, by places that are no number."""

    def read(
        request: Request,
        response: Response,
        before: Annotated[str, Query(max_length=CURSOR_LENGTH_MAX, description="The `next` of the page before.")] = "",
        limit: Annotated[int, Query(ge=1, le=most)] = usual,
    ) -> Page[str]:
        return Page(request, response, "before", before or None, limit)

    return read


def by_number(most: int = ROWS_MAX, usual: int = ROWS) -> Callable[..., Page[int]]:
    """Return how a request asks for a page of a list in the order of numbers."""

    def read(
        request: Request,
        response: Response,
        after: Annotated[int, Query(ge=0, le=NUMBER_MAX, description="The `next` of the page before.")] = 0,
        limit: Annotated[int, Query(ge=1, le=most)] = usual,
    ) -> Page[int]:
        return Page(request, response, "after", after, limit)

    return read


def latest_first(most: int = ROWS_MAX, usual: int = ROWS) -> Callable[..., Page[int]]:
    """Return how a request asks for a page of a list from the greatest number to the least."""

    def read(
        request: Request,
        response: Response,
        before: Annotated[int | None, Query(ge=1, le=NUMBER_MAX, description="The `next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=most)] = usual,
    ) -> Page[int]:
        return Page(request, response, "before", before, limit)

    return read


def format_place(*numbers: int) -> str:
    """Return as text the place of a row that is known by several numbers."""
    return ".".join(map(str, numbers))


def parse_place(text: str, parts: int) -> tuple[int, ...]:
    """Return the numbers of a place in a list; raises InputError for what no page ever named."""
    numbers = text.split(".")
    if len(numbers) != parts or any(_NUMBER.fullmatch(one) is None or int(one) > NUMBER_MAX for one in numbers):
        message = f"{text!r:.60} is not a place in this list: give the `next` of the page before"
        raise InputError(message)
    return tuple(map(int, numbers))


PageByName = Annotated[Page[str], Depends(by_name())]
PageByNumber = Annotated[Page[int], Depends(by_number())]
PageBack = Annotated[Page[int], Depends(latest_first())]
PageBackByName = Annotated[Page[str], Depends(back_by_name())]
