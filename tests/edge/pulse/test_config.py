"""The [[pulse]] sections of a configuration, and the one sentence that each mistake in them gets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from edge.cli.main import app
from edge.config import ConfigError, load_config
from edge.keys import ensure_signing_key, public_pem
from tests.edge.pulse.making import OLD_METER

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
[device]
state_dir = "state"

[hub]
broker = "mqtt://broker.example:1884"
receipt_key = "hub.pem"
"""
PULSE = """
[[pulse]]
number = 5
name = "Old meter"
line = 17
wh_per_pulse = "1.8"
start_kwh = "41877.2"
make = "Maker"
model = "Model"
serial = "4711"
"""
METER = """
[[bus]]
name = "lan"
kind = "tcp"
host = "192.0.2.7"

[[meter]]
number = 5
name = "south"
bus = "lan"
profile = "sunspec.meter-203"
generated = "energy_export"
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "edge.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_site_may_have_pulses_alone(tmp_path: Path) -> None:
    """A pulse output needs no bus and no profile; everything that the label does not say has a default."""
    config = load_config(_write(tmp_path, HEAD + PULSE))
    assert config.everything_read == config.pulses
    assert config.pulses == (OLD_METER,)


def test_two_contacts_are_counted_in_turn(tmp_path: Path) -> None:
    """With the second wire connected there is nothing to choose."""
    [meter] = load_config(_write(tmp_path, HEAD + PULSE + "z_line = 27\n")).pulses
    assert (meter.lines, meter.form) == ({"y": 17, "z": 27}, "alternate")
    [single] = load_config(_write(tmp_path, HEAD + PULSE + 'count = "changes"\n')).pulses
    assert single.form == "changes"


TWIN = PULSE.replace("number = 5", "number = 6").replace("Old meter", "twin")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (PULSE.replace('"1.8"', "1.8"), r"line 8: wh_per_pulse = 1.8 must be text in quotes"),
        (PULSE.replace('"1.8"', '"0"'), r"wh_per_pulse = '0' must be a number in quotes from 0.000001 to 1000000"),
        (PULSE.replace('"1.8"', '"1,8"'), r"wh_per_pulse = '1,8' must be a number in quotes"),
        (PULSE.replace('"1.8"', '"NaN"'), r"wh_per_pulse = 'NaN' must be a number in quotes"),
        (PULSE.replace('"1.8"', '"0.0000001"'), r"wh_per_pulse = '0.0000001' must be a number in quotes"),
        (PULSE.replace('"41877.2"', '"-1"'), r"start_kwh = '-1' must be a number in quotes from 0 to 1000000000"),
        (PULSE.replace('start_kwh = "41877.2"\n', ""), r"start_kwh is missing"),
        (PULSE.replace('serial = "4711"\n', ""), r"serial is missing; add serial = "),
        (PULSE.replace('"4711"', f'"{65 * "4"}"'), r"serial = '4{65}' must be at most 64 printable characters"),
        (PULSE.replace('"Model"', '"Mo\\ndel"'), r"model = 'Mo.*del' must be at most 64 printable characters"),
        (PULSE + "z_line = 17\n", r"z_line = 17 is the line of the other contact"),
        (PULSE + 'z_line = 18\ncount = "changes"\n', r"count = 'changes' has no effect with z_line"),
        (PULSE + 'count = "alternate"\n', r"count = 'alternate' must be one of closings, changes"),
        (PULSE + 'bias = "up"\n', r"bias = 'up' must be one of pull-up, pull-down, none"),
        (PULSE + "unit = 1\n", r"unknown key 'unit'"),
        (PULSE + PULSE, r"meters 'Old meter' and 'Old meter' both have number 5"),
        (PULSE + TWIN, r"meters 'Old meter' and 'twin' are both on line 17 of /dev/gpiochip0"),
        (PULSE + METER, r"meters 'south' and 'Old meter' both have number 5"),
        ("", r"there is no meter in it; add at least one section \[\[meter\]\], or \[\[pulse\]\]"),
        (PULSE.replace("[[pulse]]", "[pulse]"), r"pulse must be a list of sections \[\[pulse\]\], with two brackets"),
    ],
)
def test_each_mistake_has_its_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    """What cannot be used is refused with the place, the key and the remedy."""
    with pytest.raises(ConfigError, match=complaint):
        load_config(_write(tmp_path, HEAD + text))


def test_a_check_shows_what_is_counted(tmp_path: Path) -> None:
    """People and machines both see that the meter is counted by pulses, on which lines."""
    path = _write(tmp_path, HEAD + PULSE)
    key = ensure_signing_key(tmp_path / "key.pem")
    load_config(path).hub_key.write_bytes(public_pem(key))
    shown = CliRunner().invoke(app, ["check", "--config", str(path)])
    assert "1.8 Wh a pulse" in shown.stdout
    machine = json.loads(CliRunner().invoke(app, ["check", "--config", str(path), "--json"]).stdout)
    assert machine["meters"] == [
        {"number": 5, "name": "Old meter", "bus": "pulse", "chip": "/dev/gpiochip0", "lines": {"y": 17}}
    ]
