"""The configuration file: what is accepted, and the one sentence that each mistake gets."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge.config import ConfigError, advise, change_config, load_config
from edge.config.agent import _parse_config
from edge.profiles import load_profile
from edge.settings import AsciiLine, BrokerSettings, PostSettings, RtuLine, RtuTcpEndpoint, TcpEndpoint

if TYPE_CHECKING:
    from edge.settings import BusSettings

EXAMPLE = Path(__file__).parents[2] / "deploy" / "meter-edge.example.toml"
GOOD = """\
[device]
state_dir = "state"

[hub]
broker = "mqtt://broker.example:1884"
receipt_key = "hub.pem"

[[bus]]
name = "line"
kind = "rtu"
port = "/dev/serial/by-id/usb-adapter"

[[bus]]
name = "lan"
kind = "tcp"
host = "192.0.2.7"

[[meter]]
number = 1
name = "north"
bus = "line"
unit = 1
profile = "ccs.wattnode-modbus"
generated = "energy_in_nr"

[[meter]]
number = 2
name = "south"
bus = "lan"
profile = "sunspec.meter-203"
generated = "energy_export"
serial = "A1"
"""

_PULSE = """\
[[pulse]]
number = 3
name = "mill"
line = 17
start_kwh = "1"
wh_per_pulse = "1"
make = "m"
model = "m"
serial = "1"
"""
WAYS = {
    "device": ('[device]\nstate_dir = "state"',),
    "hub": (
        '[hub]\nreceipt_key = "hub.pem"\nbroker = "mqtt://broker.example"',
        '[hub]\nreceipt_key = "hub.pem"\npost = "http://hub.example"',
    ),
    "bus": (
        '[[bus]]\nname = "line"\nkind = "rtu"\nport = "/dev/ttyUSB0"',
        '[[bus]]\nname = "line"\nkind = "tcp"\nhost = "192.0.2.7"',
    ),
    "meter": (GOOD[GOOD.index("[[meter]]") : GOOD.rindex("[[meter]]")],),
    "pulse": (_PULSE, f"{_PULSE}z_line = 18\n"),
}
"""Every kind of every section, each with what it must have."""

TWIN = """\
generated = "energy_in_nr"
serial = "A1"
[[meter]]
number = 9
name = "twin"
bus = "line"
unit = 9
profile = "ccs.wattnode-modbus"
generated = "energy_in_nr"
serial = "A1"
"""


def write(folder: Path, text: str) -> Path:
    """Write a configuration and return its path."""
    path = folder / "edge.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_site_without_a_broker_posts_to_its_hub(tmp_path: Path) -> None:
    """`post` instead of `broker` names the hub itself, by TLS unless told otherwise, on the usual port."""
    secure = GOOD.replace('broker = "mqtt://broker.example:1884"', 'post = "https://hub.example"\nrefresh_seconds = 60')
    assert load_config(write(tmp_path, secure)).uplink == PostSettings(
        host="hub.example", port=443, tls=True, refresh_seconds=60
    )
    plain = GOOD.replace('broker = "mqtt://broker.example:1884"', 'post = "http://127.0.0.1:8080"')
    assert load_config(write(tmp_path, plain)).uplink == PostSettings(host="127.0.0.1", port=8080, tls=False)


def test_good_configuration_with_defaults(tmp_path: Path) -> None:
    """A short file is enough: paths are taken from its folder and everything else has a stated default."""
    config = load_config(write(tmp_path, GOOD))
    assert config.state_dir == tmp_path / "state"
    assert config.hub_key == tmp_path / "hub.pem"
    assert (config.uplink.host, config.uplink.port, config.uplink.tls) == ("broker.example", 1884, False)
    assert (config.interval_seconds, config.seal_seconds, config.retention_days) == (900, 3600, 400)
    assert isinstance(config.buses[0], RtuLine)
    assert config.buses[0].baud == 19_200
    assert isinstance(config.buses[1], TcpEndpoint)
    assert config.buses[1].port == 502
    assert [(meter.index, meter.unit, meter.serial) for meter in config.meters] == [(1, 1, None), (2, 1, "A1")]


@pytest.mark.parametrize(
    ("written", "power_w_max"), [("12", 12_000), ("7.68", 7680), ('"0.001"', 1), ("1e6", 10**9), ('"7.6"', 7600)]
)
def test_the_greatest_power_is_taken_exactly(tmp_path: Path, written: str, power_w_max: int) -> None:
    """Kilowatts bare or in quotes become whole watts; a meter has none unless it is given."""
    stated = load_config(write(tmp_path, GOOD.replace("unit = 1", f"unit = 1\npower_kw_max = {written}")))
    assert [meter.power_w_max for meter in stated.meters] == [power_w_max, None]
    assert [meter.identify_every_polls for meter in stated.meters] == [4, 4]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('state_dir = "state"', 'state_dir = "state"\nstatedir = 1', ("[device], line 1", "'statedir'")),
        ('kind = "tcp"', 'kind = "tcp"\nbaud = 9600', ("[[bus]], line 13", "'baud'", "known keys here", "host")),
        ("unit = 1", "unit = 1\npower_kw_max = 0", ("power_kw_max", "above 0 and at most 1000000")),
        ("unit = 1", "unit = 1\npower_kw_max = 1.0001", ("power_kw_max", "three decimals")),
        ("unit = 1", 'unit = 1\npower_kw_max = "many"', ("power_kw_max", "must be a number")),
        ("unit = 1", 'unit = 1\npower_kw_max = "1/0"', ("power_kw_max", "must be a number")),
        ("unit = 1", "unit = 1\nidentify_every_polls = 0", ("identify_every_polls", "from 1 to 10000")),
        ("number = 2", "number = 2\nunti = 3", ("[[meter]], line 26", "'unti'")),
        ("[hub]", "[hug]", ("[hug], line 4", "unknown key 'hug'")),
        ('"ccs.wattnode-modbus"', '"ccs.watnode"', ("line 18", "ccs.watnode", "did you mean ccs.wattnode-modbus?")),
        ('host = "192.0.2.7"', 'host = "192.0.2.7"\nport = 70000', ("line 13", "port = 70000", "65535")),
        ('port = "/dev/serial/by-id/usb-adapter"', "port = 4", ("line 8", "port = 4", "text in quotes")),
        ("mqtt://broker.example:1884", "mqtt://broker.example:99999", ("[hub]", "wrong host or port", "1 to 65535")),
        ("mqtt://broker.example:1884", "http://broker.example", ("broker", "mqtt://host:1883")),
        ("mqtt://broker.example:1884", "mqtt://me:secret@broker.example", ("broker", "no more than")),
        ("mqtt://broker.example:1884", "mqtt://broker.example:0", ("broker", "no more than")),
        ("mqtt://broker.example:1884", "mqtt://a..b", ("broker", "wrong host")),
        ("mqtt://broker.example:1884", "mqtt://[::1", ("broker", "wrong host")),
        ('"hub.pem"', '"hub.pem"\ntls_ca = "ca.pem"', ("tls_ca = 'ca.pem'", "mqtts://")),
        ('mqtt://broker.example:1884"', 'mqtts://broker.example"\ntls_ca = "ca.pem"', ("tls_ca", "not a file")),
        ('broker = "mqtt://broker.example:1884"', 'post = "mqtt://hub.example"', ("post", "https://host:443")),
        ('broker = "mqtt://', 'post = "https://hub.example"\nbroker = "mqtt://', ("post", "one of them")),
        (
            'kind = "tcp"\nhost = "192.0.2.7"',
            'kind = "rtu"\nport = "/dev/serial/by-id/usb-adapter"',
            ("'line' and 'lan' are the same port",),
        ),
        ('generated = "energy_in_nr"', TWIN, ("'north'", "'twin'", "serial 'A1'")),
        (
            'bus = "lan"\nprofile = "sunspec.meter-203"\ngenerated = "energy_export"',
            'bus = "line"\nprofile = "ccs.wattnode-modbus"\ngenerated = "energy_in_nr"',
            ("'north'", "'south'", "both have unit 1", "'line'", "another unit"),
        ),
        ("number = 2", "number = 1", ("'north'", "'south'", "both have number 1")),
        ('bus = "lan"', 'bus = "wan"', ("names no [[bus]]", "line, lan")),
        ('"energy_in_nr"', '"energy_in"', ("generated", "no energy register", "energy_in_nr")),
        ('state_dir = "state"', "", ("state_dir is missing",)),
        ("unit = 1", "unit = 300", ("unit = 300", "1 to 247")),
        ("unit = 1", "unit = true", ("unit = True", "whole number")),
        (
            'state_dir = "state"',
            'state_dir = "state"\ninterval_seconds = 7',
            ("interval_seconds = 7", "divide an hour"),
        ),
        ('state_dir = "state"', 'state_dir = "state"\nseal_seconds = 1000', ("seal_seconds = 1000", "multiple")),
        ('name = "lan"', 'name = "line"', ("two buses are called 'line'",)),
        ('kind = "tcp"', 'kind = "udp"', ("kind = 'udp'", "rtu, ascii, tcp, rtu-tcp")),
        (
            'name = "line"',
            'name = "line"\nformat = "7E1"',
            ("line 8", "format = '7E1'", "RTU frames need eight", 'kind = "ascii"'),
        ),
        ('kind = "tcp"', 'kind = "rtu-tcp"\nbaud = 9600', ("unknown key 'baud'",)),
        ("[[meter]]", "[meter]", ("not a readable TOML file", "two brackets on either side, such as [[meter]]")),
        ("[[meter]]\nnumber = 1", "[[meter]\nnumber = 1", ("not a readable TOML file", "line 18")),
    ],
)
def test_each_mistake_is_named_with_its_place_and_remedy(
    tmp_path: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    """A mistake ends in one sentence that names the file, the section's line, the key and what to do."""
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as raised:
        load_config(path)
    text = str(raised.value)
    assert str(path) in text
    assert "\n" not in text
    for word in words:
        assert word in text


