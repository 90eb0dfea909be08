"""`meter-edge profiles`: what an installer and an installer's tool are told about the known meter models."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from edge.cli import app
from edge.profiles import load_profile, profile_ids

WIDE = {"COLUMNS": "220"}


def meter_edge(*words: str) -> Result:
    """Return what a command of `meter-edge` printed on a wide terminal."""
    return CliRunner().invoke(app, ["profiles", *words], env=WIDE)


def test_every_profile_is_listed_with_its_confidence() -> None:
    """One line each, also on a narrow terminal: id, confidence, how many energies it reads, transports and models."""
    for width in ("80", "240"):
        shown = CliRunner().invoke(app, ["profiles"], env={**WIDE, "COLUMNS": width}).stdout.splitlines()
        for profile_id in profile_ids():
            profile = load_profile(profile_id)
            (line,) = [line for line in shown if line.startswith(f"{profile_id} ")]
            assert line.split()[1:3] == [profile.confidence, str(len(profile.energy_points))]
            assert ", ".join(profile.modes) in line
            assert profile.models[0][:8] in line
        assert len(shown) == len(profile_ids()) + 2


def test_one_profile_is_shown_with_all_its_points() -> None:
    """Who installs a meter sees each register, what a count of it is worth, its sources, and how the meter is known."""
    shown = meter_edge("accuenergy.acurev-1310").stdout
    profile = load_profile("accuenergy.acurev-1310")
    assert all(point.name in shown for point in profile.points)
    assert all(source in shown.replace("\n", "") for source in profile.sources)
    assert "model 203 + 38" in shown
    assert "1 Wh x power-of-ten at 54" in shown
    assert "known by its words; serial number on the wire" in shown
    label_only = meter_edge("accuenergy.acuvim-l").stdout
    assert "known by its label only; serial number on the label only" in label_only
    assert "0.1 kWh" in label_only
    assert "cleared" in label_only
    assert "known by function 17" in meter_edge("dent.powerscout").stdout


@pytest.mark.parametrize("profile_id", profile_ids())
def test_a_narrow_terminal_cuts_no_name_short(profile_id: str) -> None:
    """Each name that a configuration may quote can be copied from a terminal of 80 columns."""
    shown = CliRunner().invoke(app, ["profiles", profile_id], env={**WIDE, "COLUMNS": "80"}).stdout
    assert "…" not in shown
    assert all(f"{point.name} " in shown for point in load_profile(profile_id).energy_points)


def test_a_register_says_where_it_begins_again() -> None:
    """A power of two or ten is shown as one."""
    assert "2^32" in meter_edge("accuenergy.acurev-1310").stdout
    assert "10^" in meter_edge("ccs.wattnode-modbus").stdout


def test_a_tool_can_offer_profiles_and_name_their_registers() -> None:
    """The list in JSON is that of the single profiles, each with what is needed to choose one and its registers."""
    everything = json.loads(meter_edge("--json").stdout)
    assert [profile["id"] for profile in everything] == list(profile_ids())
    shark = json.loads(meter_edge("eig.shark-100", "--json").stdout)
    assert shark in everything
    assert (shark["vendor"], shark["confidence"], shark["tells_serial"]) == ("Electro Industries/GaugeTech", "H", True)
    assert shark["known_by"] == "its words"
    assert shark["sources"][0].startswith("https://")
    assert shark["energy"][0] == {
        "name": "energy_received", "direction": "received", "unit": "Wh", "scale": "1", "scale_source": "shark-format",
        "type": "i32", "monotonic": True, "resettable": True,
    }  # fmt: skip


@pytest.mark.parametrize("profile_id", profile_ids())
def test_every_profile_can_be_shown_both_ways(profile_id: str) -> None:
    """No map is too strange for the page or the JSON."""
    assert profile_id in meter_edge(profile_id).stdout
    assert json.loads(meter_edge(profile_id, "--json").stdout)["id"] == profile_id


def test_a_mistyped_id_is_refused_with_those_like_it() -> None:
    """The refusal is exit code 2 and names what was probably meant."""
    refusal = meter_edge("eastron.sdm12")
    assert refusal.exit_code == 2
    assert "did you mean eastron.sdm120" in refusal.output
