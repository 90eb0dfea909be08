"""A hub with something of everything, somebody it refuses nothing, and requests as the API's document shows them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hub.rules.permissions import Relation, Role
from hub.services.manage_people import add_account, relate_account
from hub.services.manage_tokens import issue_token
from hub.store.accounts import Account
from tests.hub.every_page import DAY_MS, NOW, filled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from fastapi import FastAPI

    from hub.store.database import Database

ALMIGHTY = "max"
JSON = "application/json"


@dataclass(frozen=True)
class Operation:
    """One operation of the document, with the example of its body if it takes one in JSON."""

    method: str
    path: str
    said: Mapping[str, Any]
    body: Mapping[str, Any] | None
    defaults: Mapping[str, Any]

    @property
    def label(self) -> str:
        """Its method and address, as Schemathesis calls it."""
        return f"{self.method.upper()} {self.path}"

    def address(self, **parts: str) -> str:
        """Return its address with the examples of its parts, unless they are named here."""
        shown = {one["name"]: quote(parts.get(one["name"], str(example(one))), safe="") for one in self.parameters}
        return self.path.format_map(shown)

    def query(self) -> dict[str, Any]:
        """Return the parameters that it cannot do without."""
        return {one["name"]: example(one) for one in self.parameters if one["in"] == "query" and one["required"]}

    @property
    def parameters(self) -> list[Any]:
        """What stands in its address."""
        found: list[Any] = self.said["parameters"]
        return found


def example(parameter: Mapping[str, Any]) -> object:
    """Return what a parameter can be."""
    return parameter.get("example", parameter["schema"].get("minimum", "x"))


def operations(document: Mapping[str, Any]) -> list[Operation]:
    """Return every operation of an OpenAPI document."""
    found = []
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            model = model_of(document, said) or {}
            shown = model.get("examples", [None])[0]
            defaults = {name: one.get("default", "") for name, one in model.get("properties", {}).items()}
            found.append(Operation(method, path, said, shown, defaults))
    return found


def model_of(document: Mapping[str, Any], said: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the schema of what an operation takes in JSON, None if it takes none."""
    content = said.get("requestBody", {}).get("content", {}).get(JSON)
    if content is None:
        return None
    model: Mapping[str, Any] = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    return model


@contextmanager
def open_to_all(folder: Path) -> Iterator[tuple[FastAPI, dict[str, str]]]:
    """Yield a hub and the header of somebody with every right in it. Its jobs do not run, it is served to nobody."""
    app = filled(folder)
    database: Database = app.state.hub.database
    add_account(database, Account(ALMIGHTY, "Max Lee", "", NOW, "test"))
    for role in (one for one in Role if one is not Role.INSTALLER):
        relate_account(database, Relation(ALMIGHTY, role, None, 0), actor="test", now=NOW)
    token = issue_token(database, ALMIGHTY, DAY_MS, actor="test", now=NOW)
    yield app, {"authorization": f"Bearer {token}"}
    database.close()