def test_no_meter_and_no_file_are_named(tmp_path: Path) -> None:
    """An empty configuration and a missing one say what to add, and where."""
    with pytest.raises(ConfigError, match=r"no meter in it; add at least one section \[\[meter\]\]"):
        load_config(write(tmp_path, GOOD.split("[[bus]]", maxsplit=1)[0]))
    with pytest.raises(ConfigError, match=r"there is no configuration at .*nowhere\.toml"):
        load_config(tmp_path / "nowhere.toml")


def test_a_file_of_another_user_says_whom_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's configuration is not everybody's to read; whoever may not is told as whom to ask."""
    path = write(tmp_path, GOOD)

    def refuse(self: Path, encoding: str) -> str:
        raise PermissionError(13, encoding, str(self))

    monkeypatch.setattr(type(path), "read_text", refuse)
    with pytest.raises(ConfigError, match=r"edge\.toml may not be read by this user: .*sudo -u meter-edge"):
        load_config(path)


def test_changes_are_judged_like_the_file(tmp_path: Path) -> None:
    """What the hub changes takes the place of what the file says, by the same rules, without reading the file again."""
    file = load_config(write(tmp_path, GOOD))
    assert (file.changes, file.command_key) == ({}, None)
    file.path.unlink()
    changed = change_config(file, {"interval_seconds": 300, "keep_alive_seconds": 1200, "resend_seconds": 60})
    assert (changed.interval_seconds, changed.seal_seconds, changed.resend_seconds) == (300, 3600, 60)
    assert changed.changes == {"interval_seconds": 300, "keep_alive_seconds": 1200, "resend_seconds": 60}
    assert isinstance(changed.uplink, BrokerSettings)
    assert changed.uplink.keep_alive_seconds == 1200
    assert change_config(changed, {}) == file
    for changes, words in (
        ({"interval_seconds": 7}, r"section \[device\], line 1: interval_seconds = 7 must divide an hour"),
        ({"retention_days": 0}, "whole number from 1 to 36500"),
        ({"interval_seconds": 1800, "seal_seconds": 900}, "seal_seconds = 900"),
        ({"baud": 9600}, "'baud' cannot be changed by command; what can: interval_seconds, seal_seconds"),
    ):
        with pytest.raises(ConfigError, match=words):
            change_config(file, changes)


def test_the_command_key_is_a_file_beside_the_configuration(tmp_path: Path) -> None:
    """The hub's command key is named like its receipt key, and may be left out."""
    text = GOOD.replace('receipt_key = "hub.pem"', 'receipt_key = "hub.pem"\ncommand_key = "command.pem"')
    assert load_config(write(tmp_path, text)).command_key == tmp_path / "command.pem"


