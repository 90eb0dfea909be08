"""Who the meter is, and that another one is not believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.metering.errors import WrongMeterError
from edge.metering.identify import MeterIdentity, identity_spans, judge_answer, judge_identity, judge_refusal
from edge.metering.profile import IdentityCheck, IdentityQuestion, Refusal
from edge.metering.words import Span, WordImage
from edge.profiles import load_profile

WATTNODE = load_profile("ccs.wattnode-modbus")
SHARK = load_profile("eig.shark-100")
SUNSPEC = load_profile("sunspec.meter-203")
SHARK_NAME = (0x4531, 0x3431, 0x2053, 0x6861, 0x726B, 0x2031, 0x3030, 0x2020)
SHARK_SERIAL = (0x3030, 0x3532, 0x3638, 0x3438, 0x3333, 0x2020, 0x2020, 0x2020)
SHARK_REST = (0x0003, 0x3030, 0x3437)
SHARK_RATIOS = (0x0501, 400, 1, 1, 0)
SHARK_FLAGS = (2,)


def wattnode(model: int = 203, ct_amps: int = 200) -> WordImage:
    """Return what a WattNode with serial number 0x00012345 answers."""
    spans = identity_spans(WATTNODE, {})
    return WordImage(spans, ((ct_amps,), (0x2345, 0x0001), (model, 17)))


def test_only_listed_words_are_asked_for() -> None:
    """The WattNode's identity is three requests, because what lies between is not in its map."""
    assert identity_spans(WATTNODE, {}) == (Span(3, 1602, 1), Span(3, 1700, 2), Span(3, 1706, 2))


def test_a_real_shark_is_known() -> None:
    """The words of a meter at a solar plant give its name, serial number and firmware."""
    spans = identity_spans(SHARK, {})
    assert spans == (Span(3, 0, 19), Span(3, 0x752F, 5), Span(3, 0x753E, 1))
    replies = (SHARK_NAME + SHARK_SERIAL + SHARK_REST, SHARK_RATIOS, SHARK_FLAGS)
    identity = judge_identity(SHARK, {}, WordImage(spans, replies))
    assert identity == MeterIdentity(
        make="Electro Industries/GaugeTech",
        model="E141 Shark 100",
        serial="0052684833",
        firmware="0047",
        configuration="meter_type=3, ct_multiplier=1281, ct_numerator=400, pt_numerator=1, pt_denominator=1, "
        "pt_multiplier=0, user_flags=2",
    )


def test_numbers_are_shown_as_text() -> None:
    """A WattNode's number words become texts, its CT rating configuration."""
    assert judge_identity(WATTNODE, {}, wattnode()) == MeterIdentity(
        make="Continental Control Systems", model="203", serial="74565", firmware="17", configuration="ct_amps=200"
    )


def test_another_model_is_the_wrong_meter() -> None:
    """A number that is not allowed is refused, naming what was found and what was expected."""
    with pytest.raises(WrongMeterError, match=r"ccs\.wattnode-modbus: 208 at 1706 is none of 201, 202"):
        judge_identity(WATTNODE, {}, wattnode(model=208))


def test_another_name_is_the_wrong_meter() -> None:
    """A text without the expected word is refused, showing the text."""
    image = WordImage(identity_spans(SHARK, {}), ((0x4163, 0x7576, 0x696D, *(0,) * 16), SHARK_RATIOS, SHARK_FLAGS))
    with pytest.raises(WrongMeterError, match="'Acuvim' at 0 lacks 'Shark'"):
        judge_identity(SHARK, {}, image)


def test_words_that_are_no_text_are_the_wrong_meter() -> None:
    """Binary words where a name should be mean that this is no such meter."""
    image = WordImage(identity_spans(SHARK, {}), ((0x0102,) * 19, SHARK_RATIOS, SHARK_FLAGS))
    with pytest.raises(WrongMeterError, match="are not a text"):
        judge_identity(SHARK, {}, image)


