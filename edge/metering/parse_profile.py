"""From a parsed TOML document to a `MeterProfile`, strictly: what is not understood is refused, by name.

`edge/profiles/README.md` explains every key; `edge.metering.check_profile` says what must hold between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast, get_args

from edge.metering.check_profile import check_profile
from edge.metering.profile import (
    HOLDING,
    INPUT,
    KIND_BY_TYPE,
    TEXT_TYPES,
    WORDS_BY_TYPE,
    Golden,
    IdentityCheck,
    IdentityQuestion,
    MeterProfile,
    Order,
    Point,
    PointType,
    QuestionFunction,
    Refusal,
    ScaleKind,
    ScaleSource,
    SunSpecBase,
    Transport,
)
from edge.metering.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 1
ADDRESS_MAX = 0xFFFF
WORD_MAX = 0xFFFF
COUNT_MAX = 2**64 - 1
REQUEST_WORDS_MAX = 125
QUANTITIES = ("active_energy", "active_power", "identity", "configuration", "witness")
DIRECTIONS = ("import", "export", "net", "total", "received", "delivered", "none")
ROLES = ("serial", "firmware", "make", "model", "uptime", "resets", "tick", "")
LABEL_ONLY = "label-only"
# Types whose length is stated: shortest and longest in words, and what it is where nothing is said.
_SIZED_TYPES: dict[str, tuple[int, int, int | None]] = {
    "m10k": (2, 4, 2),
    "m10ks": (2, 4, 2),
    "bcd": (1, 4, None),
    "text": (1, 64, None),
    "text1": (1, 64, None),
}
_SILENCE_MS_MAX = 10_000
_SAVE_INTERVAL_SECONDS_MAX = 86_400


@dataclass(frozen=True, slots=True)
class _Defaults:
    """What holds for every point and check that does not say otherwise."""

    function_code: int
    model: int | None
    not_available: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a value lies in its words."""

    type: PointType
    words: int
    word_order: Order
    byte_order: Order


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
    defaults = _Defaults(
        function_code=transport.take_int("function_code", HOLDING, INPUT),
        model=sunspec.model if sunspec else None,
        not_available=_parse_sentinels(table.take_table("not_available")) if table.has("not_available") else {},
    )
    is_label_only = table.holds_text("identity") and bool(table.take_choice("identity", (LABEL_ONLY,)))
    checks = [_parse_identity(check, defaults) for check in table.take_tables("identity")]
    profile = MeterProfile(
        id=table.take_text("id"),
        vendor=table.take_text("vendor"),
        models=table.take_texts("models"),
        revision=table.take_text("revision"),
        accuracy_claim=claims.take_text("accuracy"),
        confidence=cast("Literal['H', 'M', 'L']", claims.take_choice("confidence", ("H", "M", "L"))),
        sources=tuple(_parse_source(source) for source in table.take_tables("source")),
        modes=_parse_modes(transport),
        function_code=defaults.function_code,
        words_max=transport.take_int("words_max", 1, REQUEST_WORDS_MAX),
        gap_words_max=transport.take_int("gap_words_max", 0, REQUEST_WORDS_MAX - 1, default=0),
        barriers=transport.take_ints("barriers", ADDRESS_MAX, default=()),
        reply_timeout_seconds=transport.take_seconds("reply_timeout_seconds"),
        silence_ms=transport.take_int("silence_ms", 0, _SILENCE_MS_MAX, default=0),
        save_interval_seconds=transport.take_int("save_interval_seconds", 0, _SAVE_INTERVAL_SECONDS_MAX, default=0),
        sunspec=sunspec,
        identity=tuple(check for check in checks if isinstance(check, IdentityCheck)),
        questions=tuple(check for check in checks if isinstance(check, IdentityQuestion)),
        is_label_only=is_label_only,
        refuses=tuple(_parse_refusal(refusal, defaults) for refusal in table.take_tables("refuses")),
        points=tuple(_parse_point(point, defaults) for point in table.take_tables("point")),
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
        transport.refuse("modes", f"may hold {', '.join(known)}, not {', '.join(modes)}")
    return cast("tuple[Transport, ...]", modes)


def _parse_sunspec(table: Table) -> SunSpecBase:
    sunspec = SunSpecBase(
        model=table.take_int("model", 1, WORD_MAX - 1), bases=table.take_ints("bases", highest=ADDRESS_MAX)
    )
    table.finish()
    return sunspec


def _parse_sentinels(table: Table) -> dict[str, tuple[int, ...]]:
    """Return the patterns that mean "no value", by number type."""
    sentinels = {kind: table.take_ints(kind, highest=COUNT_MAX) for kind in KIND_BY_TYPE if table.has(kind)}
    table.finish()
    return sentinels


def _parse_layout(table: Table) -> _Layout:
    kind = cast("PointType", table.take_choice("type", get_args(PointType)))
    words = WORDS_BY_TYPE[kind] if kind in WORDS_BY_TYPE else table.take_int("words", *_SIZED_TYPES[kind])
    return _Layout(
        type=kind,
        words=words,
        word_order=_parse_order(table, "word_order") if kind not in TEXT_TYPES else "big",
        byte_order=_parse_order(table, "byte_order"),
    )


def _parse_order(table: Table, key: str) -> Order:
    return cast("Order", table.take_choice(key, get_args(Order), default="big"))


def _parse_function(table: Table, defaults: _Defaults) -> int:
    return table.take_int("function_code", HOLDING, INPUT, default=defaults.function_code)


def _parse_relative(table: Table, defaults: _Defaults) -> int | None:
    if defaults.model is None:
        return None
    return table.take_int("relative_to", 1, WORD_MAX - 1, default=defaults.model)


def _parse_identity(table: Table, defaults: _Defaults) -> IdentityCheck | IdentityQuestion:
    check = _parse_question(table) if table.has("function") else _parse_check(table, defaults)
    table.finish()
    return check


def _parse_question(table: Table) -> IdentityQuestion:
    functions = get_args(QuestionFunction)
    function = table.take_int("function", min(functions), max(functions))
    if function not in functions:
        table.refuse("function", f"must be {' or '.join(map(str, functions))}, not {function}")
    contains = table.take_text("contains")
    if not contains.isascii():
        table.refuse("contains", f"must be ASCII, as a meter answers, not {contains!r}")
    return IdentityQuestion(cast("QuestionFunction", function), contains)


def _parse_check(table: Table, defaults: _Defaults) -> IdentityCheck:
    layout = _parse_layout(table)
    is_text = layout.type in TEXT_TYPES
    return IdentityCheck(
        address=table.take_int("address", 0, ADDRESS_MAX),
        type=layout.type,
        words=layout.words,
        word_order=layout.word_order,
        byte_order=layout.byte_order,
        function_code=_parse_function(table, defaults),
        allowed=() if is_text else table.take_ints("allowed", highest=COUNT_MAX),
        contains=table.take_text("contains") if is_text else "",
        relative_to=_parse_relative(table, defaults),
    )


def _parse_refusal(table: Table, defaults: _Defaults) -> Refusal:
    refusal = Refusal(
        function_code=_parse_function(table, defaults),
        address=table.take_int("address", 0, ADDRESS_MAX),
        count=table.take_int("count", 1, REQUEST_WORDS_MAX),
    )
    table.finish()
    return refusal


def _parse_point(table: Table, defaults: _Defaults) -> Point:
    layout = _parse_layout(table)
    quantity = table.take_choice("quantity", QUANTITIES)
    is_energy = quantity == "active_energy"
    point = Point(
        name=table.take_text("name"),
        quantity=quantity,
        direction=table.take_choice("direction", DIRECTIONS, default=None if is_energy else "none"),
        address=table.take_int("address", 0, ADDRESS_MAX),
        type=layout.type,
        words=layout.words,
        word_order=layout.word_order,
        byte_order=layout.byte_order,
        function_code=_parse_function(table, defaults),
        scale=table.take_decimal("scale", default="1"),
        unit=table.take_text("unit", default=None if is_energy else ""),
        sign=_parse_sign(table),
        scale_source=_parse_scale_source(table.take_table("scale_source")) if table.has("scale_source") else None,
        modulus=table.take_int("modulus", 2, 2**64) if table.has("modulus") else None,
        monotonic=table.take_bool("monotonic", default=None if is_energy else False),
        resettable=table.take_bool("resettable", default=None if is_energy else False),
        not_available=table.take_ints(
            "not_available", highest=COUNT_MAX, default=defaults.not_available.get(layout.type, ())
        ),
        role=table.take_choice("role", ROLES, default=""),
        relative_to=_parse_relative(table, defaults),
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
