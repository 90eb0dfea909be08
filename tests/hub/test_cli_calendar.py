"""`meter-hub window` and `compliance`: what a person reads, and what a program does."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.errors import InputError

YEAR = ("compliance", "2013", "--sales-mwh", "100000", "--held", "5000", "--bank", "2012:3000:7000")


def run(*arguments: str) -> str:
    """Run `meter-hub` and return what it prints; raises what it refuses with."""
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_window_says_until_when() -> None:
    """In a window its month and its end; between two windows when the next one opens."""
    assert run("window", "--at", "2024-02-05 23:59").splitlines() == [
        "2024-01 can be reported until 2024-02-06 00:00-05:00",
        "the next window, for 2024-02, opens 2024-02-25 00:00-05:00",
    ]
    assert run("window", "--at", "2024-02-06 00:00").startswith(
        "No window is open: the next one, for 2024-02, opens 2024-"
    )
    shown = json.loads(run("window", "--at", "2024-02-06 00:00", "--json"))
    assert shown == {
        "at": "2024-02-06T05:00:00Z",
        "open": None,
        "next": {"month": "2024-02", "opens_at": "2024-02-25T05:00:00Z", "closes_at": "2024-03-06T05:00:00Z"},
    }
    assert json.loads(run("window", "--json"))["next"]["month"]


def test_a_supplier_s_year_is_weighed_both_ways() -> None:
    """The bank is capped as the page has it and as the regulation has it, and what is short has its price."""
    first, by_use, by_generation = run(*YEAR).splitlines()
    assert first == "2013: 8.0 % of 100,000 MWh take 8,000 certificates; the filing is due 2014-07-01"
    assert by_use.startswith("  cap by the need of this year (as MassCEC's page has it): ")
    assert by_use.endswith("2,400 banked, 5,000 of the year, 600 short, which cost $39,162.00")
    assert by_generation.startswith("  cap by the need of the year of generation (as the regulation has it): ")
    assert by_generation.endswith("2,100 banked, 5,000 of the year, 900 short, which cost $58,743.00")
    shown = json.loads(run(*YEAR, "--json"))
    assert (shown["obligation_mwh"], shown["need"], shown["rate_cents"]) == ("8000", 8_000, 6_527)
    assert shown["use_year"]["banked"] == [{"year": 2012, "certificates": 2_400}]
    assert shown["generation_year"]["payment_cents"] == 5_874_300


def test_a_year_without_shortfall_or_rate() -> None:
    """What is over is surplus; a rate that was not found published is not made up."""
    assert "0 short; 1 of the year are surplus" in run("compliance", "2013", "--sales-mwh", "1000", "--held", "81")
    assert "10 short; the year's rate is not known here" in run(
        "compliance", "2016", "--sales-mwh", "91", "--held", "1"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("window", "--at", "2023-11-05 01:30"), "was twice, as the clocks went back"),
        (("compliance", "2002", "--sales-mwh", "1"), "there was no Class I minimum standard in 2002"),
        (("compliance", "9999", "--sales-mwh", "1"), "9999 is too far away"),
        (("compliance", "0", "--sales-mwh", "1"), "there was no Class I minimum standard in 0"),
        (("compliance", "2013", "--sales-mwh", "1", "--bank", "2012"), "'2012' is no surplus"),
        (("compliance", "2013", "--sales-mwh", "1", "--bank", "0000:1:1"), "0 is no year"),
    ],
)
def test_mistakes_are_one_sentence(arguments: tuple[str, ...], words: str) -> None:
    """The sentence names the thing and what to do."""
    with pytest.raises(InputError, match=words):
        run(*arguments)
