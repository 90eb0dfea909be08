"""Lists a page at a time: whoever follows the links sees each row once, and a list that grows has pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI, Response
from fastapi.testclient import TestClient

from hub.web.api.paging import PageByName, PageByNumber  # noqa: TC001 - the framework looks at them
from hub.web.openapi import make_app
from tests.hub.every_page import SYSTEMS
from tests.hub.web.asking import Operation, open_to_all, operations

if TYPE_CHECKING:
    from collections.abc import Iterator

CURSORS = {"after", "before"}
OPERATIONS = operations(make_app().openapi())
PAGED = [one for one in OPERATIONS if CURSORS & {parameter["name"] for parameter in one.parameters}]
MORE_THAN_ONE_PAGE = {
    "/api/v1/accounts",
    "/api/v1/alerts/thresholds/{threshold}/changes",
    "/api/v1/audit-log",
    "/api/v1/board",
    "/api/v1/devices",
    "/api/v1/meters",
    "/api/v1/months/{month}/forwarding",
    "/api/v1/readings",
    "/api/v1/reporting",
    "/api/v1/submissions",
    "/api/v1/submissions/waiting",
    "/api/v1/reporting/devices",
    "/api/v1/systems",
}
"""Of which the sample hub has more than one row."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Return a client of a hub with something of everything, that sees all of it."""
    with open_to_all(tmp_path_factory.mktemp("paging")) as (app, headers):
        yield TestClient(app, headers=headers)


def rows_of(answer: dict[str, Any]) -> list[object]:
    """Return the rows of the list that an answer has beside what is the same on each page."""
    lists = {name: value for name, value in answer.items() if isinstance(value, list)}
    (rows,) = (value for name, value in lists.items() if len(lists) == 1 or name not in {"unknown", "counts", "months"})
    return rows


@pytest.mark.parametrize("operation", PAGED, ids=lambda one: one.path)
def test_following_the_links_shows_each_row_once(client: TestClient, operation: Operation) -> None:
    """Page by page as much as at once, in the same order; the link is what `next` says, and ends with it."""
    wanted = operation.query()
    whole = client.get(operation.address(), params=wanted)
    assert "link" not in whole.headers
    assert whole.json()["next"] is None
    found: list[object] = []
    pages, at = 0, client.get(operation.address(), params={**wanted, "limit": 1})
    while True:
        pages += 1
        found += rows_of(at.json())
        if at.json()["next"] is None:
            break
        (link,) = re.findall(r'^<(/api/v1/[^<>]+)>; rel="next"$', at.headers["link"])
        assert re.search(r"[?&](after|before)=", link)
        at = client.get(link)
        assert at.status_code == 200, at.text
    assert "link" not in at.headers
    assert found == rows_of(whole.json())
    if operation.path in MORE_THAN_ONE_PAGE:
        assert pages > 1


def test_the_named_lists_are_paged() -> None:
    """So that the test above walks through something."""
    assert {one.path for one in PAGED} >= MORE_THAN_ONE_PAGE
    assert len(PAGED) == 34


def test_the_document_tells_of_the_link() -> None:
    """Each list that has pages, and no other operation."""
    told = {one.label for one in OPERATIONS if "Link" in one.said["responses"].get("200", {}).get("headers", {})}
    assert told == {one.label for one in PAGED}


def test_a_link_keeps_what_was_asked_and_is_a_header_whatever_the_address_holds() -> None:
    """Other parameters stay, an address in other letters is written by octets, and nothing in it ends the link."""
    app = FastAPI()

    @app.get("/lists/{name}")
    def show(name: str, page: PageByName, response: Response) -> str | None:
        assert name
        response.headers["x-other"] = "stays"
        return page.next(["a", "Ω>b"][: page.limit], str)

    with TestClient(app) as client:
        answer = client.get("/lists/Ω>", params={"limit": 2, "other": "x y", "after": "earlier"})
    assert answer.json() == "Ω>b"
    assert answer.headers["link"] == '</lists/%CE%A9%3E?limit=2&other=x+y&after=%CE%A9%3Eb>; rel="next"'
    assert answer.headers["x-other"] == "stays"


@pytest.mark.parametrize(
    ("path", "cursor"),
    [
        ("meters", "after"),
        ("silences", "after"),
        (f"systems/{SYSTEMS[0]}/events", "before"),
        (f"systems/{SYSTEMS[0]}/reported-months", "before"),
    ],
)
@pytest.mark.parametrize("place", ["x", "1", "1.2.3.4", "1.-2", "1.x.3", "1.²", f"1.{1 << 63}", f"1.2.{1 << 63}"])
def test_a_place_that_no_page_named_is_refused(client: TestClient, path: str, cursor: str, place: str) -> None:
    """With a sentence that says what to give; the list is not begun anew."""
    answer = client.get(f"/api/v1/{path}", params={cursor: place})
    assert (answer.status_code, "give the `next` of the page before" in answer.json()["detail"]) == (422, True)


def test_versions_of_a_month_and_words_of_a_device_are_walked_back(client: TestClient) -> None:
    """Each version once, the latest first, also where a page ends between two of a month."""
    address = f"/api/v1/systems/{SYSTEMS[0]}/reported-months?every_version=true"
    whole = client.get(address).json()["months"]
    assert [one["month"] for one in whole] == ["2024-03", "2024-02", "2024-01"]
    second = client.get(f"{address}&limit=2").json()
    assert client.get(f"{address}&before={second['next']}").json()["months"] == whole[2:]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "after=-1", f"after={1 << 63}", "after=x"])
def test_what_is_no_page_is_refused(query: str) -> None:
    """A page has one row at least, not too many, and begins after a number there can be."""
    app = FastAPI()

    @app.get("/list")
    def show(page: PageByNumber) -> int:
        return page.limit

    with TestClient(app) as client:
        assert client.get("/list").json() == 100
        assert client.get(f"/list?{query}").status_code == 422
