"""What pages can do and show, the API can: every door of a page is named with its operation, or with its reason."""

from __future__ import annotations

import pytest
from fastapi.routing import APIRoute

from hub.web.openapi import make_app
from hub.web.routers import ROUTERS
from tests.hub.web.asking import operations

OPERATIONS = {one.label.replace(" /api/v1", " ") for one in operations(make_app().openapi())}
SAFE = {"GET", "HEAD"}
PAGES = [
    route
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and route.endpoint.__module__.startswith("hub.web.pages.")
]
CHANGING = {f"{method} {route.path}" for route in PAGES for method in (route.methods or set()) - SAFE}
FORMS = {
    one.removeprefix("POST ")
    for one in CHANGING
    if one.endswith(("/new", "/all", "/cancel", "/commissioning", "/experience"))
}
"""What is shown there asks for what is sent there."""
SHOWING = {route.path for route in PAGES if "GET" in (route.methods or ())} - FORMS

DONE_BY = {
    "POST /alerts": "POST /alerts/acknowledgements",
    "POST /alerts/thresholds/{threshold}/new": "POST /alerts/thresholds/{threshold}/changes",
    "POST /silences": "POST /silences",
    "POST /silences/{number}/end": "POST /silences/{number}/end",
    "POST /channels/new": "POST /channels",
    "POST /channels/{number}/test": "POST /channels/{number}/test",
    "POST /channels/{number}/end": "POST /channels/{number}/end",
    "POST /messages/{number}/replay": "POST /messages/{number}/replay",
    "POST /devices/new": "POST /devices",
    "POST /devices/all": "POST /bulks",
    "POST /bulks/{number}/cancel": "POST /bulks/{number}/cancel",
    "POST /devices/{device}/tags": "POST /devices/{device}/tags",
    "POST /devices/{device}": "POST /devices/{device}/words",
    "POST /systems/{pts_id}/meters/{serial}/commissioning": "POST /systems/{pts_id}/meters/{serial}/commissioning",
    "POST /systems/new": "POST /systems",
    "POST /systems/{pts_id}/facts/new": "POST /systems/{pts_id}/facts",
    "POST /systems/{pts_id}/programmes/new": "POST /systems/{pts_id}/programmes",
    "POST /systems/{pts_id}/meters/new": "POST /systems/{pts_id}/meters",
    "POST /exchanges/{number}": "POST /exchanges/{number}/decision",
    "POST /systems/{pts_id}/exchanges/new": "POST /systems/{pts_id}/exchanges",
    "POST /reviews/{number}": "POST /submissions/{number}/decision",
    "POST /changes/{number}": "POST /changes/{number}/steps",
    "POST /systems/{pts_id}/changes/new": "POST /systems/{pts_id}/changes",
    "POST /systems/{pts_id}/report": "POST /systems/{pts_id}/readings/preview",
    "POST /systems/{pts_id}/report/save": "POST /systems/{pts_id}/readings",
    "POST /systems/{pts_id}/report/{month}/experience": "POST /systems/{pts_id}/months/{month}/experience",
    "POST /months/{month}": "POST /months/{month}/runs",
    "POST /months/{month}/reviews/{system}/{code}": "POST /systems/{pts_id}/months/{month}/reviews",
    "POST /exports": "POST /quarters/{quarter}/exports",
    "POST /audit/verification": "GET /audit-log/verification",
    "POST /users/new": "POST /accounts",
    "POST /users/{account}/relations/new": "POST /accounts/{account}/relations",
    "POST /users/{account}/relations/{number}/end": "POST /relations/{number}/end",
    "POST /users/{account}/link": "POST /accounts/{account}/password-links",
    "POST /users/{account}/invite": "POST /accounts/{account}/invitation",
    "POST /users/{account}/tokens/new": "POST /accounts/{account}/tokens",
    "POST /users/{account}/tokens/{token}/end": "POST /accounts/{account}/tokens/{token}/end",
    "POST /users/{account}/forget-factor": "POST /accounts/{account}/second-factor/end",
    "POST /users/{account}/disable": "POST /accounts/{account}/disabled",
    "POST /users/{account}/enable": "POST /accounts/{account}/disabled",
    "POST /users/{account}/sessions/end": "POST /accounts/{account}/sessions/end",
    "POST /account/sessions/end-others": "POST /accounts/{account}/sessions/end",
    "POST /account/sessions/{number}/end": "POST /accounts/{account}/sessions/{number}/end",
    "POST /account/elsewhere/forget": "POST /accounts/{account}/identities/end",
}
ONLY_DONE_BY_BROWSERS = {
    "POST /sign-in": "A program shows a token in place of a session.",
    "POST /sign-in/code": "A program shows a token in place of a session.",
    "POST /sign-out": "A program has no session of its own; `POST /accounts/{account}/sessions/{number}/end` ends any.",
    "POST /forgot": "Whoever has a token has lost nothing; `POST /accounts/{account}/invitation` sends such a mail.",
    "POST /welcome/{token}": "Who has a token only must not be able to let themselves in as the person it is of.",
    "POST /account/password": "Who has a token only must not be able to keep the person out that it is of.",
    "POST /account/email": "Links that set a password are sent there, so that it is as good as one.",
    "POST /account/second-factor/begin": "A factor proves that a person holds a phone; a program cannot.",
    "POST /account/second-factor/forget": "It asks for the password; a token gives none.",
    "POST /account/second-factor": "A factor proves that a person holds a phone; a program cannot.",
}
SHOWN_BY = {
    "/": "GET /fleet",
    "/board": "GET /board",
    "/alerts": "GET /alerts",
    "/alerts/thresholds": "GET /alerts/thresholds",
    "/alerts/thresholds/{threshold}": "GET /alerts/thresholds/{threshold}",
    "/alerts/{number}": "GET /alerts/{number}",
    "/channels": "GET /channels",
    "/channels/{number}": "GET /channels/{number}/messages",
    "/onboarding": "GET /onboarding",
    "/devices": "GET /devices",
    "/devices/{device}": "GET /devices/{device}",
    "/devices.csv": "GET /devices",
    "/bulks": "GET /bulks",
    "/bulks/{number}": "GET /bulks/{number}",
    "/systems": "GET /systems",
    "/systems/{pts_id}": "GET /systems/{pts_id}",
    "/systems/{pts_id}/meters/{serial:path}": "GET /systems/{pts_id}/meters",
    "/systems/{pts_id}/statements/{month}.{form}": "GET /systems/{pts_id}/statements/{month}/{form}",
    "/systems/{pts_id}/months/{month}": "GET /systems/{pts_id}/months/{month}",
    "/systems/{pts_id}/months/{month}/evidence": "GET /systems/{pts_id}/months/{month}/evidence",
    "/systems/{pts_id}/report": "GET /systems/{pts_id}/periods",
    "/systems/{pts_id}/report/check": "POST /systems/{pts_id}/readings/preview",
    "/systems/{pts_id}/report/{month}": "GET /systems/{pts_id}/periods",
    "/exchanges": "GET /exchanges",
    "/exchanges/{number}/evidence": "GET /exchanges/{number}/evidence",
    "/reviews": "GET /submissions/waiting",
    "/reviews/{number}/photo": "GET /photos/{name}",
    "/changes": "GET /changes",
    "/changes/{number}": "GET /changes/{number}",
    "/changes/{number}/documents/{name}": "GET /changes/{number}/documents/{name}",
    "/months": "GET /months/{month}",
    "/months/{month}": "GET /months/{month}/erratic",
    "/months/{month}.csv": "GET /months/{month}/systems",
    "/exports": "GET /exports",
    "/exports/{number}": "GET /exports/{number}",
    "/exports/{number}/content": "GET /exports/{number}/content",
    "/missing": "GET /missing/{quarter}",
    "/missing.csv": "GET /missing/{quarter}",
    "/users": "GET /accounts",
    "/users/{account}": "GET /accounts/{account}",
    "/account": "GET /accounts/{account}/sessions",
    "/audit": "GET /audit-log",
    "/audit.csv": "GET /audit-log",
    "/hub": "GET /hub",
    "/mine": "GET /systems",
    "/systems/{pts_id}/certificates": "GET /systems/{pts_id}/certificates",
    "/certificates": "GET /systems/{pts_id}/certificates",
    "/jobs": "GET /jobs",
}
ONLY_SHOWN_TO_BROWSERS = {
    "/onboarding/meter": "It leads to a form, with what a stranger's meter is called filled in.",
    "/sign-in": "A program shows a token in place of a session.",
    "/sign-in/code": "A program shows a token in place of a session.",
    "/forgot": "Whoever has a token has lost nothing.",
    "/welcome/{token}": "It is where a person sets a password.",
    "/account/password": "It asks for what only a person in a browser may change.",
    "/account/email": "It asks for what only a person in a browser may change.",
    "/account/second-factor/forget": "It asks for what only a person in a browser may change.",
    "/account/second-factor": "It shows what a phone takes over.",
    "/account/elsewhere": "It sends a browser to another house.",
    "/sign-in/elsewhere": "It sends a browser to another house.",
    "/sign-in/elsewhere/back": "It is where another house sends a browser back to.",
}


def test_every_door_that_changes_something_has_an_operation_or_a_reason() -> None:
    """A new form without an operation fails here: build it, or say why only a person in a browser may do it."""
    assert DONE_BY.keys() & ONLY_DONE_BY_BROWSERS.keys() == set()
    assert DONE_BY.keys() | ONLY_DONE_BY_BROWSERS.keys() == CHANGING


def test_everything_that_pages_show_has_an_operation_or_a_reason() -> None:
    """As for what they change."""
    assert SHOWN_BY.keys() & ONLY_SHOWN_TO_BROWSERS.keys() == set()
    assert SHOWN_BY.keys() | ONLY_SHOWN_TO_BROWSERS.keys() == SHOWING


@pytest.mark.parametrize("operation", sorted({*DONE_BY.values(), *SHOWN_BY.values()}))
def test_the_operations_are_there(operation: str) -> None:
    """Under the very address that is named."""
    assert operation in OPERATIONS
