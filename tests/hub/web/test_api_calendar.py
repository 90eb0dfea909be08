"""The API of the calendar: windows at an instant, and a supplier's year."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fastapi.testclient import TestClient


def test_windows_at_an_instant(client: TestClient) -> None:
    """The last millisecond of a window is in it; without an instant it is the hub's own time."""
    shown = client.get("/api/v1/windows?at=2023-11-06T04:59:59.999Z").json()
    assert shown["open"] == {
        "month": "2023-10",
        "opens_at": "2023-10-27T04:00:00Z",
        "closes_at": "2023-11-06T05:00:00Z",
    }
    assert shown["next"]["month"] == "2023-11"
    assert client.get("/api/v1/windows").json()["next"]["month"]


def test_a_supplier_s_year(client: TestClient) -> None:
    """Need, both readings of the bank's cap, and the payment in cents."""
    query = "sales_mwh=100000&held=5000&bank=2012:3000:7000&bank=2011:100:900"
    shown = client.get(f"/api/v1/compliance/2013?{query}").json()
    assert (shown["percent"], shown["need"], shown["filing_due_on"]) == ("8.0", 8_000, "2014-07-01")
    assert shown["use_year"] == {
        "banked": [{"year": 2011, "certificates": 100}, {"year": 2012, "certificates": 2_300}],
        "current": 5_000,
        "short": 600,
        "surplus": 0,
        "payment_cents": 600 * 6_527,
    }


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/api/v1/windows?at=yesterday", "RFC 3339"),
        ("/api/v1/compliance/2013", "sales_mwh"),
        ("/api/v1/compliance/2013?sales_mwh=-1", "sales_mwh"),
        ("/api/v1/compliance/2002?sales_mwh=1", "there was no Class I minimum standard in 2002"),
        ("/api/v1/compliance/-5?sales_mwh=1", "there was no Class I minimum standard in -5"),
        ("/api/v1/compliance/2013?sales_mwh=1&bank=2012", "is no surplus"),
    ],
)
def test_mistakes_are_named(client: TestClient, path: str, words: str) -> None:
    """Each is a 422 with one sentence."""
    answer = client.get(path)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
