"""Parts of a profile that do not fit together, and the one sentence that its author reads."""

from __future__ import annotations

import tomllib

import pytest

from edge.metering.errors import ProfileError
from edge.metering.parse_profile import parse_profile
from tests.edge.metering.making import GOOD, parse

MISFITS = [
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
        "address = 100",
        "address = 65535",
        "point energy: address 65535 and 2 words end beyond 65535; correct the address",
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
        'value = "32.0"',
        'value = "32.0"\nscale_word = 1',
        "golden 1: scale_word must be given exactly where the point has a scale_source; correct one of them",
    ),
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
        'type = "u32"',
        'type = "m10k"',
        "point energy: modulus 1000000000 is more than 2 words of m10k can hold; correct it",
    ),
    (
        "[claims]",
        "[not_available]\nu32 = [0x1_0000_0000]\n[claims]",
        "point energy: not_available holds a pattern longer than the 2 words of u32; correct it",
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
    (
        "[[golden]]",
        "[[refuses]]\naddress = 65535\ncount = 2\n[[golden]]",
        "refuses 1: address 65535 and 2 words end beyond 65535; correct the address",
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
        'type = "text"\nwords = 4',
        'type = "text"\nwords = 33',
        "point serial may be 66 characters, of 64; read fewer of its words",
    ),
    (
        "[[golden]]",
        "".join(
            f'[[point]]\nname = "setting_{number:02}"\nquantity = "configuration"\naddress = {300 + number}\n'
            f'type = "{kind}"\nwords = {words}\n'
            for number, kind, words in ((0, "text", 51), (51, "text1", 60), (111, "bcd", 4), (115, "bcd", 4))
        )
        + "[[golden]]",
        "its configuration may be 258 characters, of 256; leave points out of it",
    ),
    (
        'type = "u32"',
        'type = "i16"',
        "point energy: modulus 1000000000 is more than 1 words of i16 can hold; correct it",
    ),
]


@pytest.mark.parametrize(("part", "instead", "sentence"), MISFITS)
def test_what_does_not_fit_is_told_in_one_sentence(part: str, instead: str, sentence: str) -> None:
    """Each single misfit is refused in one sentence that names the file, the part and what to do."""
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
