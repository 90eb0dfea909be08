"""Every rule about a profile file, tried on every profile file; and the pages that speak of them."""

from __future__ import annotations

import re
import struct
import tomllib
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge.metering.decode import describe_register, meter_value, raw_count
from edge.metering.errors import ProfileError
from edge.metering.identify import identity_spans
from edge.metering.read_plan import plan_reads
from edge.profiles import load_profile, profile_ids, read_profiles
from protocol.counts import read_value
from simulators.scale import read_scale
from simulators.words import encode_float, encode_integer, is_float

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.metering.profile import Golden, MeterProfile, Point

ALL = profile_ids()
FOLDER = resources.files("edge.profiles")
README = FOLDER.joinpath("README.md").read_text(encoding="utf-8")
WALKTHROUGH = Path(__file__).parents[2] / "docs" / "add_a_meter.md"
LOCATION = {1: 40002} | dict.fromkeys(range(201, 215), 40070)
"""Where a SunSpec meter could have its models; ignored by maps of absolute addresses."""
FLOAT_FORMATS = {"f32": ">f", "f64": ">d"}


def file_name(profile_id: str) -> str:
    """Return what the file of a profile is called."""
    return re.sub(r"[.-]", "_", profile_id) + ".toml"


def file_text(profile_id: str) -> str:
    """Return the text of a profile's file."""
    return FOLDER.joinpath(file_name(profile_id)).read_text(encoding="utf-8")


@pytest.fixture(params=ALL)
def profile(request: pytest.FixtureRequest) -> MeterProfile:
    """Return each profile in turn."""
    assert isinstance(request.param, str)
    return load_profile(request.param)


def test_an_unknown_id_is_refused_with_those_like_it() -> None:
    """Whoever mistypes a profile id reads the ids that are like it, and how to see all."""
    with pytest.raises(ProfileError, match=r"'eig.shark-1000'; did you mean eig\.shark-100 .*`meter-edge profiles`"):
        load_profile("eig.shark-1000")
    for unlike in ("toaster", "eig_shark.100", "/etc/hosts"):
        with pytest.raises(ProfileError, match=r"no meter profile '.*`meter-edge profiles` lists them all"):
            load_profile(unlike)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """A file that is not TOML is refused by its name."""
    (tmp_path / "README.md").write_text("not a profile", encoding="utf-8")
    (tmp_path / "broken.toml").write_text("id = ", encoding="utf-8")
    with pytest.raises(ProfileError, match=r"broken.toml is not TOML: .*; correct it there"):
        read_profiles(tmp_path)


def test_two_files_cannot_share_an_id(tmp_path: Path) -> None:
    """The second file with an id is refused by its name."""
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text(file_text("eig.shark-100"), encoding="utf-8")
    with pytest.raises(ProfileError, match=r"b.toml: id eig\.shark-100 is taken"):
        read_profiles(tmp_path)


def test_files_are_named_after_their_profile() -> None:
    """A file's name is its profile's id with underscores, so that a person finds it."""
    names = {entry.name for entry in FOLDER.iterdir() if entry.name.endswith(".toml")}
    assert names == {file_name(profile_id) for profile_id in ALL}


def test_the_readme_has_exactly_the_table_of_the_files() -> None:
    """Maker, models, transports and confidence on the page are those in the files, one line each, in order."""
    rows = re.findall(r"^\| `[a-z0-9.-]+` \|.*$", README.split("### What is left out")[0], re.MULTILINE)
    assert rows == [
        f"| `{p.id}` | {p.vendor} | {escape(', '.join(p.models))} | {', '.join(p.modes)} | {p.confidence} |"
        for p in map(load_profile, ALL)
    ]


def escape(text: str) -> str:
    """Return text as Markdown shows it, stars and all."""
    return text.replace("*", r"\*")


def keys_of(value: object) -> Iterator[str]:
    """Yield every key of a TOML document, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def test_the_readme_explains_every_key(profile: MeterProfile) -> None:
    """No file uses a key that the page beside it does not name."""
    named = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", README))))
    assert set(keys_of(tomllib.loads(file_text(profile.id)))) <= named


def test_the_walkthrough_shows_a_real_file() -> None:
    """Each excerpt of the page that walks through a meter stands in that meter's file as it is shown."""
    page = WALKTHROUGH.read_text(encoding="utf-8")
    shown = re.findall(r"```toml\n(.*?)\n```", page, re.DOTALL)
    assert len(shown) == 4
    assert all(excerpt in file_text("sbc.ale3") for excerpt in shown)


def test_a_file_begins_with_what_was_read_and_ends_in_order(profile: MeterProfile) -> None:
    """A heading in words comes first; points stand in the order of their addresses, map by map."""
    assert re.match(r"# \w.{40,}\n", file_text(profile.id))
    for relative_to in {point.relative_to for point in profile.points}:
        addresses = [point.address for point in profile.points if point.relative_to == relative_to]
        assert addresses == sorted(addresses)


def test_no_line_is_longer_than_a_screen(profile: MeterProfile) -> None:
    """Only what cannot be broken, a name, a claim or a source, is longer than 120 characters."""
    lines = [line for line in file_text(profile.id).splitlines() if not re.match(r"(url|what|source|models) = ", line)]
    assert max(map(len, lines)) <= 120


def test_every_profile_says_where_its_facts_are_from(profile: MeterProfile) -> None:
    """There is a source with an address that a person can open, and words of our own for what was in it."""
    assert all(re.match(r"https://\S+ \(.{15,}\)$", source) for source in profile.sources)


