"""Every kind of mistake in a profile file, and the one sentence that its author reads."""

from __future__ import annotations

import tomllib
from typing import get_args

import pytest

from edge.metering.errors import ProfileError
from edge.metering.parse_profile import parse_profile
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
        "barriers = [200]",
        "barriers = [101]",
        "point energy: words 100 to 101 cross a barrier; correct the address or the barriers",
    ),
    (
        "words_max = 60",
        "words_max = 3",
        "point serial: 4 words do not fit one request of words_max 3; correct one of them",
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
    (
        "address = 100",
        "address = 65535",
        "point energy: address 65535 and 2 words end beyond 65535; correct the address",
    ),
    ('scale = "0.1"', "scale = 0.1", 'point energy: scale must be a decimal number in quotes, such as "0.1", not 0.1'),
    (
        'scale = "0.1"',
        'scale = "a tenth"',
        "point energy: scale must be a decimal number in quotes, such as \"0.1\", not 'a tenth'",
    ),
    (
        'scale = "0.1"',
        'scale = "0.25"',
        "point energy: scale 0.25 is no power of ten, which an exact energy needs; correct it",
    ),
    (
        'scale = "0.1"',
        'scale = "-0.1"',
        "point energy: scale -0.1 is no power of ten, which an exact energy needs; correct it",
    ),
    ('unit = "kWh"', "", "point energy: unit is missing; add it"),
    ('unit = "kWh"', 'unit = "kvarh"', "point energy: unit 'kvarh' is no energy, as Wh, kWh, MWh are; correct it"),
    (
        "modulus = 1_000_000_000",
        "",
        "point energy: modulus is missing; give the count at which this register wraps to zero",
    ),
    (
        "modulus = 1_000_000_000",
        "modulus = 4_294_967_297",
        "point energy: modulus 4294967297 is more than 2 words of u32 can hold; correct it",
    ),
    ("monotonic = true", "", "point energy: monotonic is missing; add it"),
    ("monotonic = true", 'monotonic = "yes"', "point energy: monotonic must be true or false, not 'yes'"),
    ("resettable = false", "", "point energy: resettable is missing; add it"),
    ("resettable = false", "resettable = false\nsign = 0", "point energy: sign must be 1 or -1, not 0"),
    (
        "resettable = false",
        "resettable = false\nnot_available = [4_294_967_296]",
        "point energy: not_available holds a pattern longer than the 2 words of u32; correct it",
    ),
    (
        "resettable = false",
        'resettable = false\nrole = "serial"',
        "point energy: role serial belongs to quantity identity, not active_energy; correct one",
    ),
    (
        "resettable = false",
        "resettable = false\nrelative_to = 1",
        "point energy: unknown key relative_to; remove it or correct its spelling",
    ),
    ("address = 20", "address = 97", "points serial and energy overlap at 100; correct an address"),
    ('name = "serial"', 'name = "energy"', "two points have the name energy; each may stand once"),
    (
        'type = "text"\nwords = 4',
        'type = "f32"',
        "point serial: a value of quantity identity is compared exactly; give an integer type, not f32",
    ),
    (
        "words = 4",
        'words = 4\nscale = "0.1"',
        "point serial: a text has no scale, scale_source or not_available; remove them",
    ),
    (
        'quantity = "active_energy"',
        'quantity = "active_power"',
        "no point has quantity active_energy; add the cumulative register that is to be read",
    ),
    ('point = "energy"', 'point = "power"', "golden 1: there is no point power; name one of this file"),
    ("words = [0, 320]", "words = [320]", "golden 1: energy has 2 words, not 1; copy all of them"),
    (
        "words = [0, 320]",
        "words = [0, 65536]",
        "golden 1: words must be a list of whole numbers from 0 to 65535, not [0, 65536]",
    ),
    (
        'value = "32.0"',
        'value = "32.0"\nscale_word = 1',
        "golden 1: scale_word must be given exactly where the point has a scale_source; correct one of them",
    ),
    (
        'value = "32.0"',
        'value = "NaN"',
        "golden 1: value must be a decimal number in quotes, such as \"0.1\", not 'NaN'",
    ),
    ("[claims]", "[claim]", "claims is missing; add it"),
    (
        'type = "u32"',
        'type = "text"\nwords = 2',
        "point energy: a value of quantity active_energy cannot be a text; give a number type",
    ),
    (
        'type = "text"\nwords = 4\n',
        'type = "u32"\nscale = "0"\n',
        "point serial: scale must be above zero, not 0; write the direction as sign",
    ),
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
        'type = "u32"',
        'type = "m10k"',
        "point energy: modulus 1000000000 is more than 2 words of m10k can hold; correct it",
    ),
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
        "[not_available]\nu32 = [0x1_0000_0000]\n[claims]",
        "point energy: not_available holds a pattern longer than the 2 words of u32; correct it",
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
    (
        "allowed = [7]",
        "allowed = [65_536]",
        "identity at 10: allowed holds a number that 1 words of u16 cannot hold; correct it",
    ),
    (
        'type = "u16"\nallowed = [7]',
        'type = "bcd"\nwords = 1\nallowed = [10_000]',
        "identity at 10: allowed holds a number that 1 words of bcd cannot hold; correct it",
    ),
    (
        "[[golden]]",
        "[[refuses]]\naddress = 101\ncount = 2\n[[golden]]",
        "refuses 1: point energy is among the words that the meter refuses; correct an address",
    ),
    ("[[golden]]", "[[refuses]]\naddress = 500\n[[golden]]", "refuses 1: count is missing; add it"),
    (
        "[[golden]]",
        "[[refuses]]\naddress = 65535\ncount = 2\n[[golden]]",
        "refuses 1: address 65535 and 2 words end beyond 65535; correct the address",
    ),
    (
        "resettable = false",
        'resettable = false\nscale_source = { kind = "pow10", address = 5 }',
        "point energy: scale_source: kind must be one of power-of-ten, shark-format, dent-scalar, not 'pow10'",
    ),
    (
        "resettable = false",
        'resettable = false\nscale_source = { kind = "dent-scalar", address = 101 }',
        "point energy: scale_source is one of the point's own words; give the word that scales it",
    ),
    (
        'quantity = "identity"\nrole = "serial"\naddress = 20\ntype = "text"\nwords = 4',
        'quantity = "witness"\naddress = 20\ntype = "u16"',
        "point serial: a witness needs the role uptime, resets or tick; add the one that its manual describes",
    ),
    (
        'quantity = "identity"\nrole = "serial"\naddress = 20\ntype = "text"\nwords = 4',
        'quantity = "witness"\nrole = "serial"\naddress = 20\ntype = "u16"',
        "point serial: role serial belongs to quantity identity, not witness; correct one",
    ),
    (
        'quantity = "identity"\nrole = "serial"',
        'quantity = "identity"\nrole = "tick"',
        "point serial: role tick belongs to quantity witness, not identity; correct one",
    ),
    (
        'quantity = "identity"\nrole = "serial"\naddress = 20\ntype = "text"\nwords = 4',
        'quantity = "witness"\nrole = "tick"\naddress = 20\ntype = "f32"',
        "point serial: a value of quantity witness is compared exactly; give an integer type, not f32",
    ),
    (
        'quantity = "identity"\nrole = "serial"\naddress = 20\ntype = "text"',
        'quantity = "active_power"\nunit = "W"\naddress = 20\ntype = "text"',
        "point serial: a value of quantity active_power cannot be a text; give a number type",
    ),
    (
        'type = "u32"\nscale',
        'type = "m10k"\nscale',
        "point energy: modulus 1000000000 is more than 2 words of m10k can hold; correct it",
    ),
    (
        'quantity = "identity"\nrole = "serial"\naddress = 20\ntype = "text"\nwords = 4',
        'quantity = "active_power"\nunit = "kw"\naddress = 20\ntype = "i16"',
        "point serial: unit 'kw' is no power, as W, kW, MW are; correct it",
    ),
    (
        'type = "u32"',
        'type = "i16"',
        "point energy: modulus 1000000000 is more than 1 words of i16 can hold; correct it",
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


WITHOUT = [
    ("source", "source is missing; add a [[source]] with url and what for the facts in this file"),
    (
        "identity",
        'identity is missing; add an [[identity]] check that no other model passes, or identity = "label-only"',
    ),
    ("golden", "confidence H without a golden; add a [[golden]] with words that were seen, or say M"),
]


@pytest.mark.parametrize(("part", "sentence"), WITHOUT)
def test_a_profile_without_evidence_or_identity_is_refused(part: str, sentence: str) -> None:
    """Nobody can load a map that does not say where it is from, how it is proved or how the meter is known."""
    document = tomllib.loads(GOOD.replace('confidence = "M"', 'confidence = "H"'))
    del document[part]
    with pytest.raises(ProfileError) as refusal:
        parse_profile(document, "maker_model.toml")
    assert str(refusal.value) == f"maker_model.toml: {sentence}"
