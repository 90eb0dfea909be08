"""Forwarding by the API: for operators, a call at a time, with what was sent and what came back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.config import ForwardSettings, Interface
from simulators.masscec_pts import JSON_PATH, Counterpart, CounterpartServer, Register
from tests.hub.reporting import JAN, OTHER, SYSTEM
from tests.hub.web.acting import open_api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hub.web.acting import Api

MONTH = f"months/{JAN.previous()}/forwarding"


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Api]:
    """Return a hub that was told of a counterpart; December of the automatic system counts."""
    secrets = tmp_path / "secrets"
    secrets.write_text("provider\nsesame\n", encoding="ascii")
    secrets.chmod(0o600)
    with CounterpartServer(Counterpart({OTHER: Register()})) as there:
        url = f"{there.url}{JSON_PATH}"
        settings = ForwardSettings(Interface.JSON, url, secrets, f"{there.url}/", "ARPost", "ARPostTest")
        with open_api(tmp_path, settings) as opened:
            yield opened


def test_an_operator_sends_and_sees(told: Api) -> None:
    """What is reported by hand is left out; the rest is taken and shown."""
    planned = told.get("bea", MONTH).json()["systems"]
    assert [(one["system"], one["state"]) for one in planned] == [(SYSTEM, "left_out"), (OTHER, "ready")]
    first = told.get("bea", f"{MONTH}?limit=1").json()
    assert [one["system"] for one in told.get("bea", f"{MONTH}?after={first['next']}").json()["systems"]] == [OTHER]
    tried = told.post("bea", MONTH, {"is_test": True}).json()
    assert (tried["ready"], tried["taken"]) == (1, 1)
    sent = told.post("bea", MONTH, {"systems": [OTHER]}).json()
    assert (sent["taken"], sent["stopped"]) == (1, None)
    (number,) = sent["calls"]
    assert [one["call"] for one in told.get("bea", "forwards?limit=1").json()["calls"]] == [number]
    shown = told.get("bea", f"forwards/{number}").json()
    assert (shown["call"]["actor"], shown["systems"][0]["verdict"]) == ("bea", "taken")
    assert "sesame" not in str(shown)
    said = {"verdict": "refused", "reason": "taken back"}
    settled = told.post("bea", f"forwards/{number}/systems/{OTHER}/verdict", said)
    assert (settled.status_code, settled.json()["systems"][0]["said_by"]) == (201, "bea")
    assert told.post("bea", f"systems/{OTHER}/forwarding/anew", {"reason": "exchange"}).status_code == 201


@pytest.mark.parametrize("who", ["ann", "owner", "das", "sec"])
def test_nobody_else_does(told: Api, who: str) -> None:
    """403 for each door."""
    for path in (MONTH, "forwards", "forwards/1"):
        assert told.get(who, path).status_code == 403
    assert told.post(who, MONTH, {}).status_code == 403
    assert told.post(who, f"systems/{OTHER}/forwarding/anew", {"reason": "x"}).status_code == 403
    assert told.post(who, f"forwards/1/systems/{OTHER}/verdict", {"verdict": "taken", "reason": "x"}).status_code == 403


def test_a_hub_that_was_not_told_says_so(api: Api) -> None:
    """It plans all the same."""
    answer = api.post("bea", MONTH, {})
    assert (answer.status_code, "serve it with --pts" in answer.json()["detail"]) == (422, True)
    assert api.get("bea", MONTH).status_code == 200
    assert api.get("bea", "forwards/7").status_code == 404
