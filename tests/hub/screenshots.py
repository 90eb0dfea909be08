"""`make screenshots`: every page as a picture, in light and dark, on a desk and on a phone."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.hub.browsing import launched
from tests.hub.every_page import FOR_STRANGERS, PEOPLE, address, routes, served, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

_LOOKS: tuple[tuple[Literal["light", "dark"], str, ViewportSize], ...] = (
    ("light", "desk", {"width": 1000, "height": 800}),
    ("dark", "desk", {"width": 1000, "height": 800}),
    ("light", "phone", {"width": 380, "height": 740}),
    ("dark", "phone", {"width": 380, "height": 740}),
)


def main(folder: Path) -> None:
    """Write the pictures into a folder, and print what there is; a page is taken as whoever may see it first."""
    folder.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    told = Table("Page", "As", "Pictures")
    with tempfile.TemporaryDirectory() as data, served(Path(data)) as (url, app), launched() as browser:
        left = routes()
        for who in ("", *PEOPLE):
            contexts = [browser.new_context(color_scheme=scheme, viewport=size) for scheme, _, size in _LOOKS]
            pages = [context.new_page() for context in contexts]
            for page in pages:
                if who:
                    sign_in(page, url, app, who)
            mine = list(left) if who else [path for path in left if path in FOR_STRANGERS]
            for path in track(mine, f"As {who or 'nobody'}", console=console):
                answers = [page.goto(url + address(path)) for page in pages]
                if any(answer is None or answer.status not in {200, 404} for answer in answers):
                    continue
                is_led_on = urlsplit(pages[0].url).path != urlsplit(address(path)).path
                if who and (is_led_on or any(answer is None or answer.status != 200 for answer in answers)):
                    continue
                name = re.sub(r"[{}]|:\w+", "", path.strip("/")).replace("/", "_") or "fleet"
                for page, (scheme, place, _) in zip(pages, _LOOKS, strict=True):
                    page.screenshot(path=folder / f"{name}-{place}-{scheme}.png", full_page=True)
                told.add_row(path, who or "nobody", f"{name}-*.png")
                left.remove(path)
            for context in contexts:
                context.close()
    Console().print(told, f"Written to {folder}", sep="\n")
    if left:
        console.print(f"Without a picture: {', '.join(left)}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots"))
