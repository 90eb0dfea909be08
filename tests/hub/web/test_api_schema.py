"""The API holds what its OpenAPI document says, whatever is asked of it: Schemathesis makes the requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import schemathesis
from schemathesis import engine
from schemathesis.engine import Status
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished

from hub.web.custody import MEDIA_TYPE
from tests.hub.web.asking import open_to_all, operations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schemathesis.engine.events import EngineEvent
    from starlette.types import Receive, Scope, Send

SEED = 20_261_126
EXAMPLES_MAX = 10
"""Of each operation, beside those that the document shows and those at the edge of each value's range."""

schemathesis.serializer.alias(MEDIA_TYPE, "application/octet-stream")


def _config(token: str) -> schemathesis.Config:
    """Return that the same requests are made each time, by whom the token is of, and every check is made but one.

    A request of the right shape may still be refused: what it names is not there, or its day has not come.
    """
    return schemathesis.Config.from_dict(
        {
            "seed": SEED,
            "continue-on-failure": True,
            "auth": {"openapi": {"token": {"bearer": token}}},
            "generation": {
                "max-examples": EXAMPLES_MAX,
                "deterministic": True,
                "database": "none",
                "with-security-parameters": False,
            },
            "phases": {"stateful": {"enabled": False}},
            "checks": {"positive_data_acceptance": {"enabled": False}},
            # A number in a form is text like all that a file may hold, and what is wrong in a table is its answer.
            "operations": [
                {"include-path": "/api/v1/imports/{layout}", "checks": {"negative_data_rejection": {"enabled": False}}}
            ],
        }
    )


def _failures(event: EngineEvent) -> Iterator[str]:
    """Yield what an event says of the API that does not hold, with the request that shows it."""
    if isinstance(event, NonFatalError):
        yield f"{event.label}: {event.value!r}"
    if isinstance(event, FatalError):
        raise event.exception
    if isinstance(event, ScenarioFinished):
        for check in (one for checks in event.recorder.checks.values() for one in checks):
            if check.failure_info is not None:
                told = check.failure_info
                yield f"{event.recorder.label}: {check.name}: {told.failure}\n{told.code_sample}"


@pytest.mark.timeout(300)
def test_the_api_does_what_its_document_says(tmp_path: Path) -> None:
    """No failure of ours, no status, header, type or shape that is not documented, and nothing malformed is taken.

    All operations meet one hub with something of everything, and what one of them changes the next one finds: as in a
    hub's life. It is served to nobody, and its jobs do not run.
    """
    with open_to_all(tmp_path) as (app, headers):

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            assert scope["type"] == "http", "the hub's own jobs do not begin"
            await app(scope, receive, send)

        token = headers["authorization"].removeprefix("Bearer ")
        api = schemathesis.openapi.from_dict(app.openapi(), config=_config(token))
        api.app = serve
        failures: list[str] = []
        asked, taken = set(), set()
        for event in engine.from_schema(api).execute():
            failures += _failures(event)
            if isinstance(event, ScenarioFinished) and event.status is not Status.SKIP:
                answers = [one.response for one in event.recorder.interactions.values() if one.response is not None]
                asked |= {event.recorder.label} if answers else set()
                taken |= {event.recorder.label} if any(one.status_code < 300 for one in answers) else set()
    assert not failures, "\n\n".join(failures)
    assert asked == {one.label for one in operations(app.openapi())}
    assert len(taken) > 60, "most operations were also asked for what they do"