def test_no_profile_is_inferred_and_what_is_sure_is_proven(profile: MeterProfile) -> None:
    """H has a golden of an energy above zero; M without a golden says so in its heading; L does not exist."""
    energies = {point.name for point in profile.energy_points}
    if profile.confidence == "H":
        assert any(golden.point in energies and any(golden.words) for golden in profile.goldens)
    else:
        assert profile.confidence == "M"
        heading = re.sub(r"\s+", " ", file_text(profile.id).split("\nschema")[0].replace("#", ""))
        assert profile.goldens or re.search(r"[Nn]o golden", heading)


def all_goldens() -> list[tuple[str, Golden]]:
    """Return every golden of every profile, with the profile's id."""
    return [(profile_id, golden) for profile_id in ALL for golden in load_profile(profile_id).goldens]


def golden_name(value: object) -> str:
    """Return how a golden is called among the tests."""
    return value if isinstance(value, str) else getattr(value, "point", "")


@pytest.mark.parametrize(("profile_id", "golden"), all_goldens(), ids=golden_name)
def test_every_golden_decodes_to_what_its_source_says(profile_id: str, golden: Golden) -> None:
    """Words of a real meter decode to the value that their source prints; a float to the one nearest to it."""
    point = load_profile(profile_id).point(golden.point)
    shown = meter_value(point, golden.words, golden.scale_word)
    printed = Fraction(golden.value)
    if point.type in FLOAT_FORMATS:
        assert nearest(point, Fraction(shown)) == nearest(point, printed)
    else:
        assert Fraction(shown) == printed


def nearest(point: Point, value: Fraction) -> bytes:
    """Return the float nearest to a value of a point, in the meter's own unit."""
    return struct.pack(FLOAT_FORMATS[point.type], float(value / Fraction(point.scale)))


@pytest.mark.parametrize(("profile_id", "golden"), all_goldens(), ids=golden_name)
def test_every_golden_is_what_the_simulators_would_send(profile_id: str, golden: Golden) -> None:
    """The simulators, which share no code with the decoder, turn the value that a source prints into the same words."""
    point = load_profile(profile_id).point(golden.point)
    scale = Fraction(point.scale)
    if point.scale_source is not None:
        assert golden.scale_word is not None
        scale *= Fraction(10) ** read_scale(point.scale_source.kind, golden.scale_word)[0]
    count = Fraction(golden.value) / scale
    if is_float(point.type):
        assert encode_float(count, point) == golden.words
    else:
        assert count.denominator == 1
        assert encode_integer(int(count), point) == golden.words


def energy_goldens() -> list[tuple[str, Golden]]:
    """Return the goldens of energy registers."""
    return [(id_, g) for id_, g in all_goldens() if load_profile(id_).point(g.point).quantity == "active_energy"]


@pytest.mark.parametrize(("profile_id", "golden"), energy_goldens(), ids=golden_name)
def test_every_golden_survives_the_wire(profile_id: str, golden: Golden) -> None:
    """The hub, which knows only descriptor and raw count, finds the same energy, but for the stated sign."""
    point = load_profile(profile_id).point(golden.point)
    register = describe_register(point, obis="1-0:2.8.0", address=0, scale_word=golden.scale_word)
    found = read_value(raw_count(golden.words, point.word_order, point.byte_order), register, (1, 1))
    wh = (
        Fraction(meter_value(point, golden.words, golden.scale_word)) * {"Wh": 1, "kWh": 1000, "MWh": 10**6}[point.unit]
    )
    assert found == point.sign * wh


def test_every_energy_says_all_that_a_month_needs(profile: MeterProfile) -> None:
    """Unit, direction, rollover and whether it may fall are stated for each energy register, and one of them grows."""
    document = tomllib.loads(file_text(profile.id))
    energies = [point for point in document["point"] if point["quantity"] == "active_energy"]
    for point in energies:
        assert {"unit", "direction", "monotonic", "resettable"} <= point.keys()
        assert "modulus" in point or point["scale_source"]["kind"] == "shark-format"
        assert point["monotonic"] == (point["direction"] != "net")
    assert len({point["name"] for point in energies}) == len(energies)


def test_every_energy_is_read_whole_with_its_scale(profile: MeterProfile) -> None:
    """Each register fits one request, with its scale word in it or as a witness around it."""
    for point in profile.energy_points:
        plan = plan_reads(profile, generated=point.name, consumed=None, location=LOCATION)
        assert len(plan.energy_spans) == 1
        assert plan.energy_spans[0].count <= profile.words_max
        assert len(plan.witness_spans) <= (point.scale_source is not None)


def test_no_request_goes_beyond_what_the_meter_allows(profile: MeterProfile) -> None:
    """Whatever identifies a meter is read in requests that keep to its length and cross none of its barriers."""
    for span in identity_spans(profile, LOCATION):
        assert span.count <= profile.words_max
        assert not any(span.address < barrier < span.address + span.count for barrier in profile.barriers)


def test_every_meter_can_be_told_from_another(profile: MeterProfile) -> None:
    """A map has checks, or says that only the label tells; in both cases it has one power at most to see the sun by."""
    assert bool(profile.identity or profile.questions) != profile.is_label_only
    assert sum(point.quantity == "active_power" for point in profile.points) <= 1
    assert all(check.contains or check.allowed for check in profile.identity)


def test_a_block_that_must_be_read_whole_is(profile: MeterProfile) -> None:
    """Siemens refuses a part of its identification block: all 27 words of it are asked for at once."""
    if profile.id == "siemens.sentron-pac":
        assert (3, 64001, 27) in {
            (span.function_code, span.address, span.count) for span in identity_spans(profile, LOCATION)
        }