KINDS = [
    ('kind = "ascii"\nport = "/dev/ttyS0"', AsciiLine(name="line", port="/dev/ttyS0", format="7E1")),
    (
        'kind = "ascii"\nport = "/dev/ttyS0"\nformat = "8N1"\nlocal_echo = true',
        AsciiLine(name="line", port="/dev/ttyS0", format="8N1", local_echo=True),
    ),
    (
        'kind = "rtu-tcp"\nhost = "192.0.2.9"\nport = 4001\ntimeout_seconds = 2',
        RtuTcpEndpoint(name="line", host="192.0.2.9", port=4001, timeout_seconds=2.0),
    ),
]


@pytest.mark.parametrize(("section", "bus"), KINDS)
def test_each_kind_of_bus_has_its_own_settings(tmp_path: Path, section: str, bus: BusSettings) -> None:
    """ASCII lines have seven data bits unless the file says otherwise; a serial server is a host and a port."""
    text = GOOD.replace('kind = "rtu"\nport = "/dev/serial/by-id/usb-adapter"', section, 1)
    assert load_config(write(tmp_path, text)).buses[0] == bus


def test_a_unit_behind_a_serial_server_is_one_of_a_line(tmp_path: Path) -> None:
    """Only a Modbus TCP server can have unit 0 or 255 itself; on the line behind a serial server they do not exist."""
    text = GOOD.replace('kind = "tcp"', 'kind = "rtu-tcp"').replace("number = 2", "number = 2\nunit = 255")
    with pytest.raises(ConfigError, match="unit = 255 must be a whole number from 1 to 247"):
        load_config(write(tmp_path, text))


