"""A profile document is taken whole or refused by name."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from edge.metering.errors import ProfileError
from edge.metering.parse_profile import parse_profile
from edge.metering.profile import ScaleSource

if TYPE_CHECKING:
    from edge.metering.profile import MeterProfile

GOOD = """
schema = 1
id = "maker.model"
vendor = "Maker"
models = ["Model 1"]
revision = "2026-01"
[claims]
accuracy = "class 0.5"
confidence = "M"
[[source]]
url = "https://example.org/manual"
what = "the map"
[transport]
modes = ["rtu"]
function_code = 3
words_max = 60
barriers = [200]
reply_timeout_seconds = 0.5
[[identity]]
address = 10
type = "u16"
allowed = [7]
[[point]]
name = "energy"
quantity = "active_energy"
direction = "export"
address = 100
type = "u32"
scale = "0.1"
unit = "kWh"
modulus = 1_000_000_000
monotonic = true
resettable = false
[[point]]
name = "serial"
quantity = "identity"
role = "serial"
address = 20
type = "text"
words = 4
[[golden]]
point = "energy"
words = [0, 320]
value = "32.0"
source = "the manual"
"""


def parse(text: str) -> MeterProfile:
    """Parse a document as if it stood in `maker_model.toml`."""
    return parse_profile(tomllib.loads(text), "maker_model.toml")


def test_a_good_document_becomes_a_profile_with_defaults() -> None:
    """What is not said has the default that the key's explanation states."""
    profile = parse(GOOD)
    energy = profile.point("energy")
    assert (profile.gap_words_max, profile.silence_ms, profile.barriers, profile.sunspec) == (0, 0, (200,), None)
    assert (energy.sign, energy.word_order, energy.words, energy.relative_to) == (1, "big", 2, None)
    assert profile.sources == ("https://example.org/manual (the map)",)
    assert profile.identity[0].allowed == (7,)


CHANGES = [
    ('vendor = "Maker"', 'vendor = "Maker"\ncolour = "red"', "maker_model.toml: unknown key colour"),
    ("words_max = 60", "words_max = 60\nbaud = 9600", "transport: unknown key baud"),
    ('unit = "kWh"', 'unit = "kWh"\nunits = "kWh"', "point 1: unknown key units"),
    ("schema = 1", "schema = 2", "schema must be a whole number from 1 to 1"),
    ('vendor = "Maker"', "", "vendor is missing"),
    ('models = ["Model 1"]', "models = []", "models must be a list of at least one text"),
    ('confidence = "M"', 'confidence = "sure"', "confidence must be one of H, M, L"),
    ('modes = ["rtu"]', 'modes = ["can"]', "modes may hold rtu, tcp, ascii, rtu-tcp, not can"),
    ("function_code = 3", "function_code = 6", "function_code must be a whole number from 3 to 4"),
    ("words_max = 60", "words_max = 126", "words_max must be a whole number from 1 to 125"),
    ("reply_timeout_seconds = 0.5", "reply_timeout_seconds = 0", "reply_timeout_seconds must be seconds"),
    ("barriers = [200]", 'barriers = ["200"]', "barriers must be a list of whole numbers"),
    ("barriers = [200]", "barriers = [101]", "point energy: words 100 to 101 cross a barrier"),
    ("words_max = 60", "words_max = 3", "4 words do not fit words_max 3"),
    ("allowed = [7]", "allowed = []", "allowed must be a list"),
    ("allowed = [7]", "", "allowed is missing"),
    ('type = "u32"', 'type = "u24"', "type must be one of"),
    ('type = "u32"', 'type = "u32"\nwords = 2', "unknown key words"),
    ("address = 100", "address = true", "address must be a whole number"),
    ("address = 100", "address = 65535", "end beyond 65535"),
    ('scale = "0.1"', "scale = 0.1", "scale must be a text"),
    ('scale = "0.1"', 'scale = "a tenth"', "must be a decimal number in quotes"),
    ('scale = "0.1"', 'scale = "0.25"', "not a power of ten"),
    ('scale = "0.1"', 'scale = "-0.1"', "scale"),
    ('unit = "kWh"', "", "unit is missing"),
    ('unit = "kWh"', 'unit = "kvarh"', "is not an energy"),
    ("modulus = 1_000_000_000", "", "modulus is missing"),
    ("modulus = 1_000_000_000", "modulus = 4_294_967_297", "more than 2 words of u32 can hold"),
    ("monotonic = true", "", "monotonic is missing"),
    ("monotonic = true", 'monotonic = "yes"', "monotonic must be true or false"),
    ("resettable = false", "", "resettable is missing"),
    ("resettable = false", "resettable = false\nsign = 0", "sign must be 1 or -1"),
    (
        "resettable = false",
        "resettable = false\nnot_available = [4_294_967_296]",
        "not_available holds a pattern longer",
    ),
    ("resettable = false", 'resettable = false\nrole = "serial"', "role serial belongs to quantity identity"),
    ("resettable = false", "resettable = false\nrelative_to = 1", "unknown key relative_to"),
    ("address = 20", "address = 97", "points serial and energy overlap at 100"),
    ('name = "serial"', 'name = "energy"', "two points have the name energy"),
    ('type = "text"\nwords = 4', 'type = "f32"', "a value of quantity identity is compared exactly"),
    ("words = 4", 'words = 4\nscale = "0.1"', "a text has no scale"),
    ('quantity = "active_energy"', 'quantity = "active_power"', "no point has quantity active_energy"),
    ('point = "energy"', 'point = "power"', "golden 1: there is no point power"),
    ("words = [0, 320]", "words = [320]", "energy has 2 words, not 1"),
    ("words = [0, 320]", "words = [0, 65536]", "words must be a list of whole numbers from 0 to 65535"),
    ('value = "32.0"', 'value = "32.0"\nscale_word = 1', "scale_word must be given exactly where"),
    ('value = "32.0"', 'value = "NaN"', "must be a decimal number in quotes"),
    ("[claims]", "[claim]", "claims is missing"),
    ('type = "u32"', 'type = "text"\nwords = 2', "a value of quantity active_energy cannot be a text"),
    ('type = "text"\nwords = 4\n', 'type = "u32"\nscale = "0"\n', "scale must be above zero"),
]


