"""The API of audits on site: who records them, who sees them, and the correction that names one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.rules.permissions import Relation, Role
from hub.services.manage_people import add_account, relate_account
from hub.services.manage_tokens import issue_token
from hub.store.accounts import Account
from tests.hub.reporting import JAN, OTHER, SYSTEM, enter
from tests.hub.test_photos import make_picture
from tests.hub.web.acting import API, DAY_MS, NOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.hub.web.acting import Api

BODY = {"register_kwh": "985", "audited_at": "2024-01-31 15:00", "auditor": "Dana Field"}
READ_AT = JAN.ends_at - 9 * 3_600_000


@pytest.fixture
def audited(api: Api) -> Api:
    """Return a hub where January is reported with 1,000 kWh, and with an auditor."""
    enter(api.database, 1, JAN, 1_000_000, read_at=READ_AT)
    add_account(api.database, Account("dana", "Dana Field", "dana@example.org", NOW - DAY_MS, "test"))
    relation = Relation("dana", Role.AUDITOR, None, NOW - DAY_MS)
    relate_account(api.database, relation, actor="test", now=NOW - DAY_MS)
    api.tokens["dana"] = issue_token(api.database, "dana", DAY_MS * 30, actor="test", now=NOW - DAY_MS)
    return api


def test_an_auditor_records_and_a_reporter_corrects(audited: Api) -> None:
    """The audit names the correction, the picture is for those who see the system, and the log has both."""
    sent = audited.client.post(
        f"{API}/photos", files={"file": ("a.jpg", make_picture())}, headers=audited.headers("dana")
    )
    photo = sent.json()["photo"]
    done = audited.post("dana", f"systems/{SYSTEM}/audits", {**BODY, "photo": photo, "note": "seal intact"})
    assert done.status_code == 201
    told = done.json()
    assert (told["audit"], told["meter"], told["month"], told["actor"]) == (1, "PV-1", "2024-01", "dana")
    assert (told["reported_wh"], told["audited_wh"], told["deviation_wh"]) == (1_000_000, 985_000, 15_000)
    assert (told["within"], told["deviation_ppm"], told["clause"]) == (False, 15_228, "AUDIT_TOLERANCE")
    assert audited.get("owner", f"photos/{photo}").status_code == 200
    assert audited.get("neighbour", f"photos/{photo}").status_code == 404
    body = {"register_kwh": "985", "read_at": "2024-01-31 15:00", "reason": "digits", "audit": 1}
    asked = audited.post("ann", f"systems/{SYSTEM}/months/2024-01/corrections", body)
    assert (asked.status_code, asked.json()["reason"]) == (202, "digits; evidence: audit 1")
    number = asked.json()["submission"]
    audited.post("bea", f"submissions/{number}/decision", {"approved": True, "reason": "photo"})
    (seen,) = audited.get("owner", f"systems/{SYSTEM}/audits").json()["audits"]
    assert [(one["submission"], one["approved"]) for one in seen["corrections"]] == [(number, True)]
    entries = audited.get("dana", f"audit-log?subject={SYSTEM}").json()["entries"]
    assert [one["action"] for one in entries][-2:] == ["request correction", "record audit"]


def test_audits_come_page_by_page(audited: Api) -> None:
    """The latest first; the last page says that it is."""
    for _ in range(2):
        audited.post("dana", f"systems/{SYSTEM}/audits", BODY)
    first = audited.get("dana", f"systems/{SYSTEM}/audits?limit=1").json()
    assert ([one["audit"] for one in first["audits"]], first["next"]) == ([2], 2)
    rest = audited.get("dana", f"systems/{SYSTEM}/audits?before=2").json()
    assert ([one["audit"] for one in rest["audits"]], rest["next"]) == ([1], None)


@pytest.mark.parametrize(
    ("who", "system", "body", "status"),
    [
        ("ann", SYSTEM, {}, 403),
        ("neighbour", SYSTEM, {}, 403),
        ("dana", "SLF-XX0000-00001", {}, 404),
        ("dana", SYSTEM, {"meter": "PV-9"}, 404),
        ("dana", SYSTEM, {"register_kwh": "9,85"}, 422),
        ("dana", SYSTEM, {"audited_at": "2024-02-01 15:00"}, 422),
        ("dana", SYSTEM, {"photo": "ab" * 32}, 422),
        ("dana", SYSTEM, {"auditor": ""}, 422),
    ],
)
def test_what_is_wrong_has_its_status(
    audited: Api, who: str, system: str, body: Mapping[str, str], status: int
) -> None:
    """And nothing is kept."""
    assert audited.post(who, f"systems/{system}/audits", {**BODY, **body}).status_code == status
    assert audited.get("dana", f"systems/{SYSTEM}/audits").json()["audits"] == []


def test_audits_are_for_those_who_see_the_production(audited: Api) -> None:
    """A system that there is not is not found."""
    assert audited.get("neighbour", f"systems/{SYSTEM}/audits").status_code == 403
    assert audited.get("neighbour", f"systems/{OTHER}/audits").json() == {"audits": [], "next": None}
    assert audited.get("dana", "systems/SLF-XX0000-00001/audits").status_code == 404
