"""Both doors to MassCEC's tracking system against the counterpart, over real HTTP, in each of its moods."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from hub.config import ForwardSettings, Interface
from hub.errors import SettingsError
from hub.exchange.pts import Verdict
from hub.exchange.pts_doors import open_door
from hub.rules.forwarding import Forwarded
from hub.rules.instants import parse_instant
from simulators.masscec_pts import JSON_PATH, SOAP_PATH, Counterpart, CounterpartServer, Mood, Register

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub.exchange.pts import DoorAnswer, PtsDoor

ONE, TWO, STRANGER = "SLF-AB1234-00001", "SLF-AB1234-00002", "SLF-AB1234-99999"
AT = parse_instant("2024-02-01T05:00:00Z")
READINGS = (Forwarded(ONE, 1, 13_015_500, AT, 12_050), Forwarded(TWO, 2, 400_000, AT))
TIMEOUT_SECONDS = 1.0


@pytest.fixture
def there() -> Iterator[CounterpartServer]:
    """Return a counterpart that knows two systems."""
    with CounterpartServer(Counterpart({ONE: Register(), TWO: Register(Decimal(390))})) as server:
        yield server


def settings_for(interface: Interface, url: str, secrets: Path, *lines: str) -> ForwardSettings:
    """Return how to reach a counterpart."""
    secrets.write_text("\n".join(lines or ("provider", "sesame")) + "\n", encoding="ascii")
    secrets.chmod(0o600)
    if interface is Interface.SOAP:
        return ForwardSettings(interface, f"{url}{SOAP_PATH}", secrets, f"{url}/", "postdata", "testpostdata")
    return ForwardSettings(interface, f"{url}{JSON_PATH}", secrets, f"{url}/", "ARPost", "ARPostTest")


@pytest.fixture(params=list(Interface))
def door(request: pytest.FixtureRequest, there: CounterpartServer, tmp_path: Path) -> PtsDoor:
    """Return a door of each kind to it."""
    return open_door(settings_for(request.param, there.url, tmp_path / "secrets"), TIMEOUT_SECONDS)


def hand_over(door: PtsDoor, readings: tuple[Forwarded, ...] = READINGS, *, is_test: bool = False) -> DoorAnswer:
    """Send readings."""
    return door.send(door.compose(readings), [one.system for one in readings], is_test=is_test)


def test_each_system_is_answered_for_itself(door: PtsDoor, there: CounterpartServer) -> None:
    """A stranger, and a register that went down, are refused in the other side's words; the rest is taken."""
    readings = (*READINGS, Forwarded(STRANGER, 3, 1, AT))
    answer = hand_over(door, readings)
    assert [one.verdict for one in answer.systems.values()] == [Verdict.TAKEN, Verdict.TAKEN, Verdict.REFUSED]
    assert "not assigned" in answer.systems[STRANGER].text
    assert there.counterpart.systems[ONE] == Register(Decimal("13015.5"), "2024-02-01T00:00:00", 1)
    lower = hand_over(door, (Forwarded(TWO, 2, 399_999, AT),))
    assert lower.systems[TWO].verdict is Verdict.REFUSED
    assert "too small" in lower.systems[TWO].text
    assert there.counterpart.systems[TWO].kwh == Decimal(400)
    assert (answer.stop, lower.stop) == (None, None)


def test_what_is_only_tried_changes_nothing(door: PtsDoor, there: CounterpartServer) -> None:
    """It is answered as if it were sent."""
    answer = hand_over(door, is_test=True)
    assert {one.verdict for one in answer.systems.values()} == {Verdict.TAKEN}
    assert there.counterpart.systems[ONE].taken == 0


def test_the_answer_is_kept_as_it_came(door: PtsDoor) -> None:
    """To the byte; what is secret stands neither in what is composed nor in the door's name."""
    answer = hand_over(door)
    assert answer.status == 200
    assert ONE in answer.body
    assert all(secret not in door.compose(READINGS) + door.name for secret in ("provider", "sesame"))


@pytest.mark.parametrize(
    ("mood", "expected"),
    [
        (Mood.SILENT, (Verdict.UNKNOWN, None, "timed out")),
        (Mood.DROP_BEFORE, (Verdict.UNKNOWN, None, "no answer came")),
        (Mood.DROP_AFTER, (Verdict.UNKNOWN, None, "no answer came")),
        (Mood.NONSENSE, (Verdict.UNKNOWN, 200, "nobody here can read")),
        (Mood.BROKEN, (Verdict.UNKNOWN, 503, "nobody here can read")),
        (Mood.TOO_MANY, (Verdict.REFUSED, 429, "wait 60 s")),
        (Mood.MOVED, (Verdict.REFUSED, 302, "secrets do not follow")),
    ],
)
def test_a_call_without_a_good_answer_stops(
    door: PtsDoor, there: CounterpartServer, mood: Mood, expected: tuple[Verdict, int | None, str]
) -> None:
    """Whatever happened on the other side is unknown, and nothing is said to be taken."""
    verdict, status, says = expected
    there.counterpart.moods.append(mood)
    answer = hand_over(door)
    assert {one.verdict for one in answer.systems.values()} == {verdict}
    assert answer.status == status
    assert answer.stop is not None
    assert says in answer.stop
    assert len(there.counterpart.calls) == 1