@pytest.mark.parametrize(("part", "instead", "message"), CHANGES)
def test_a_wrong_document_is_refused_naming_file_and_key(part: str, instead: str, message: str) -> None:
    """Each single mistake is refused in one sentence that names the file and what is wrong in it."""
    assert part in GOOD
    with pytest.raises(ProfileError) as refusal:
        parse(GOOD.replace(part, instead, 1))
    assert str(refusal.value).startswith("maker_model.toml")
    assert message in str(refusal.value)


@pytest.mark.parametrize("part", ["source", "identity"])
def test_a_profile_without_evidence_or_identity_is_refused(part: str) -> None:
    """Nobody can load a map that does not say where it is from or how the meter is known."""
    document = tomllib.loads(GOOD)
    del document[part]
    with pytest.raises(ProfileError, match=f"{part} is missing"):
        parse_profile(document, "maker_model.toml")


def test_a_table_that_is_none_is_refused() -> None:
    """A key that must hold a table refuses a bare value."""
    with pytest.raises(ProfileError, match="transport must be a table"):
        parse_profile(tomllib.loads(GOOD) | {"transport": 3}, "maker_model.toml")


def test_a_list_that_is_none_is_refused() -> None:
    """A key that must hold a list refuses a bare value."""
    with pytest.raises(ProfileError, match="point must be a list"):
        parse_profile(tomllib.loads(GOOD) | {"point": 3}, "maker_model.toml")


def test_a_sunspec_address_counts_from_the_stated_model() -> None:
    """In a SunSpec map every address has a model, the profile's own unless it says another."""
    text = resources.files("edge.profiles").joinpath("sunspec_meter_203.toml").read_text(encoding="utf-8")
    profile = parse_profile(tomllib.loads(text), "sunspec_meter_203.toml")
    assert profile.point("energy_export").relative_to == 203
    assert profile.point("serial").relative_to == 1
    assert profile.point("energy_export").scale_source == ScaleSource("power-of-ten", 54)


def test_a_missing_point_is_named_with_those_there_are() -> None:
    """Asking a profile for a point it lacks lists the points it has."""
    with pytest.raises(KeyError, match="no point 'powder'; it has energy, serial"):
        parse(GOOD).point("powder")