def test_a_sunspec_meter_says_its_own_maker() -> None:
    """Make and model come from the common model, found where it is."""
    location = {1: 40002, 203: 40069}
    spans = identity_spans(SUNSPEC, location)
    words = dict.fromkeys(range(spans[0].address, spans[0].address + spans[0].count), 0)
    words |= {40004: 0x456C, 40005: 0x6B6F, 40006: 0x7200, 40020: 0x5732, 40052: 0x3134, 40069: 203}
    identity = judge_identity(SUNSPEC, location, WordImage(spans, (tuple(words.values()),)))
    assert (identity.make, identity.model, identity.serial, identity.configuration) == ("Elkor", "W2", "14", "")


def checked_by(check: IdentityCheck, *words: int) -> None:
    """Judge words at 10 by one check alone."""
    profile = replace(WATTNODE, identity=(check,), points=())
    spans = identity_spans(profile, {})
    judge_identity(profile, {}, WordImage(spans, (words,)))


def test_a_check_reads_its_words_as_their_type() -> None:
    """Decimal digits, octets swapped, one character a word, a float's pattern: each is compared as what it means."""
    checked_by(IdentityCheck(10, "bcd", 2, "big", allowed=(13_010_20,)), 0x0130, 0x1020)
    checked_by(IdentityCheck(10, "u16", 1, "big", byte_order="little", allowed=(0x1234,)), 0x3412)
    checked_by(IdentityCheck(10, "text1", 4, "big", contains="SOCO"), 0x53, 0x4F, 0x43, 0x4F)
    checked_by(IdentityCheck(10, "f32", 2, "big", allowed=(0x449A522B,)), 0x449A, 0x522B)
    checked_by(IdentityCheck(10, "m10k", 2, "big", allowed=(10_017,)), 1, 17)


def test_digits_that_are_none_are_the_wrong_meter() -> None:
    """Words that their type cannot hold are no identity."""
    with pytest.raises(WrongMeterError, match="address 10: the words 0x00a0 are no bcd, so this is not the meter"):
        checked_by(IdentityCheck(10, "bcd", 1, "big", allowed=(160,)), 0x00A0)


def test_a_check_with_a_function_code_of_its_own_is_asked_with_it() -> None:
    """A serial number among the holding registers is not read with the energy's function 4."""
    profile = replace(WATTNODE, identity=(replace(WATTNODE.identity[0], function_code=4),))
    assert identity_spans(profile, {}) == (Span(3, 1602, 1), Span(3, 1700, 2), Span(3, 1706, 2), Span(4, 1706, 1))


def test_a_serial_number_in_decimal_digits_is_shown_as_a_number() -> None:
    """A BCD serial number becomes the digits on the label, without leading zeros."""
    serial = replace(WATTNODE.point("serial"), type="bcd", word_order="big")
    profile = replace(WATTNODE, points=(serial,), identity=())
    image = WordImage(identity_spans(profile, {}), ((0x0035, 0x1001),))
    assert judge_identity(profile, {}, image).serial == "351001"


def test_what_witnesses_a_meter_is_no_part_of_its_identity() -> None:
    """An uptime has a role, but is neither asked for nor shown when the meter is identified."""
    uptime = replace(WATTNODE.point("serial"), name="uptime", quantity="witness", role="uptime", address=1800)
    profile = replace(WATTNODE, points=(*WATTNODE.points, uptime))
    assert identity_spans(profile, {}) == identity_spans(WATTNODE, {})
    assert judge_identity(profile, {}, wattnode()) == judge_identity(WATTNODE, {}, wattnode())


def test_an_answer_must_contain_what_the_profile_says() -> None:
    """Any one text of the answer is enough, none is the wrong meter."""
    question = IdentityQuestion(43, "Veris")
    judge_answer(WATTNODE, question, [b"E51", b"Veris Industries"])
    with pytest.raises(WrongMeterError, match="'E51', its answer to function 43, lacks 'Veris'"):
        judge_answer(WATTNODE, question, [b"E51"])
    with pytest.raises(WrongMeterError, match="'', its answer to function 43, lacks 'Veris'"):
        judge_answer(WATTNODE, question, [])


def test_words_that_the_model_lacks_must_be_refused() -> None:
    """Only a refusal of the words agrees with the profile."""
    judge_refusal(WATTNODE, Refusal(3, 0xC350, 2), is_refused=True)
    with pytest.raises(WrongMeterError, match="it has words at 50000, which that model refuses"):
        judge_refusal(WATTNODE, Refusal(3, 0xC350, 2), is_refused=False)
