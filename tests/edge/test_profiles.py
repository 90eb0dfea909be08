"""Every rule about a profile file, tried on every profile file; and the ids by which they are found."""

from __future__ import annotations

import re
from fractions import Fraction
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from edge.metering.decode import describe_register, meter_value
from edge.metering.errors import ProfileError
from edge.metering.read_plan import plan_reads
from edge.profiles import load_profile, profile_ids, read_profiles

if TYPE_CHECKING:
    from pathlib import Path

    from edge.metering.profile import MeterProfile

ALL = profile_ids()
LOCATION = {1: 40002, 203: 40070}
"""Where a SunSpec meter could have its models; ignored by maps of absolute addresses."""


@pytest.fixture(params=ALL)
def profile(request: pytest.FixtureRequest) -> MeterProfile:
    """Return each profile in turn."""
    assert isinstance(request.param, str)
    return load_profile(request.param)


def test_the_shipped_profiles_are_the_stated_ones() -> None:
    """The agent knows exactly the three maps that its documentation names."""
    assert ALL == ("ccs.wattnode-modbus", "eig.shark-100", "sunspec.meter-203")


def test_an_unknown_id_is_refused_with_the_known_ones() -> None:
    """Whoever mistypes a profile id reads the ids that there are."""
    with pytest.raises(ProfileError, match=r"'eig.shark-1000'.*ccs\.wattnode-modbus, eig\.shark-100, sunspec"):
        load_profile("eig.shark-1000")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """A file that is not TOML is refused by its name."""
    (tmp_path / "README.md").write_text("not a profile", encoding="utf-8")
    (tmp_path / "broken.toml").write_text("id = ", encoding="utf-8")
    with pytest.raises(ProfileError, match=r"broken.toml is not TOML: .*; correct it there"):
        read_profiles(tmp_path)


def test_two_files_cannot_share_an_id(tmp_path: Path) -> None:
    """The second file with an id is refused by its name."""
    text = resources.files("edge.profiles").joinpath("eig_shark_100.toml").read_text(encoding="utf-8")
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError, match=r"b.toml: id eig\.shark-100 is taken"):
        read_profiles(tmp_path)


def test_files_are_named_after_their_profile() -> None:
    """A file's name is its profile's id with underscores, so that a person finds it."""
    names = {entry.name for entry in resources.files("edge.profiles").iterdir() if entry.name.endswith(".toml")}
    assert names == {re.sub(r"[.-]", "_", profile_id) + ".toml" for profile_id in ALL}


def test_the_readme_lists_every_profile(profile: MeterProfile) -> None:
    """The page that explains the keys names every profile there is."""
    assert f"`{profile.id}`" in resources.files("edge.profiles").joinpath("README.md").read_text(encoding="utf-8")


def test_every_golden_means_what_its_source_says(profile: MeterProfile) -> None:
    """Words of a real meter decode to exactly the value printed by their source."""
    assert profile.goldens
    for golden in profile.goldens:
        shown = meter_value(profile.point(golden.point), golden.words, golden.scale_word)
        assert shown == golden.value, golden.source


def test_every_energy_golden_agrees_with_its_register(profile: MeterProfile) -> None:
    """The register made for the wire gives the same exact energy as the meter shows, but for the stated sign."""
    energies = {point.name for point in profile.energy_points}
    for golden in (golden for golden in profile.goldens if golden.point in energies):
        point = profile.point(golden.point)
        register = describe_register(point, obis="1-0:2.8.0", address=0, scale_word=golden.scale_word)
        count = meter_value(point, golden.words) / Fraction(point.scale)
        wh_per_unit = {"Wh": 1, "kWh": 1000}[point.unit]
        assert register.sign * count * Fraction(10) ** register.scale_exponent == (
            point.sign * Fraction(golden.value) * wh_per_unit
        )


def test_every_energy_point_can_be_planned(profile: MeterProfile) -> None:
    """Each energy register is readable in one request, with its scale word in it or as a witness."""
    for point in profile.energy_points:
        plan = plan_reads(profile, generated=point.name, consumed=None, location=LOCATION)
        assert len(plan.energy_spans) == 1
        assert plan.energy_spans[0].count <= profile.words_max
        assert len(plan.witness_spans) <= 1


def test_every_profile_tells_meters_apart(profile: MeterProfile) -> None:
    """Each map has an identity check and a serial number, and says where its facts are from."""
    assert profile.identity
    assert any(point.role == "serial" for point in profile.points)
    assert all(source.startswith("https://") for source in profile.sources)