def test_a_system_that_the_answer_leaves_out_is_unknown(there: CounterpartServer, tmp_path: Path) -> None:
    """The others have their verdicts."""
    door = open_door(settings_for(Interface.JSON, there.url, tmp_path / "secrets"), TIMEOUT_SECONDS)
    there.counterpart.moods = deque([Mood.HALF])
    answer = hand_over(door)
    assert [one.verdict for one in answer.systems.values()] == [Verdict.TAKEN, Verdict.UNKNOWN]


@pytest.mark.parametrize("interface", list(Interface))
def test_wrong_credentials_are_refused_as_a_whole(
    there: CounterpartServer, tmp_path: Path, interface: Interface
) -> None:
    """Nothing is taken."""
    for lines in (("provider", "wrong"), ("wrong", "sesame")):
        door = open_door(settings_for(interface, there.url, tmp_path / "secrets", *lines), TIMEOUT_SECONDS)
        answer = hand_over(door)
        assert {one.verdict for one in answer.systems.values()} == {Verdict.REFUSED}
        assert answer.is_fault is (interface is Interface.SOAP)
    assert there.counterpart.systems[ONE].taken == 0


def test_a_server_that_is_not_there_is_no_answer(tmp_path: Path) -> None:
    """Nobody listens on that port any more."""
    with CounterpartServer(Counterpart({})) as gone:
        url = gone.url
    for interface in Interface:
        answer = hand_over(open_door(settings_for(interface, url, tmp_path / "secrets"), TIMEOUT_SECONDS))
        assert answer.status is None
        assert answer.stop is not None


def test_the_documents_are_as_public_clients_send_them(tmp_path: Path) -> None:
    """Byte for byte; what service cost stands in one of them only."""
    soap, newer = (
        open_door(settings_for(one, "https://pts.example", tmp_path / "secrets"))
        for one in (Interface.SOAP, Interface.JSON)
    )
    assert soap.compose(READINGS) == (
        '<ARData xmlns="https://pts.example/PTS-AR">'
        '<ptsSystem sysType="PV"><sysID>SLF-AB1234-00001</sysID><MonthlyData><PVmonthlyData>'
        "<kwhRegistry>13015.5</kwhRegistry><regDateTime>2024-02-01T00:00:00</regDateTime>"
        "<serviceCostsInDollars>120.50</serviceCostsInDollars></PVmonthlyData></MonthlyData></ptsSystem>"
        '<ptsSystem sysType="PV"><sysID>SLF-AB1234-00002</sysID><MonthlyData><PVmonthlyData>'
        "<kwhRegistry>400</kwhRegistry><regDateTime>2024-02-01T00:00:00</regDateTime>"
        "</PVmonthlyData></MonthlyData></ptsSystem></ARData>"
    )
    assert newer.compose(READINGS) == (
        '{"systems":[{"fk_System":"SLF-AB1234-00001","metervalue":"13015.5","meterDate":"2024-02-01T00:00:00"},'
        '{"fk_System":"SLF-AB1234-00002","metervalue":"400","meterDate":"2024-02-01T00:00:00"}]}'
    )


def test_the_envelope_carries_who_asks_and_the_document_in_a_string(there: CounterpartServer, tmp_path: Path) -> None:
    """As the service description has it."""
    door = open_door(settings_for(Interface.SOAP, there.url, tmp_path / "secrets"), TIMEOUT_SECONDS)
    hand_over(door)
    (envelope,) = there.counterpart.calls
    assert envelope.startswith("<?xml version='1.0' encoding='utf-8'?>\n<ns0:Envelope")
    assert "<UserName>provider</UserName><Password>sesame</Password></cAuthentication>" in envelope
    assert f'<postdata xmlns="{there.url}/"><xmldata>&lt;ARData xmlns="{there.url}/PTS-AR"&gt;' in envelope


def test_keys_that_others_may_read_are_not_used(tmp_path: Path) -> None:
    """Before anything is sent."""
    settings = settings_for(Interface.JSON, "https://pts.example", tmp_path / "secrets")
    settings.credentials.chmod(0o644)
    with pytest.raises(SettingsError, match="can be read by others"):
        open_door(settings)
    settings.credentials.chmod(0o600)
    settings.credentials.write_text("one\n", encoding="ascii")
    with pytest.raises(SettingsError, match="the subscription key in the first line, the access key in the second"):
        open_door(settings)


@pytest.mark.parametrize(
    "body",
    [
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        "<s:Envelope xmlns:s='x'><s:Body><postdataResult>&lt;Results</postdataResult></s:Body></s:Envelope>",
        "<s:Envelope xmlns:s='x'><s:Body/></s:Envelope>",
        "",
    ],
)
def test_xml_that_means_harm_or_nothing_is_not_read(
    there: CounterpartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    """It is kept and unknown."""
    door = open_door(settings_for(Interface.SOAP, there.url, tmp_path / "secrets"), TIMEOUT_SECONDS)
    monkeypatch.setattr("simulators.masscec_pts._envelope", lambda _: body)
    answer = hand_over(door)
    assert {one.verdict for one in answer.systems.values()} == {Verdict.UNKNOWN}
    assert answer.body == body
