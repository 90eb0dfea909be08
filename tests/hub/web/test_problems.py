"""Problems: one sentence in the asker's form, also for a bug, and never without the policy."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from hub.web.headers import SECURITY_HEADERS, SecurityHeaders
from hub.web.problems import answer_bug


@pytest.mark.parametrize(
    ("path", "form"), [("/api/v1/broken", "application/problem+json"), ("/broken", "text/html; charset=utf-8")]
)
def test_a_bug_is_answered_like_any_problem(path: str, form: str) -> None:
    """A page or problem details with every security header, and the exception goes on to the server's log."""
    app = FastAPI()
    app.add_middleware(SecurityHeaders)
    app.add_exception_handler(Exception, answer_bug)

    @app.get(path)
    def fail() -> None:
        message = "a secret"
        raise ZeroDivisionError(message)

    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (500, form)
    assert {name: answer.headers[name] for name in SECURITY_HEADERS} == dict(SECURITY_HEADERS)
    assert "secret" not in answer.text
    with TestClient(app) as client, pytest.raises(ZeroDivisionError):
        client.get(path)


def test_the_hub_answers_for_its_own_bugs(app: FastAPI) -> None:
    """The built application has the handler in place."""

    def fail() -> None:
        message = "a secret"
        raise ZeroDivisionError(message)

    app.router.add_api_route("/api/v1/broken", fail)
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/api/v1/broken")
    assert (answer.status_code, answer.json()["title"]) == (500, "Failed")
    assert answer.headers["x-content-type-options"] == "nosniff"
