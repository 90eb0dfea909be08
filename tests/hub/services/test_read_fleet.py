"""The fleet as the operator sees it: what wants a decision, and commands that do what they say."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hub.services.accept_blocks import accept_blocks
from hub.services.name_commands import meter_command
from hub.services.read_fleet import Fleet, read_fleet, read_systems
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from tests.hub.conftest import SYSTEM
from tests.hub.making import GENERATED, JULY_AT, NOW, TERMS, MadeDevice, make_meter, make_readings

if TYPE_CHECKING:
    from hub.store.database import Database
    from protocol.messages import Register


def _fleet(database: Database) -> Fleet:
    with database.read() as connection:
        return read_fleet(connection, NOW)


def _read(database: Database, serial: str, register: Register = GENERATED, counts: tuple[int, ...] = (5, 9)) -> None:
    device, meter = MadeDevice(), make_meter(serial=serial, register=register)
    device.seal(meter, make_readings(meter, list(counts), JULY_AT))
    accept_blocks(database, device.arrivals(), TERMS, NOW)


@pytest.mark.parametrize("serial", ["X-5", "  X-5 ", "it's 5", "$(x) `y`", "-5"])
def test_the_command_for_an_unregistered_meter_registers_it(registered: Database, serial: str) -> None:
    """Filled in and run as it stands it claims the meter that was read, whatever its serial number looks like."""
    _read(registered, serial)
    (view,) = (view for view in _fleet(registered).meters if view.meter is None)
    words = shlex.split(meter_command(Path("/data"), view))
    device, given = words[words.index("--device") + 1], words[words.index("--serial") + 1]
    register_meter(registered, MeterRequest(SYSTEM, device, given), NOW)
    (view,) = (view for view in _fleet(registered).meters if view.serial == serial.strip())
    assert view.meter is not None
    assert view.last is not None
    assert view.last.register_wh == 9


@pytest.mark.parametrize("serial", ["", "   "])
def test_a_meter_without_serial_number_gets_no_command_that_cannot_work(registered: Database, serial: str) -> None:
    """What is shown in its place runs as nothing, and says what to do."""
    _read(registered, serial)
    (view,) = (view for view in _fleet(registered).meters if view.meter is None)
    text = meter_command(Path("/data"), view)
    assert shlex.split(text, comments=True) == []
    assert "serial number" in text


@pytest.mark.parametrize(
    ("register", "counts", "found"),
    [
        (replace(GENERATED, unit="kWh"), (5, 9), ["2 readings are kept but not counted: its unit 'kWh' "]),
        (
            replace(GENERATED, width_bits=64, rollover_counts=1 << 64),
            (5, 1 << 63),
            ["1 reading is kept but not counted: the register's content is no number of Wh "],
        ),
        (replace(GENERATED, obis="1-0:16.7.0", unit="W"), (5, 9), []),
        (GENERATED, (5, 9), []),
    ],
)
def test_readings_that_are_no_energy_are_named(
    registered: Database, register: Register, counts: tuple[int, ...], found: list[str]
) -> None:
    """A meter whose readings cannot be converted does not look unread; a register of something else is no finding."""
    _read(registered, "WN-1001", register, counts)
    findings = [finding for finding in _fleet(registered).findings if finding.code == "reading_unconverted"]
    assert [finding.text[: len(start)] for finding, start in zip(findings, found, strict=True)] == found
    assert all("WN-1001" in finding.subject for finding in findings)


def test_systems_come_in_pages_with_their_meters(registered: Database) -> None:
    """Those after one, of all or of some, each with its own meters and not with those of a neighbour; or none."""
    for name in ("B", "C", "D"):
        register_system(registered, name, name, "5", NOW)
    for name in ("B", "D"):
        register_meter(registered, MeterRequest(name, "", f"PV-{name}"), NOW)
    with registered.read() as connection:

        def page(**asked: Any) -> list[tuple[str, list[str]]]:  # noqa: ANN401 - as the page is asked for
            found = read_systems(connection, **asked)
            return [(system.pts_id, [meter.serial for meter in meters]) for system, meters in found]

        assert page() == [("B", ["PV-B"]), ("C", []), ("D", ["PV-D"]), (SYSTEM, ["WN-1001"])]
        assert page(limit=2) == [("B", ["PV-B"]), ("C", [])]
        assert page(after="B", limit=2) == [("C", []), ("D", ["PV-D"])]
        assert page(only={SYSTEM, "B", "D"}, after="B", limit=1) == [("D", ["PV-D"])]
        assert page(only={SYSTEM, "B"}) == [("B", ["PV-B"]), (SYSTEM, ["WN-1001"])]
        assert page(only=()) == page(after=SYSTEM) == []
