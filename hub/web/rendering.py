"""Draw a template into an answer: a whole page, or of a page that goes on by itself the one element asked for."""

import json
import re
import shlex
from pathlib import Path
from typing import Annotated

from fastapi import Header
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from hub import formats
from hub.charts.chart import line_classes
from hub.charts.svg import draw_svg
from hub.errors import UnknownSubjectError
from hub.rules.forwarding import register_kwh
from hub.services.checks import span
from hub.store.changes import Subject
from hub.web import headline
from hub.web.context import Hub
from hub.web.feed import broker_subject
from hub.web.navigation import BARE, Frame
from hub.web.own_words import STATES

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals.update(
    age=formats.age,
    count=formats.count,
    kilowatt_hours=formats.kilowatt_hours,
    kilowatts=formats.kilowatts,
    long_day=formats.long_day,
    megawatt_hours=formats.megawatt_hours,
    time_left=formats.time_left,
    local_day=formats.local_day,
    local_time=formats.local_time,
    register_kwh=register_kwh,
    missing_words=headline.missing_words,
    month_abbreviation=formats.month_abbreviation,
    month_name=formats.month_name,
    month_state=headline.month_state,
    shell_word=shlex.quote,
    span=span,
    planned=formats.planned,
    state_words=STATES,
    utc_time=formats.utc_time,
    draw_svg=draw_svg,
    line_classes=line_classes,
)

_CODE = re.compile(r"`([^`]+)`")


def with_code(text: str) -> Markup:
    """Return a text, escaped, in which what stands between backticks is drawn as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", escape(text)))  # noqa: S704 - escaped before


_TEMPLATES.filters.update(from_json=json.loads, spoken=formats.spoken, with_code=with_code)

FragmentName = Annotated[str | None, Header(alias="X-Fragment")]


def render_page(
    template: str, frame: Frame, *, status: int = 200, is_form: bool = False, **content: object
) -> HTMLResponse:
    """Return a page that is drawn once and does not go on by itself; nothing keeps a copy of it.

    A form's page may be kept by the browser of who fills it in: going back, they find what they typed.
    """
    text = _TEMPLATES.get_template(template).render(frame=frame, **content)
    kept = "private, no-cache" if is_form else "no-store"
    return HTMLResponse(text, status_code=status, headers={"cache-control": kept})


def render_problem(title: str, detail: str, status: int, why: str = "") -> HTMLResponse:
    """Return a page that says in one sentence what is wrong and what to do; `why` is the rule's own word, folded."""
    template = _TEMPLATES.get_template("problem.html")
    text = template.render(frame=BARE, title=title, detail=detail, status=status, why=why)
    return HTMLResponse(text, status_code=status)


def watch_of(subject: Subject, hub: Hub) -> str:
    """Return what a page tells the feed that it shows: its subject, and whether the broker is there."""
    return ",".join(name for name in (str(subject), broker_subject(hub.broker_connected)) if name)


def render_live(name: str, frame: Frame, page: object, fragment: str | None) -> HTMLResponse:
    """Return the page `name`, or of it the element with the id `fragment`; raises UnknownSubjectError for another."""
    if fragment is None:
        text = _TEMPLATES.get_template(f"{name}.html").render(frame=frame, page=page)
    elif fragment == name:
        text = _TEMPLATES.get_template(f"_{name}.html").render(frame=frame, page=page)
    else:
        message = f"this page has no fragment {fragment!r:.40}: ask for {name!r}"
        raise UnknownSubjectError(message)
    headers = {"cache-control": "no-store", "vary": "X-Fragment"}
    return HTMLResponse(text, headers=headers)
