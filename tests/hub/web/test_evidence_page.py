"""The way from a number down to its blocks, and the bundle that the real verifier accepts, and refuses once changed."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING

from hub.services.record_audit import parse_audited, record_audit
from hub.services.submit_reading import parse_reported, submit_reading
from tests.hub.conftest import SYSTEM
from tests.hub.reporting import JAN, add_meter, add_system
from tests.hub.test_photos import make_picture
from tests.hub.web.acting import NOW as IN_WINDOW
from tests.hub.web.acting import open_api

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi.testclient import TestClient

MONTH = "2016-07"
PATH = f"/systems/{SYSTEM}/months/{MONTH}"


def verify(path: Path) -> subprocess.CompletedProcess[str]:
    """Run the verifier on a file, as the page says."""
    code = "import sys; from protocol.verify import main; sys.argv = ['meter-verify', *sys.argv[1:]]; main()"
    command = [sys.executable, "-c", code, str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def holds(told: str) -> bool:
    """Return whether signatures and chain hold and both claims are borne out; made-up clocks are not plausible."""
    lines = ("level 1 (signatures): holds", "level 2 (chain): holds")
    return all(line in told for line in lines) and told.count("is borne out by block") == 2


def test_every_reading_leads_to_its_block(filled: TestClient) -> None:
    """With the block's hash, when it came, what its signature is worth, and the exact count on the wire."""
    assert PATH in filled.get(f"/systems/{SYSTEM}").text
    page = html.unescape(filled.get(PATH).text)
    assert len(re.findall(r"SHA-256 <code class=\"pair\">[0-9a-f]{64}</code>", page)) == 2
    assert page.count('<td data-label="Signature">good</td>') == 2
    assert "WN-1001/1-0:2.8.0@2016-07-01T04:00:00Z" in page
    assert f"meter-verify {SYSTEM}-{MONTH}.evidence" in page


def test_the_bundle_holds_and_a_changed_one_does_not(filled: TestClient, tmp_path: Path) -> None:
    """What is saved is what the verifier accepts; with one octet flipped it refuses it."""
    for address in (f"{PATH}/evidence", f"{PATH}/evidence?full=true", f"/api/v1{PATH}/evidence"):
        saved = filled.get(address)
        assert saved.status_code == 200
        assert f'filename="{SYSTEM}-{MONTH}.evidence"' in saved.headers["content-disposition"]
        whole = tmp_path / "a.evidence"
        whole.write_bytes(saved.content)
        assert holds(verify(whole).stdout)
        broken = bytearray(saved.content)
        broken[len(broken) // 2] ^= 1
        whole.write_bytes(broken)
        changed = verify(whole)
        assert changed.returncode != 0
        assert not holds(changed.stdout)


def test_a_month_by_hand_shows_who_sent_what_and_what_became_of_it(tmp_path: Path) -> None:
    """Also what was held, with its photo; a neighbour sees nothing of it."""
    with open_api(tmp_path) as api:
        photo = api.client.post(
            "/api/v1/photos", files={"file": ("a.jpg", make_picture())}, headers=api.headers("ann")
        ).json()["photo"]
        for _ in range(2):
            reported = parse_reported(SYSTEM, "", "410", "2024-01-31 15:00", now=IN_WINDOW, photo=photo)
            submit_reading(api.database, reported, actor="ann", now=IN_WINDOW)
        path = f"/systems/{SYSTEM}/months/{JAN}"
        page = html.unescape(api.client.get(path, headers=api.headers("owner")).text)
        assert "BELOW_EXPECTED" in page
        assert "since 31\xa0Dec\xa02023,\xa0" in page
        assert not re.search(r"since \d{4}-", page)
        assert "photo of the meter" in page
        assert "Save the evidence" not in page
        audited = parse_audited(SYSTEM, "", "399", "2024-01-20 12:00", "Ms Ray")
        record_audit(api.database, audited, actor="bea", now=IN_WINDOW)
        assert "Ms Ray" in api.client.get(path, headers=api.headers("owner")).text
        earlier = api.client.get(f"/systems/{SYSTEM}/months/{JAN.previous()}", headers=api.headers("owner")).text
        assert "entry" not in earlier.split("What was accepted")[0]
        assert "400\xa0kWh" in earlier
        assert api.client.get(path, headers=api.headers("neighbour")).status_code == 403
        assert api.client.get(f"{path}/evidence", headers=api.headers("neighbour")).status_code == 403
        assert api.client.get(f"{path}/evidence", headers=api.headers("owner")).status_code == 404


def test_a_month_outside_of_a_system_s_life_is_not_there(tmp_path: Path) -> None:
    """Neither one that has not come nor one before it was in service; a month without anything in between is."""
    with open_api(tmp_path) as api:
        add_system(api.database, "S-3", in_service_on=date(2023, 3, 9))
        add_system(api.database, "S-4", in_service_on=None)
        add_meter(api.database, "PV-9", "S-4", initial_at=JAN.starts_at)
        add_system(api.database, "S-5", in_service_on=None)
        for system, month, says in (
            ("S-3", "2031-01", "2031-01 has not come"),
            ("S-3", "2024-02", "2024-02 has not come"),
            ("S-3", "2023-02", "it began in 2023-03"),
            ("S-4", "2023-12", "it began in 2024-01"),
            ("S-5", "2023-10", "it began in 2023-11"),
        ):
            page = api.client.get(f"/systems/{system}/months/{month}", headers=api.headers("bea"))
            assert (page.status_code, says in page.text) == (404, True), (system, month)
        for system, month in (("S-3", "2023-03"), ("S-3", "2024-01"), ("S-4", "2024-01"), ("S-5", "2023-11")):
            page = api.client.get(f"/systems/{system}/months/{month}", headers=api.headers("bea"))
            assert page.status_code == 200, (system, month)
