"""A fleet that is too large to be shown whole: counts, with the ways to the rest; and answers in fewer bytes."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from hub.jobs import AlertJob
from hub.services.draw_board import draw_board
from hub.store import registry
from hub.store.registry import Device
from hub.web.pages.fleet import SHOWN_WHOLE
from protocol.identity import DeviceId, KeyId
from tests.hub.programs import wait_until
from tests.hub.reporting import add_meter, add_system
from tests.hub.web.acting import NOW, open_api

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.database import Database


def add_devices(database: Database, number: int) -> None:
    """Register devices that were never heard."""
    with database.write() as connection:
        for place in range(number):
            device = Device(DeviceId(place.to_bytes(10, "big")), f"Site {place:04d}", NOW)
            registry.add_device(connection, device, KeyId(place.to_bytes(8, "big")), b"")


def test_more_than_a_page_of_devices_is_shown_in_counts(tmp_path: Path) -> None:
    """One more than is shown whole makes the difference; every count leads to its list."""
    with open_api(tmp_path) as api:
        counting = api.client.app.state.hub.counting  # type: ignore[attr-defined]
        add_devices(api.database, SHOWN_WHOLE)
        headers = api.headers("bea")
        assert "Site 0001" in api.client.get("/", headers=headers).text
        add_system(api.database, "S-9")
        add_meter(api.database, "M-9", "S-9")
        draw_board(api.database, NOW)
        with api.database.write() as connection:
            device = Device(DeviceId(b"\xff" * 10), "One more", NOW)
            registry.add_device(connection, device, KeyId(b"\xff" * 8), b"")
        wait_until(lambda: counting.links is not None, "the first look")
        evaluated = AlertJob(api.database, counting, lambda: NOW)
        evaluated.run(lambda: False)
        page = html.unescape(api.client.get("/", headers=headers).text)
        assert f"{SHOWN_WHOLE + 1} devices for 3 systems" in page
        assert "Site 0001" not in page
        (href,) = re.findall(rf'<a class="urgency warn" href="([^"]+)">{SHOWN_WHOLE + 1} never seen</a>', page)
        assert href == "/devices?axis=link&stands=never+seen"
        listed = api.client.get(href, headers=headers).text
        assert listed.count('<th scope="row"><a class="name" href="/devices/') == 50
        assert "/board?standing=at%20risk" in page
        fragment = api.client.get("/", headers={**headers, "x-fragment": "large_fleet"}).text
        assert fragment.startswith('<div id="large_fleet">')


def test_answers_are_compressed_but_for_secrets(tmp_path: Path) -> None:
    """A list is; what shows a secret, and who cannot read it so, gets it as it is."""
    with open_api(tmp_path) as api:
        add_devices(api.database, 50)
        headers = api.headers("bea")
        assert api.client.get("/devices", headers=headers).headers.get("content-encoding") == "gzip"
        plain = api.client.get("/devices", headers={**headers, "accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        for path in ("/sign-in", "/api/v1/accounts", "/users"):
            assert "content-encoding" not in api.client.get(path, headers=api.headers("sec")).headers
        assert api.client.get("/static/hub.css").headers.get("content-encoding") == "gzip"
