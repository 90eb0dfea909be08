"""From a parsed TOML document to a `MeterProfile`, strictly: what is not understood is refused, by name.

`edge/profiles/README.md` explains every key; `edge.metering.check_profile` says what must hold between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast, get_args

from edge.metering.check_profile import check_profile
from edge.metering.profile import (
    WORDS_BY_TYPE,
    Golden,
    IdentityCheck,
    MeterProfile,
    Point,
    PointType,
    ScaleKind,
    ScaleSource,
    SunSpecBase,
    Transport,
    WordOrder,
)
from edge.metering.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 1
ADDRESS_MAX = 0xFFFF
WORD_MAX = 0xFFFF
TEXT_WORDS_MAX = 64
QUANTITIES = ("active_energy", "active_power", "identity", "configuration")
DIRECTIONS = ("import", "export", "net", "total", "received", "delivered", "none")
ROLES = ("serial", "firmware", "make", "model", "")
_FUNCTION_CODES = (3, 4)
_SILENCE_MS_MAX = 10_000


def parse_profile(document: Mapping[str, object], where: str) -> MeterProfile:
    """Return the profile in a parsed TOML document; `where` is its file name, for messages.

    Raises ProfileError, naming file, key and remedy, if a key is missing, unknown or of the wrong kind, or if the
    parts do not fit together.
    """
    table = Table(document, where)
    table.take_int("schema", SCHEMA_VERSION, SCHEMA_VERSION)
    claims = table.take_table("claims")
    transport = table.take_table("transport")
    sunspec = _parse_sunspec(table.take_table("sunspec")) if table.has("sunspec") else None
    model = sunspec.model if sunspec else None
    profile = MeterProfile(
        id=table.take_text("id"),
        vendor=table.take_text("vendor"),
        models=table.take_texts("models"),
        revision=table.take_text("revision"),
        accuracy_claim=claims.take_text("accuracy"),
        confidence=cast("Literal['H', 'M', 'L']", claims.take_choice("confidence", ("H", "M", "L"))),
        sources=tuple(_parse_source(source) for source in table.take_tables("source")),
        modes=_parse_modes(transport),
        function_code=transport.take_int("function_code", *_FUNCTION_CODES),
        words_max=transport.take_int("words_max", 1, 125),
        gap_words_max=transport.take_int("gap_words_max", 0, 124, default=0),
        barriers=transport.take_ints("barriers", ADDRESS_MAX, default=()),
        reply_timeout_seconds=transport.take_seconds("reply_timeout_seconds"),
        silence_ms=transport.take_int("silence_ms", 0, _SILENCE_MS_MAX, default=0),
        sunspec=sunspec,
        identity=tuple(_parse_check(check, model) for check in table.take_tables("identity")),
        points=tuple(_parse_point(point, model) for point in table.take_tables("point")),
        goldens=tuple(_parse_golden(golden) for golden in table.take_tables("golden")),
    )
    for part in (table, claims, transport):
        part.finish()
    check_profile(profile, where)
    return profile


def _parse_source(table: Table) -> str:
    source = f"{table.take_text('url')} ({table.take_text('what')})"
    table.finish()
    return source


def _parse_modes(transport: Table) -> tuple[Transport, ...]:
    modes = transport.take_texts("modes")
    known = get_args(Transport)
    if not set(modes) <= set(known):
        transport.refuse("modes", f"may hold {' and '.join(known)}, not {', '.join(modes)}")
    return cast("tuple[Transport, ...]", modes)


def _parse_sunspec(table: Table) -> SunSpecBase:
    sunspec = SunSpecBase(
        model=table.take_int("model", 1, WORD_MAX - 1), bases=table.take_ints("bases", highest=ADDRESS_MAX)
    )
    table.finish()
    return sunspec


def _parse_type(table: Table) -> tuple[PointType, int, WordOrder]:
    """Return the type, how many words it takes, and their order; only a text says how long it is."""
    kind = cast("PointType", table.take_choice("type", get_args(PointType)))
    order = cast("WordOrder", table.take_choice("word_order", get_args(WordOrder), default="big"))
    words = table.take_int("words", 1, TEXT_WORDS_MAX) if kind == "text" else WORDS_BY_TYPE[kind]
    return kind, words, order


def _parse_relative(table: Table, model: int | None) -> int | None:
    return table.take_int("relative_to", 1, WORD_MAX - 1, default=model) if model is not None else None


def _parse_check(table: Table, model: int | None) -> IdentityCheck:
    kind, words, order = _parse_type(table)
    check = IdentityCheck(
        address=table.take_int("address", 0, ADDRESS_MAX),
        type=kind,
        words=words,
        word_order=order,
        allowed=table.take_ints("allowed", highest=2**64 - 1) if kind != "text" else (),
        contains=table.take_text("contains") if kind == "text" else "",
        relative_to=_parse_relative(table, model),
    )
    table.finish()
    return check


def _parse_point(table: Table, model: int | None) -> Point:
    kind, words, order = _parse_type(table)
    quantity = table.take_choice("quantity", QUANTITIES)
    is_energy = quantity == "active_energy"
    point = Point(
        name=table.take_text("name"),
        quantity=quantity,
        direction=table.take_choice("direction", DIRECTIONS, default=None if is_energy else "none"),
        address=table.take_int("address", 0, ADDRESS_MAX),
        type=kind,
        words=words,
        word_order=order,
        scale=table.take_decimal("scale", default="1"),
        unit=table.take_text("unit", default=None if is_energy else ""),
        sign=_parse_sign(table),
        scale_source=_parse_scale_source(table.take_table("scale_source")) if table.has("scale_source") else None,
        modulus=table.take_int("modulus", 2, 2**64) if table.has("modulus") else None,
        monotonic=table.take_bool("monotonic", default=None if is_energy else False),
        resettable=table.take_bool("resettable", default=None if is_energy else False),
        not_available=table.take_ints("not_available", highest=2**64 - 1, default=()),
        role=table.take_choice("role", ROLES, default=""),
        relative_to=_parse_relative(table, model),
    )
    table.finish()
    return point


def _parse_sign(table: Table) -> int:
    sign = table.take_int("sign", -1, 1, default=1)
    if sign == 0:
        table.refuse("sign", "must be 1 or -1, not 0")
    return sign


def _parse_scale_source(table: Table) -> ScaleSource:
    source = ScaleSource(
        kind=cast("ScaleKind", table.take_choice("kind", get_args(ScaleKind))),
        address=table.take_int("address", 0, ADDRESS_MAX),
    )
    table.finish()
    return source


def _parse_golden(table: Table) -> Golden:
    golden = Golden(
        point=table.take_text("point"),
        words=table.take_ints("words", highest=WORD_MAX),
        scale_word=table.take_int("scale_word", 0, WORD_MAX) if table.has("scale_word") else None,
        value=table.take_decimal("value"),
        source=table.take_text("source"),
    )
    table.finish()
    return golden
