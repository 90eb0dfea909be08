"""A profile document is taken whole or refused by name."""

from __future__ import annotations

import tomllib
from importlib import resources

import pytest

from edge.metering.errors import ProfileError
from edge.metering.parse_profile import parse_profile
from edge.metering.profile import IdentityQuestion, Refusal, ScaleSource
from tests.edge.metering.making import CHECK, GOOD, parse


def test_a_good_document_becomes_a_profile_with_defaults() -> None:
    """What is not said has the default that the key's explanation states."""
    profile = parse(GOOD)
    energy = profile.point("energy")
    assert (profile.gap_words_max, profile.silence_ms, profile.barriers, profile.sunspec) == (0, 0, (200,), None)
    assert (energy.sign, energy.word_order, energy.words, energy.relative_to) == (1, "big", 2, None)
    assert profile.sources == ("https://example.org/manual (the map)",)
    assert profile.identity[0].allowed == (7,)
    assert (energy.byte_order, energy.function_code, energy.not_available) == ("big", 3, ())
    assert (profile.save_interval_seconds, profile.questions, profile.refuses) == (0, (), ())
    assert not profile.is_label_only


def test_what_the_transport_says_holds_for_all_that_says_nothing() -> None:
    """Function code and "no value" patterns come from the file's head, unless a point has its own."""
    text = GOOD.replace("[claims]", "[not_available]\nu32 = [0xFFFF_FFFF]\n[claims]")
    assert parse(text).point("energy").not_available == (0xFFFF_FFFF,)
    assert parse(text.replace('unit = "kWh"', 'unit = "kWh"\nnot_available = []')).point("energy").not_available == ()
    mixed = parse(GOOD.replace("address = 20", "address = 20\nfunction_code = 4"))
    assert [point.function_code for point in mixed.points] == [3, 4]
    assert mixed.identity[0].function_code == 3


def test_what_two_functions_read_at_one_address_does_not_overlap() -> None:
    """An input register and a holding register of the same address are two words."""
    profile = parse(GOOD.replace("address = 20", "address = 100\nfunction_code = 4"))
    assert profile.point("serial").address == profile.point("energy").address


def test_a_meter_can_be_known_by_an_answer() -> None:
    """A question stands among the identity checks, and is enough."""
    profile = parse(GOOD.replace(CHECK, '[[identity]]\nfunction = 43\ncontains = "Veris"'))
    assert profile.questions == (IdentityQuestion(43, "Veris"),)
    assert profile.identity == ()
    assert not profile.is_label_only


def test_a_meter_can_be_known_by_its_label_alone() -> None:
    """Where the map has nothing to know the model by it says so, and may say what the model lacks."""
    text = GOOD.replace(CHECK, 'identity = "label-only"') + "[[refuses]]\naddress = 50000\ncount = 2\n"
    profile = parse(text)
    assert profile.is_label_only
    assert profile.refuses == (Refusal(3, 50000, 2),)
    assert profile.tells_serial
    without_serial = text[: text.index('[[point]]\nname = "serial"')] + text[text.index("[[golden]]") :]
    assert not parse(without_serial).tells_serial


def test_types_that_do_not_know_their_length_say_it() -> None:
    """Base 10000 has two words unless stated; decimal digits and texts state theirs."""
    base = GOOD.replace("modulus = 1_000_000_000", "modulus = 100_000_000")
    assert parse(base.replace('type = "u32"', 'type = "m10k"')).point("energy").words == 2
    golden = base.replace("words = [0, 320]", "words = [0, 0, 320]")
    assert parse(golden.replace('type = "u32"', 'type = "m10ks"\nwords = 3')).point("energy").words == 3
    assert parse(base.replace('type = "u32"', 'type = "bcd"\nwords = 2')).point("energy").type == "bcd"


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
