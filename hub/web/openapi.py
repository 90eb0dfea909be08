"""The application and what it says of itself: the OpenAPI document of `/api/v1`, with its problems and its token.

What every operation has in common is said here once: who may ask, how it is refused, what the parts of its address look
like. The framework knows none of it, for it is decided inside of the doors.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from hub.models.fleet import ProblemJson
from hub.web.idempotency import KEY_LENGTH_MAX
from hub.web.problems import MEDIA_TYPE
from hub.web.routers import ROUTERS

if TYPE_CHECKING:
    from starlette.types import Lifespan

PATH = "/api/v1/openapi.json"
_DESCRIPTION = (
    "Production of registered systems from signed meter readings. Energy is whole Wh, times are RFC 3339 in UTC; what "
    "goes wrong is told as RFC 9457 problem details. `docs/api.md` has a first call and how lists are paged."
)
_GROUPS = {
    "fleet": "Systems, meters and devices, what is known of them, and what devices read",
    "reporting": "The window, readings that are reported, corrections and decisions on them",
    "audits": "Readings on site, and what they say of the reports",
    "months": "What a production month is, and where its numbers come from",
    "closing": "Closing months, reviewing what was found, making a quarter's files, bringing tables in",
    "exports": "Files of quarters and certificates",
    "statements": "A system's month on paper",
    "evidence": "The bundle that proves a month",
    "calendar": "The window, the board, and what a supplier owes for a year",
    "forwarding": "What goes to MassCEC's own tracking system",
    "registering": "Systems, meters, devices and meter exchanges",
    "devices": "What staff say of devices, their tags, and what is done to many at once",
    "alerts": "Alerts, acknowledgements, silences, and what the rules compare with",
    "channels": "Where alerts are told, and what became of each message",
    "hub": "How the hub itself does",
    "notices": "Mail that the hub sends, and missing production",
    "changes": "Requests for another reporter or owner",
    "people": "Accounts, what they are to systems, tokens, and the audit log",
    "custody": "Blocks, states and results of devices, over HTTPS",
}
_TOKEN = "token"  # noqa: S105 - the scheme's name
_SCHEMES = {
    _TOKEN: {
        "type": "http",
        "scheme": "bearer",
        "description": "The token of an account, made with `meter-hub account token`. Where the hub is open, looking "
        "takes none.",
    }
}
_TOO_OFTEN = 429
_ANYWHERE = {_TOO_OFTEN: "It was tried too often: try again later.", 503: "The hub cannot write now: try again later."}
_KNOWN_ONLY = {
    401: "Nobody is known by what came with the request.",
    403: "Who asks may not do this, and the sentence says what is missing.",
}
_ASKED = {404: "What the request names is not here.", 422: "A value is malformed: say it differently."}
_TAKEN = {
    400: "The body cannot be read.",
    409: "This contradicts what is registered.",
    413: "The body is longer than is taken.",
}
_EXAMPLES = {
    "pts_id": "SLF-AB1234-00001",
    "system": "SLF-AB1234-00001",
    "month": "2024-02",
    "quarter": "2024-Q1",
    "on": "2024-02-29",
    "at": "2024-02-29T12:00:00Z",
    "year": 2024,
    "bank": ["2023:120:100"],
    "number": 1,
    "account": "ann",
    "device": "cmakwv4dqsbbl36v",
    "serial": "PV-1",
    "threshold": "device_silent_hours",
}
"""What a part of an address looks like, wherever it stands."""
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same request sent again under the same key is answered as the first was, and done once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX, "pattern": "^[ -~]+$"},
    "example": "7f3d2c1e-4b5a-4c6d-8e9f-0a1b2c3d4e5f",
}
_LINK = {
    "Link": {
        "description": 'The address of the next page, `rel="next"` (RFC 8288); left out on the last.',
        "schema": {"type": "string", "pattern": r'^<[^<>]+>; rel="next"$'},
    }
}
_CURSORS = {"after", "before"}
_RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string", "pattern": r"^\d+$"}}}
_OF_THE_FRAMEWORK = ("HTTPValidationError", "ValidationError")
"""How the framework would tell of malformed values; we tell it as any other problem."""


class DescribedApp(FastAPI):
    """An application whose document says how its operations refuse, and that they want a token."""

    def openapi(self) -> dict[str, Any]:
        """Return the document; it is drawn up once."""
        if self.openapi_schema is None:
            self.openapi_schema = _complete(super().openapi())
        return self.openapi_schema


def make_app(lifespan: Lifespan[FastAPI] | None = None) -> FastAPI:
    """Return the application with every door of the hub, and no hub behind them yet."""
    app = DescribedApp(
        title="Meterline hub",
        version=version("meterline"),
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=PATH,
        openapi_tags=[{"name": name, "description": text} for name, text in _GROUPS.items()],
        lifespan=lifespan,
    )
    for router in ROUTERS:
        app.include_router(router)
    return app


def _complete(document: dict[str, Any]) -> dict[str, Any]:
    components = document["components"]
    for name in _OF_THE_FRAMEWORK:
        components["schemas"].pop(name, None)
    components["schemas"][ProblemJson.__name__] = ProblemJson.model_json_schema()
    components["securitySchemes"] = _SCHEMES
    for operations in document["paths"].values():
        for operation in operations.values():
            _say_what_it_does(operation)
            _tell_parameters(operation)
            _add_problems(operation)
    return document


def _say_what_it_does(operation: dict[str, Any]) -> None:
    """Take the first sentence for the summary: the framework would write the name of a function there."""
    first, _, further = operation.pop("description").partition("\n\n")
    operation["summary"] = " ".join(first.split()).removesuffix(".")
    if further:
        operation["description"] = further


def _tell_parameters(operation: dict[str, Any]) -> None:
    """Show what parameters look like, and say in the words that programs know that a token is wanted."""
    parameters = operation.get("parameters", [])
    kept = [one for one in parameters if (one["in"], one["name"]) != ("header", "authorization")]
    if len(kept) < len(parameters):
        operation["security"] = [{_TOKEN: []}]
    for one in kept:
        if one["name"] in _EXAMPLES:
            one["example"] = _EXAMPLES[one["name"]]
        if one["in"] == "query" and one["name"] in _CURSORS:
            operation["responses"]["200"]["headers"] = _LINK
    if "application/json" in operation.get("requestBody", {}).get("content", {}):
        kept.append(_IDEMPOTENCY_KEY)
    operation["parameters"] = kept


def _add_problems(operation: dict[str, Any]) -> None:
    """Add to an operation's answers how it refuses, beside what its own door says of the same status."""
    answers = operation["responses"]
    if (answers.get("422") or {}).get("description") == "Validation Error":
        del answers["422"]
    for status, description in sorted(_problems_of(operation).items()):
        answer = answers.setdefault(str(status), {"description": description})
        answer.setdefault("content", {})[MEDIA_TYPE] = {"schema": {"$ref": "#/components/schemas/ProblemJson"}}
        if status == _TOO_OFTEN:
            answer["headers"] = _RETRY


def _problems_of(operation: dict[str, Any]) -> dict[int, str]:
    problems = dict(_ANYWHERE)
    if "security" in operation:
        problems |= _KNOWN_ONLY
    if "requestBody" in operation:
        problems |= _TAKEN
    if operation["parameters"] or "requestBody" in operation:
        problems |= _ASKED
    if any(one["name"] == "if-match" for one in operation["parameters"]):
        problems[412] = "What is to be changed is not any more as it was seen."
    return problems
