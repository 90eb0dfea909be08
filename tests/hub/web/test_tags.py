"""Tags: what has not changed is not sent again, and nobody writes over what somebody else has changed meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hub.making import fetch
from tests.hub.reporting import SYSTEM
from tests.hub.web.acting import API, give_password, signed_in

if TYPE_CHECKING:
    from httpx2 import Response

    from tests.hub.web.acting import Api

FACTS, METERS = f"{API}/systems/{SYSTEM}/facts", f"{API}/systems/{SYSTEM}/meters"
AMENDED = {"effective_on": "2024-01-01", "reason": "grew", "said": {"town": "Salem"}}
DESCRIBED = {"reason": "plate", "said": {"seal": "S 1"}}
PROGRAMME = {"programme": {"programme": "srec_1", "programme_from_on": "2024-01-01"}}


def get(api: Api, path: str, known: str = "") -> Response:
    """Get as an operator who knows an answer by its tag."""
    return api.client.get(path, headers={**api.headers("bea"), **({"if-none-match": known} if known else {})})


def post(api: Api, path: str, body: object, seen: str) -> Response:
    """Post as an operator who saw a state."""
    return api.client.post(path, json=body, headers={**api.headers("bea"), "if-match": seen})


@pytest.mark.parametrize("path", [FACTS, METERS, f"{API}/systems", f"{API}/openapi.json", f"{API}/alerts"])
def test_what_is_known_is_not_sent_again(api: Api, path: str) -> None:
    """304 without a body, for the tag, its weak form, or any; another tag gets it."""
    first = get(api, path)
    tag = first.headers["etag"]
    for known in (tag, f'"other", {tag}', "*", "W/" + tag.removeprefix("W/")):
        again = get(api, path, known)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert get(api, path, '"other"').content == first.content
    assert first.headers["cache-control"] == "no-cache, private"


def test_problems_and_files_carry_no_tag(api: Api) -> None:
    """They are not what was asked for, or not JSON."""
    assert "etag" not in get(api, f"{API}/systems/NOWHERE").headers
    assert "etag" not in get(api, f"{API}/systems/{SYSTEM}/statements/2023-12/csv").headers
    assert "etag" not in api.client.get("/livez").headers


@pytest.mark.parametrize(
    ("shown", "path", "body", "table"),
    [
        (FACTS, FACTS, AMENDED, "system_version"),
        (FACTS, f"{API}/systems/{SYSTEM}/programmes", PROGRAMME, "system_programme"),
        (METERS, f"{METERS}/PV-1/facts", DESCRIBED, "meter_version"),
    ],
)
def test_nobody_writes_over_what_they_have_not_seen(
    api: Api, shown: str, path: str, body: dict[str, object], table: str
) -> None:
    """With the state they saw it is done; the same again changes nothing; another change of an old state is refused."""
    seen = get(api, shown).headers["etag"]
    assert post(api, path, body, '"of another day"').status_code == 412
    before = fetch(api.database, f"SELECT count(*) FROM {table}")  # noqa: S608 - our own names
    assert post(api, path, body, seen).status_code == 201
    assert get(api, shown).headers["etag"] != seen
    assert post(api, path, body, seen).status_code == 201, "the same sent twice is one"
    other = {
        FACTS: {**AMENDED, "said": {"town": "Lowell"}},
        METERS: {**DESCRIBED, "said": {"seal": "S 2"}},
    }[shown]
    if path.endswith("programmes"):
        other = {"programme": {**PROGRAMME["programme"], "programme": "srec_2"}}
    refused = post(api, path, other, seen)
    assert (refused.status_code, refused.json()["title"]) == (412, "Changed meanwhile")
    assert "look at what holds now" in refused.json()["detail"]
    after = fetch(api.database, f"SELECT count(*) FROM {table}")  # noqa: S608 - our own names
    assert int(str(after[0][0])) == int(str(before[0][0])) + 1
    for fresh in ("*", get(api, shown).headers["etag"]):
        assert post(api, path, other, fresh).status_code == 201


def test_a_form_says_that_somebody_was_faster(api: Api) -> None:
    """What was typed stays; sent again, now that it is read, it is taken."""
    give_password(api.app, "bea")
    bea = signed_in(api.app, "bea")
    where = f"/systems/{SYSTEM}/facts/new"
    seen = _seen(bea.get(where).text)
    assert post(api, FACTS, AMENDED, "*").status_code == 201
    typed = {"effective_on": "2024-01-01", "reason": "moved", "town": "Boston"}
    refused = bea.send(where, **typed, seen=seen)
    assert (refused.status_code, 'value="Boston"' in refused.text) == (422, True)
    assert "somebody changed this since you looked" in refused.text
    assert bea.send(where, **typed, seen=_seen(refused.text)).headers["location"] == f"/systems/{SYSTEM}"


def _seen(page: str) -> str:
    return page.partition('name="seen" value="')[2].partition('"')[0].replace("&#34;", '"')
