"""Certificates: whole ones come out exactly, and nothing is lost between months, quarters and rules."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from hub.rules.certificates import (
    WH_PER_CERTIFICATE,
    add_systems,
    count_eligible,
    issue_months,
    round_to_kwh,
    send_quarter,
)
from hub.rules.quarters import ProductionQuarter

months_wh = st.lists(st.integers(0, 5_000_000_000), min_size=3, max_size=3)
factors = st.integers(1, 100)


@given(st.lists(st.integers(0, 10_000_000), max_size=40), factors, st.integers(0, WH_PER_CERTIFICATE - 1))
def test_all_certificates_are_the_whole_part_of_all_that_counts(
    sent_kwh: list[int], factor_percent: int, remainder_wh: int
) -> None:
    """However months are cut, together they give the floor of the exact sum; what is left is less than one."""
    issued = issue_months([count_eligible(kwh, factor_percent) for kwh in sent_kwh], remainder_wh)
    exact = Fraction(sum(sent_kwh) * factor_percent, 100_000) + Fraction(remainder_wh, WH_PER_CERTIFICATE)
    assert sum(month.certificates for month in issued) == exact // 1
    assert all(0 <= month.remainder_wh < WH_PER_CERTIFICATE for month in issued)
    left_wh = issued[-1].remainder_wh if issued else remainder_wh
    assert Fraction(left_wh, WH_PER_CERTIFICATE) == exact % 1


@given(st.integers(0, 10**15))
def test_a_month_is_sent_to_the_nearest_kwh(production_wh: int) -> None:
    """What is sent is at most half a kWh away, and an exact half is not rounded down."""
    off_wh = round_to_kwh(production_wh) * 1000 - production_wh
    assert -500 < off_wh <= 500


@given(st.lists(months_wh, min_size=1, max_size=6))
def test_the_old_rule_loses_nothing(quarters_wh: list[list[int]]) -> None:
    """Over any number of old quarters, what was sent and what stays back are together what was generated."""
    sent_kwh, carried_wh = 0, 0
    for months in quarters_wh:
        sent = send_quarter(ProductionQuarter(2016, 1), months, carried_wh)
        assert all(kwh % 1000 == 0 for kwh in sent.months_kwh)
        assert 0 <= sent.carried_wh < WH_PER_CERTIFICATE
        sent_kwh, carried_wh = sent_kwh + sum(sent.months_kwh), sent.carried_wh
    assert sent_kwh * 1000 + carried_wh == sum(map(sum, quarters_wh))


@given(st.lists(months_wh, min_size=1, max_size=5))
def test_an_asset_is_the_sum_of_its_systems(systems_wh: list[list[int]]) -> None:
    """What is sent of an asset is what would be sent of its systems one by one."""
    sent = [send_quarter(ProductionQuarter(2024, 1), months).months_kwh for months in systems_wh]
    assert sum(add_systems(sent)) == sum(round_to_kwh(wh) for months in systems_wh for wh in months)