def test_an_adapter_named_by_its_number_is_advised_to_be_named_by_its_link(tmp_path: Path) -> None:
    """The link is named where there is one; ports that stay the same get no advice."""
    (tmp_path / "by-id").mkdir()
    buses: list[BusSettings] = [
        RtuLine(name="roof", port="/dev/ttyUSB987"),
        AsciiLine(name="barn", port="/dev/ttyACM0"),
        RtuLine(name="board", port="/dev/ttyAMA0"),
        RtuLine(name="good", port="/dev/serial/by-id/usb-adapter"),
        TcpEndpoint(name="lan", host="192.0.2.7"),
    ]
    for by_id in (tmp_path / "by-id", tmp_path / "nowhere"):
        first, second = advise(buses, by_id)
        assert first == (
            "bus 'roof': /dev/ttyUSB987 may be another adapter after a restart or on another plug;"
            f" name it by its link in {by_id}"
        )
        assert "'barn'" in second
    (tmp_path / "by-id" / "usb-other").symlink_to("/dev/ttyUSB987")
    assert advise(buses[:1], tmp_path / "by-id")[0].endswith(f'write port = "{tmp_path}/by-id/usb-other"')


def test_a_meter_that_cannot_say_who_it_is_needs_its_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the map has no serial number the configuration must have it, and is believed."""
    whole = load_profile("ccs.wattnode-modbus")
    mute = replace(whole, points=whole.energy_points)
    profiles = {whole.id: mute, "sunspec.meter-203": load_profile("sunspec.meter-203")}
    monkeypatch.setattr("edge.config.meters.load_profile", profiles.__getitem__)
    with pytest.raises(ConfigError) as refusal:
        load_config(write(tmp_path, GOOD))
    assert "profile = 'ccs.wattnode-modbus' is of meters that tell no serial number; add serial" in str(refusal.value)
    labelled = GOOD.replace('generated = "energy_in_nr"', 'generated = "energy_in_nr"\nserial = "L-4711"')
    assert load_config(write(tmp_path, labelled)).meters[0].serial == "L-4711"


def test_the_second_copy_and_health_have_their_places(tmp_path: Path) -> None:
    """Unless told otherwise the copy is beside the journal and the meters are asked each minute; both can be set."""
    (tmp_path / "edge.toml").write_text(GOOD, encoding="utf-8")
    config = load_config(tmp_path / "edge.toml")
    assert (config.month_copy, config.health_seconds) == (tmp_path / "state" / "month-edges.log", 60)
    told = 'state_dir = "state"\nmonth_copy = "/media/stick/edges.log"\nhealth_seconds = 0'
    (tmp_path / "edge.toml").write_text(GOOD.replace('state_dir = "state"', told), encoding="utf-8")
    config = load_config(tmp_path / "edge.toml")
    assert (str(config.month_copy), config.health_seconds) == ("/media/stick/edges.log", 0)


def keys_known(section: str) -> set[str]:
    """Return the keys that the reader knows in a section, of every kind of it, as its own refusal lists them."""
    keys: set[str] = set()
    for way in WAYS[section]:
        text = "\n".join({**{name: ways[0] for name, ways in WAYS.items()}, section: f"{way}\nno_key = 1\n"}.values())
        with pytest.raises(ConfigError, match="unknown key 'no_key'") as raised:
            _parse_config(Path("edge.toml"), text, {})
        keys |= set(str(raised.value).rpartition("known keys here: ")[2].split(", "))
    return keys


def test_the_example_explains_every_key() -> None:
    """Each key that the reader knows stands in the example with a comment, and none that it does not know."""
    shown: dict[str, set[str]] = {}
    explained: dict[str, set[str]] = {}
    section = ""
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        if head := re.match(r"(?:# )?\[+([a-z]+)\]+$", line):
            section = head[1]
        elif key := re.match(r"(?:# )?([a-z_]+) = [^#]+?( # .*)?$", line):
            shown.setdefault(section, set()).add(key[1])
            if key[2]:
                explained.setdefault(section, set()).add(key[1])
    assert shown == explained == {section: keys_known(section) for section in WAYS}
