"""Every kind of mistake in a profile file, and the one sentence that its author reads."""

from __future__ import annotations

from typing import get_args

import pytest

from edge.metering.errors import ProfileError
from edge.metering.profile import PointType
from tests.edge.metering.making import CHECK, GOOD, parse

MISTAKES = [
    ('vendor = "Maker"', 'vendor = "Maker"\ncolour = "red"', "unknown key colour; remove it or correct its spelling"),
    ("words_max = 60", "words_max = 60\nbaud = 9600", "transport: unknown key baud; remove it or correct its spelling"),
    (
        'unit = "kWh"',
        'unit = "kWh"\nunits = "kWh"',
        "point energy: unknown key units; remove it or correct its spelling",
    ),
    ("schema = 1", "schema = 2", "schema must be 1, not 2"),
    ('vendor = "Maker"', "", "vendor is missing; add it"),
    ('vendor = "Maker"', "vendor = 3", "vendor must be a text, not 3"),
    ('models = ["Model 1"]', "models = []", "models must be a list of at least one text, not []"),
    ('confidence = "M"', 'confidence = "sure"', "claims: confidence must be one of H, M, L, not 'sure'"),
    ('modes = ["rtu"]', 'modes = ["can"]', "transport: modes may hold rtu, tcp, ascii, rtu-tcp, not can"),
    ("function_code = 3", "function_code = 6", "transport: function_code must be a whole number from 3 to 4, not 6"),
    ("words_max = 60", "words_max = 126", "transport: words_max must be a whole number from 1 to 125, not 126"),
    (
        "reply_timeout_seconds = 0.5",
        "reply_timeout_seconds = 0",
        "transport: reply_timeout_seconds must be seconds above 0 and up to 3600, not 0",
    ),
    (
        "barriers = [200]",
        'barriers = ["200"]',
        "transport: barriers must be a list of whole numbers from 0 to 65535, not ['200']",
    ),
    (
        "allowed = [7]",
        "allowed = []",
        "identity 1: allowed must be a list of whole numbers from 0 to 18446744073709551615, not []",
    ),
    ("allowed = [7]", "", "identity 1: allowed is missing; add it"),
    (
        'type = "u32"',
        'type = "u24"',
        f"point energy: type must be one of {', '.join(get_args(PointType))}, not 'u24'",
    ),
    ('type = "u32"', 'type = "u32"\nwords = 2', "point energy: unknown key words; remove it or correct its spelling"),
    ("address = 100", "address = true", "point energy: address must be a whole number from 0 to 65535, not True"),
    ('scale = "0.1"', "scale = 0.1", 'point energy: scale must be a decimal number in quotes, such as "0.1", not 0.1'),
    (
        'scale = "0.1"',
        'scale = "a tenth"',
        "point energy: scale must be a decimal number in quotes, such as \"0.1\", not 'a tenth'",
    ),
    ('unit = "kWh"', "", "point energy: unit is missing; add it"),
    ("monotonic = true", "", "point energy: monotonic is missing; add it"),
    ("monotonic = true", 'monotonic = "yes"', "point energy: monotonic must be true or false, not 'yes'"),
    ("resettable = false", "", "point energy: resettable is missing; add it"),
    ("resettable = false", "resettable = false\nsign = 0", "point energy: sign must be 1 or -1, not 0"),
    (
        "resettable = false",
        "resettable = false\nrelative_to = 1",
        "point energy: unknown key relative_to; remove it or correct its spelling",
    ),
    (
        "words = [0, 320]",
        "words = [0, 65536]",
        "golden 1: words must be a list of whole numbers from 0 to 65535, not [0, 65536]",
    ),
    (
        'value = "32.0"',
        'value = "NaN"',
        "golden 1: value must be a decimal number in quotes, such as \"0.1\", not 'NaN'",
    ),
    ("[claims]", "[claim]", "claims is missing; add it"),
    (
        "words_max = 60",
        "words_max = 60\nsave_interval_seconds = -1",
        "transport: save_interval_seconds must be a whole number from 0 to 86400, not -1",
    ),
    (
        'type = "u16"\nallowed',
        'type = "u16"\nbyte_order = "middle"\nallowed',
        "identity 1: byte_order must be one of big, little, not 'middle'",
    ),
    (
        "address = 100\n",
        "address = 100\nfunction_code = 17\n",
        "point energy: function_code must be a whole number from 3 to 4, not 17",
    ),
    ('type = "u32"', 'type = "m10k"\nwords = 5', "point energy: words must be a whole number from 2 to 4, not 5"),
    ('type = "u32"', 'type = "bcd"', "point energy: words is missing; add it"),
    (
        'type = "text"\nwords = 4',
        'type = "text1"\nwords = 4\nword_order = "little"',
        "point serial: unknown key word_order; remove it or correct its spelling",
    ),
    (
        "[claims]",
        "[not_available]\nu24 = [1]\n[claims]",
        "not_available: unknown key u24; remove it or correct its spelling",
    ),
    (
        "[claims]",
        "[not_available]\nu32 = []\n[claims]",
        "not_available: u32 must be a list of whole numbers from 0 to 18446744073709551615, not []",
    ),
    (
        CHECK,
        '[[identity]]\nfunction = 18\ncontains = "x"',
        "identity 1: function must be 17 or 43, not 18",
    ),
    (
        CHECK,
        "[[identity]]\nfunction = 17",
        "identity 1: contains is missing; add it",
    ),
    (
        CHECK,
        '[[identity]]\nfunction = 17\ncontains = "Zähler"',
        "identity 1: contains must be ASCII, as a meter answers, not 'Zähler'",
    ),
    (
        CHECK,
        '[[identity]]\nfunction = 17\ncontains = "x"\naddress = 3',
        "identity 1: unknown key address; remove it or correct its spelling",
    ),
    ("[[golden]]", "[[refuses]]\naddress = 500\n[[golden]]", "refuses 1: count is missing; add it"),
    (
        "resettable = false",
        'resettable = false\nscale_source = { kind = "pow10", address = 5 }',
        "point energy: scale_source: kind must be one of power-of-ten, shark-format, dent-scalar, not 'pow10'",
    ),
    (CHECK, 'identity = "label"', "identity must be label-only, not 'label'"),
]


@pytest.mark.parametrize(("part", "instead", "sentence"), MISTAKES)
def test_a_mistake_is_told_in_one_sentence(part: str, instead: str, sentence: str) -> None:
    """Each single mistake is refused in one sentence that names the file, the part and what to do."""
    assert part in GOOD
    with pytest.raises(ProfileError) as refusal:
        parse(GOOD.replace(part, instead, 1))
    assert str(refusal.value) == f"maker_model.toml: {sentence}"
