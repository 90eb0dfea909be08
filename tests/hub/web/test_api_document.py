"""The OpenAPI document: what each operation does, how it refuses, and that its examples are taken."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from hub.web.openapi import PATH, make_app
from hub.web.routers import ROUTERS
from tests.hub.web.asking import Operation, model_of, open_to_all, operations

if TYPE_CHECKING:
    from fastapi import FastAPI

DOCUMENT = make_app().openapi()
PAGE = Path(__file__).parents[3] / "docs" / "api.md"
OPERATIONS = operations(DOCUMENT)
PROBLEM = "application/problem+json"
NOT_THERE = {
    "/api/v1/photos/{name}",
    "/api/v1/changes/{number}/documents/{name}",
    "/api/v1/forwards/{number}",
}
"""What the sample hub has none of under the name that the document shows."""
each = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.label)


def test_the_hub_answers_with_the_document(app: FastAPI) -> None:
    """What is read from a hub is what these tests look at."""
    with TestClient(app) as client:
        assert client.get(PATH).json() == DOCUMENT


@each
def test_an_operation_says_what_it_does(operation: Operation) -> None:
    """A summary, one sentence without its dot, and the group that it belongs to."""
    assert re.fullmatch(r"[A-Z].{15,110}[^.\n]", operation.said["summary"])
    assert set(operation.said["tags"]) <= {one["name"] for one in DOCUMENT["tags"]}


def test_the_page_lists_the_groups() -> None:
    """`docs/api.md` ends with them, in their order and words."""
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(one["name"], one["description"]) for one in DOCUMENT["tags"]]


def test_the_page_lists_how_an_operation_refuses() -> None:
    """Each status of the document is explained on the page, and beside them only that of another method."""
    told = set(re.findall(r"^\| (\d{3}) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert told == {status for one in OPERATIONS for status in one.said["responses"] if status >= "400"} | {"405"}


def test_every_group_has_operations() -> None:
    """No group is named for nothing."""
    used = {tag for one in OPERATIONS for tag in one.said["tags"]}
    assert used == {one["name"] for one in DOCUMENT["tags"]}


@each
def test_an_operation_says_how_it_refuses(operation: Operation) -> None:
    """Every refusal is problem details, and nothing is told in the framework's own form."""
    answers = operation.said["responses"]
    wanted = {"429", "503"}
    if "security" in operation.said:
        wanted |= {"401", "403"}
    if operation.parameters or operation.method == "post":
        wanted |= {"404", "422"}
    if operation.method == "post" and "requestBody" in operation.said:
        wanted |= {"400", "409", "413"}
    if "if-match" in {one["name"] for one in operation.said["parameters"]}:
        wanted |= {"412"}
    assert {status for status in answers if status >= "400"} == wanted
    for status in wanted:
        assert answers[status]["content"][PROBLEM]["schema"] == {"$ref": "#/components/schemas/ProblemJson"}
    assert "HTTPValidationError" not in str(DOCUMENT)


@each
def test_a_body_has_an_example_that_is_taken(operation: Operation) -> None:
    """Each model shows one, in its own words and of its own shape."""
    model = model_of(DOCUMENT, operation.said)
    if model is None:
        assert operation.body is None
        return
    assert operation.body, f"{model['title']} has no example: give it `with_example`"
    assert len(model["examples"]) == 1
    kinds = [
        route.body_field.field_info.annotation
        for router in ROUTERS
        for route in router.routes
        if getattr(route, "path", "") == operation.path and getattr(route, "body_field", None)
    ]
    assert kinds
    for kind in kinds:
        TypeAdapter(kind).validate_python(operation.body)
    assert set(operation.body) <= set(model["properties"])


def test_the_examples_are_answered(tmp_path: Path) -> None:
    """Every door is reached as the document shows it, and every list and thing that is asked for is there."""
    with open_to_all(tmp_path) as (app, headers):
        client = TestClient(app, headers=headers)
        for one in sorted(OPERATIONS, key=lambda one: one.method):
            answer = client.request(
                one.method, one.address(layout="systems", form="pdf"), params=one.query(), json=one.body
            )
            assert str(answer.status_code) in one.said["responses"], (one.label, answer.text)
            assert "There is nothing at" not in answer.text, one.label
            if one.method == "get" and one.path not in NOT_THERE:
                assert answer.status_code == 200, (one.label, answer.text)


def test_a_method_that_is_not_possible_says_which_is(app: FastAPI) -> None:
    """405 as a problem, with all that `Allow` has to name (RFC 9110, 15.5.6): also what another router answers."""
    with TestClient(app) as client:
        answer = client.delete("/api/v1/systems")
    assert (answer.status_code, answer.headers["content-type"]) == (405, PROBLEM)
    assert answer.headers["allow"] == "GET, POST"


def test_who_wants_a_token_says_so() -> None:
    """Programs read it from the document; a few operations are for anybody."""
    for_anybody = {one.label for one in OPERATIONS if "security" not in one.said and "custody" not in one.path}
    assert for_anybody == {
        "GET /api/v1/windows",
        "GET /api/v1/compliance/{year}",
        "GET /api/v1/manual-limits",
    }
    assert DOCUMENT["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
