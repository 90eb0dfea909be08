"""Saying what went wrong: a page in one sentence for a person, RFC 9457 problem details for a program."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.responses import JSONResponse, Response

from hub.logs import REQUEST_ID
from hub.models.fleet import ProblemJson
from hub.web.headers import headers_over
from hub.web.rendering import render_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request

_TITLES = {
    400: "Not understood",
    401: "Not known",
    403: "Not allowed",
    404: "Not here",
    405: "Not possible",
    409: "In conflict",
    412: "Changed meanwhile",
    413: "Too much",
    422: "Not understood",
    429: "Too often",
    503: "Not now",
}
_INVALID = {
    "missing": "this has to be filled in",
    "string_too_long": "write at most {max_length} characters",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "greater_than_equal": "write {ge} or more",
    "less_than_equal": "write {le} or less",
    "bool_parsing": "write true or false",
}
"""By the framework's names for what can be wrong."""
MEDIA_TYPE = "application/problem+json"
_FOR_PROGRAMS = ("/api/", "/v1/")


def is_for_people(request: Request) -> bool:
    """Return whether a page answers here, and not a door for programs."""
    return not request.url.path.startswith(_FOR_PROGRAMS)


def answer_problem(request: Request, status: int, detail: str) -> Response:
    """Answer with `detail`, one sentence that names the thing and what to do, in the form the asker reads."""
    title = _TITLES.get(status, "Failed")
    if not is_for_people(request):
        problem = ProblemJson(title=title, status=status, detail=detail)
        return JSONResponse(problem.model_dump(), status_code=status, media_type=MEDIA_TYPE)
    if status == HTTPStatus.FORBIDDEN and request.method in {"GET", "HEAD"}:
        words = "Ask whoever runs this hub if it should be, or go on with what is yours."
        return render_problem("This page is not yours to see", words, status, why=detail)
    return render_problem(title, detail, status)


def explain_invalid(error: Mapping[str, Any]) -> str:
    """Return in our words what the framework found wrong with a value that a person sent, and what to do."""
    told = _INVALID.get(error["type"], "this cannot be meant: go back, and choose or write it again")
    return told.format_map(error.get("ctx", {}))


def answer_bug(request: Request, _error: Exception) -> Response:
    """Answer for a bug: register it for `Exception`, the one handler that runs outside of all middleware.

    The framework raises the exception again after the answer, so the server logs it with its traceback.
    """
    answer = answer_problem(request, 500, "The hub met a bug; its log has the details. Nothing was changed.")
    answer.headers.update({**headers_over(request.url.scheme), "x-request-id": REQUEST_ID.get()})
    return answer
