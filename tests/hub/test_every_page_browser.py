"""Every page there is, in a real browser: accessible, quiet under the strict policy, and no wider than a phone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import pytest

from tests.hub.browsing import chromium_or_skip
from tests.hub.every_page import FIRST, FOR_STRANGERS, NAMES, PEOPLE, SECOND, address, routes, served, sign_in
from tests.hub.programs import WAIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI
    from playwright.sync_api import Browser, Page, ViewportSize

AXE = Path(__file__).parents[1] / "judges" / "node_modules" / "axe-core" / "axe.min.js"
DESK: ViewportSize = {"width": 1000, "height": 800}
PHONE: ViewportSize = {"width": 360, "height": 740}
LOOKS: tuple[tuple[Literal["light", "dark"], ViewportSize], ...] = (("light", DESK), ("dark", PHONE))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Return headless Chromium."""
    with chromium_or_skip() as launched:
        yield launched


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, FastAPI]]:
    """Return the hub's address, and the hub."""
    with served(tmp_path_factory.mktemp("every-page")) as found:
        yield found


@pytest.fixture(scope="module")
def axe() -> str:
    """Return the checker; the tests are skipped where it is not installed."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: pages are not checked for accessibility (make judges)")
    return AXE.read_text(encoding="utf-8")


def violations(page: Page, axe: str) -> list[str]:
    """Return what the checker finds on a page: the rule, and where."""
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']} ({one['impact']}): {node['target']} {node['html'][:120]}"
        for one in found["violations"]
        for node in one["nodes"][:3]
    ]


def listen(page: Page, said: list[str]) -> None:
    """Note what a page says in the console, and what goes wrong in it."""
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))


def look(
    browser: Browser, hub: tuple[str, FastAPI], axe: str, who: str, paths: list[str]
) -> tuple[list[str], set[str]]:
    """Look at pages as somebody, on a desk and on a phone; return what is wrong, and which of them they may see."""
    url, app = hub
    wrong, seen = [], set()
    for scheme, size in LOOKS:
        context = browser.new_context(color_scheme=scheme, viewport=size)
        page = context.new_page()
        page.set_default_timeout(WAIT_SECONDS * 1000)
        said: list[str] = []
        listen(page, said)
        if who:
            sign_in(page, url, app, who)
        for path in paths:
            said.clear()
            answer = page.goto(url + address(path))
            assert answer is not None
            is_led_on = urlsplit(page.url).path != urlsplit(address(path)).path
            if is_led_on or answer.status in {401, 403, 404}:
                continue
            seen.add(path)
            name = f"{path} as {who or 'nobody'}, {scheme}"
            if answer.status != 200:
                wrong.append(f"{name}: answered {answer.status}")
            wrong += [f"{name}: {text}" for text in [*violations(page, axe), *said]]
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > size["width"]:
                wrong.append(f"{name}: {width} px wide")
        context.close()
    return wrong, seen


def test_every_page_has_an_address_here() -> None:
    """A new page is looked at, or this fails: each part of an address has a value."""
    paths = routes()
    assert len(paths) > 30
    assert all(address(path).startswith("/") for path in paths)


@pytest.mark.timeout(600)
def test_every_page_is_accessible_and_quiet(chromium: Browser, hub: tuple[str, FastAPI], axe: str) -> None:
    """No violation, no message in the console, nothing to scroll sideways, for who sees it first and best."""
    left = routes()
    wrong, _ = look(chromium, hub, axe, "", [path for path in left if path in FOR_STRANGERS])
    left = [path for path in left if path not in FOR_STRANGERS]
    for who in PEOPLE:
        found, seen = look(chromium, hub, axe, who, left)
        wrong += found
        left = [path for path in left if path not in seen]
    assert not wrong, "\n".join(wrong)
    assert left == [], "nobody sees these pages"


def test_somebody_else_s_system_leaves_no_trace(chromium: Browser, hub: tuple[str, FastAPI]) -> None:
    """Whatever page a neighbour asks for, it has no word of a system that is not theirs; nor has a stranger's."""
    url, app = hub
    for who in ("nick", ""):
        page = chromium.new_context().new_page()
        if who:
            sign_in(page, url, app, who)
        for path in routes():
            answer = page.request.get(url + address(path))
            text = answer.text()
            # What was asked for stands in the address, and may be said again.
            told = text.replace(FIRST, "")
            assert not any(word in told for word in (NAMES[0], NAMES[1], "WN-1001", "Ann Lee", SECOND)), (
                f"{path} as {who}"
            )
            if "{pts_id}" in path:
                assert answer.status in {401, 403, 404} or "/sign-in" in answer.url, f"{path} as {who}"
        page.context.close()


def test_the_ways_on_a_page_lead_somewhere(chromium: Browser, hub: tuple[str, FastAPI]) -> None:
    """For everybody: no link in the head answers that it is not allowed or not there."""
    url, app = hub
    for who in PEOPLE:
        page = chromium.new_context().new_page()
        sign_in(page, url, app, who)
        page.goto(f"{url}/account")
        ways = page.eval_on_selector_all("header nav a", "links => links.map(link => link.href)")
        assert ways
        for way in ways:
            assert page.request.get(way).status == 200, f"{way} as {who}"
        page.context.close()
