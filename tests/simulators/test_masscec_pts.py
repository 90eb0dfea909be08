"""The counterpart of MassCEC's tracking system by itself: what it refuses, whoever asks."""

from __future__ import annotations

from decimal import Decimal

import pytest
from typer.testing import CliRunner

from simulators.cli import app
from simulators.masscec_pts import Counterpart, Register

AT = "2024-02-01T00:00:00"


@pytest.mark.parametrize(
    ("system", "kwh", "at", "says"),
    [
        ("B", "1", AT, "not assigned"),
        ("A", "9.999", AT, "too small"),
        ("A", "ten", AT, "malformed"),
        ("A", "NaN", AT, "too small"),
        ("A", "11", "2024-02-01", "malformed"),
    ],
)
def test_it_refuses_what_cannot_be(system: str, kwh: str, at: str, says: str) -> None:
    """And has then what it had before."""
    counterpart = Counterpart({"A": Register(Decimal(10))})
    refused = counterpart.take(system, kwh, at, is_test=False)
    assert refused is not None
    assert says in refused
    assert counterpart.systems == {"A": Register(Decimal(10))}


def test_it_takes_the_same_register_twice() -> None:
    """As known clients found it to do."""
    counterpart = Counterpart({"A": Register()})
    assert [counterpart.take("A", "10", AT, is_test=False) for _ in range(2)] == [None, None]
    assert counterpart.systems["A"] == Register(Decimal(10), AT, 2)


def test_people_can_run_it() -> None:
    """It says where it answers, and at its end what it has."""
    done = CliRunner().invoke(app, ["masscec-pts", "--system", "A", "--seconds", "0"])
    assert done.exit_code == 0
    soap, newer, secrets, held = done.stdout.splitlines()
    assert secrets == "credentials, a line each: provider, sesame"
    assert soap.startswith("soap http://127.0.0.1:")
    assert newer.endswith("/ptsstaging with ARPost,ARPostTest")
    assert held == "A: 0 kWh of never, taken 0 times"
