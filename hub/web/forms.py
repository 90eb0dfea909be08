"""Forms as data: their fields, what was typed, and what is wrong with it; one template draws them all.

A form that is refused comes back with what was typed, says which field is wrong, what is wrong and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import Depends, Query, Request

from hub.errors import HubError, InputError
from hub.web.rendering import render_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fastapi.responses import HTMLResponse

    from hub.web.navigation import Frame

T = TypeVar("T")

TEXT_MAX = 200
LONG_TEXT_MAX = 4_000
DIGITS_MAX = 9

Asked = Annotated[str, Query(max_length=TEXT_MAX)]
"""What an address asks for in a word or a line."""


class WrongFieldError(InputError):
    """What is wrong with one field of a form."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Field:
    """A field: `kind` is an input's type, also `hidden`, `select` or `textarea`; `options` are values with words."""

    name: str
    label: str
    kind: str = "text"
    hint: str = ""
    options: tuple[tuple[str, str], ...] = ()
    is_required: bool = False
    mode: str = ""
    accept: str = ""
    autocomplete: str = "off"

    @property
    def length_max(self) -> int:
        """How many characters may be typed."""
        return LONG_TEXT_MAX if self.kind == "textarea" else TEXT_MAX


@dataclass(frozen=True, slots=True)
class Form:
    """A page with one form. `above` is where it belongs: an address and its words."""

    title: str
    lede: str
    action: str
    submit: str
    fields: tuple[Field, ...]
    here: str = ""
    above: tuple[str, str] | None = None

    @property
    def has_file(self) -> bool:
        """Whether a file is sent with it."""
        return any(field.kind == "file" for field in self.fields)

    def take(self, typed: Mapping[str, str]) -> dict[str, str]:
        """Return what was typed into this form's fields, without blanks around it; an empty text where nothing was.

        Raises WrongFieldError for a field that must be filled in, and for one with too much in it.
        """
        taken = {
            # Blanks around a password are part of it.
            field.name: typed.get(field.name, "") if field.kind == "password" else typed.get(field.name, "").strip()
            for field in self.fields
            if field.kind != "file"
        }
        for field in self.fields:
            text = taken.get(field.name, "")
            if field.is_required and field.kind != "file" and not text:
                message = f"{field.label}: this has to be filled in"
                raise WrongFieldError(message, field.name)
            if len(text) > field.length_max:
                message = f"{field.label}: write at most {field.length_max} characters"
                raise WrongFieldError(message, field.name)
        return taken


def bound_texts(**typed: str) -> None:
    """Raise WrongFieldError for the first of these fields in which more was typed than a line of a form takes."""
    for name, text in typed.items():
        if len(text) > TEXT_MAX:
            message = f"{name}: write at most {TEXT_MAX} characters"
            raise WrongFieldError(message, name)


def read_field(name: str, reader: Callable[[str], T], text: str) -> T:
    """Return what a field's text means; raises WrongFieldError, which names the field, where it means nothing."""
    try:
        return reader(text)
    except InputError as error:
        raise WrongFieldError(str(error), name) from error


def read_whole_number(text: str) -> int | None:
    """Return the whole number that was typed, None for anything else, also for one too long to be meant."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS_MAX else None


def draw_form(
    form: Form,
    frame: Frame,
    typed: Mapping[str, str] | None = None,
    error: HubError | None = None,
    *,
    account: str = "",
) -> HTMLResponse:
    """Draw a form with what was typed but for passwords; `error` is why it was refused, and stands at its field.

    `account` is whose password is asked for, for programs that keep passwords; empty where none is.
    """
    wrong = "" if error is None else _wrong_field(form, error)
    return render_page(
        "form.html",
        frame,
        status=200 if error is None else 422,
        is_form=True,
        form=form,
        account=account,
        typed={
            field.name: "" if field.kind == "password" else (typed or {}).get(field.name, "") for field in form.fields
        },
        problem="" if error is None else str(error),
        wrong=wrong,
    )


def _wrong_field(form: Form, error: HubError) -> str:
    """Return the name of the field that an error is about, empty where it is about none or the whole."""
    if isinstance(error, WrongFieldError):
        return error.field
    told = str(error)
    return next((field.name for field in form.fields if told.startswith((f"{field.name} ", f"{field.name}:"))), "")


async def take_typed(request: Request) -> dict[str, str]:
    """Return the texts of a form that was sent; files are taken where they are expected."""
    return {name: value for name, value in (await request.form()).multi_items() if isinstance(value, str)}


Typed = Annotated[dict[str, str], Depends(take_typed)]
