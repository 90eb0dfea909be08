"""Values that nobody means, in every place where a value can stand: refused in a sentence, never a failure of ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from hub.web.openapi import make_app
from tests.hub.web.asking import JSON, Operation, open_to_all, operations

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OPERATIONS = operations(make_app().openapi())
HUGE = "1" + "0" * 400
TEXTS = (
    *("", "\0", "a\0b", "\u202e", "\u0663", "9" * 39, "9" * 5_000, "-1", "1e400", "nan", HUGE),
    *("0001-01-01", "9999-12-31", "9999-12-31 23:59", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"),
    *("0001-01", "9999-12", "0000-Q1", "9999-Q4", str(1 << 63), str(-(1 << 64)), "../../x", "%00", "'; --"),
)
VALUES: tuple[Any, ...] = (*TEXTS, "\ud800", 0, -1, 1 << 63, 1 << 64, -(1 << 64), 1.5, None, True, [], {}, ["\ud800"])
BODIES = ("", "null", "[]", "{", "1", '"x"', '{"a":' + "[" * 5_000, f'{{"reason": {HUGE}{"0" * 5_000}}}', "\ufeff{}")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Return a client that the hub refuses nothing; a failure of the hub's is raised in the test."""
    with open_to_all(tmp_path_factory.mktemp("hostile")) as (app, headers):
        yield TestClient(app, headers=headers)


def variants(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield the body as JSON with each of its values, also within what it holds, replaced in turn."""
    for name, value in body.items():
        keys = value if isinstance(value, dict) else {}
        inner: list[dict[str, Any]] = [{name: {**value, key: odd}} for key in keys for odd in VALUES]
        for changed in [*({name: odd} for odd in VALUES), *inner]:
            yield json.dumps(dict(body) | changed)


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.body], ids=lambda one: one.label)
def test_no_body_is_a_failure_of_ours(client: TestClient, operation: Operation) -> None:
    """NUL, half of a letter, numbers beyond 64 bit, days beyond the calendar, the wrong kind, no JSON at all."""
    assert operation.body is not None, "chosen by it"
    for body in [*variants({**operation.defaults, **operation.body}), *BODIES]:
        answer = client.post(operation.address(), content=body.encode(), headers={"content-type": JSON})
        assert str(answer.status_code) in operation.said["responses"], (body, answer.text)


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.parameters], ids=lambda one: one.label)
def test_no_address_is_a_failure_of_ours(client: TestClient, operation: Operation) -> None:
    """The same in each part of an address."""
    for parameter in operation.parameters:
        name = parameter["name"]
        for text in TEXTS:
            is_part = parameter["in"] == "path"
            answer = client.request(
                operation.method,
                operation.address(**({name: text} if is_part else {})),
                params=operation.query() | ({} if is_part else {name: text}),
                json=operation.body,
            )
            # An empty part, or one with a slash, is another address.
            assert str(answer.status_code) in {*operation.said["responses"], "307", "404", "405"}, (name, text)
