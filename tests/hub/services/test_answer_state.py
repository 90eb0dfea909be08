"""States: liveness for the page, and a receipt that answers the hello."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.fleet.hearing import Link
from hub.fleet.machine import Machine, Start
from hub.services.accept_blocks import Arrival, accept_blocks, load_keys
from hub.services.answer_state import Answer, answer_state, welcome_devices
from hub.services.read_fleet import read_fleet
from hub.services.register_device import register_device
from hub.store import machines
from protocol import wire
from protocol.identity import Epoch
from protocol.messages import Gap, GapCause, ReceiptCode, State
from protocol.records import TimeQuality
from tests.hub.making import NOW, TERMS, MadeDevice, fetch, made_log, make_key

if TYPE_CHECKING:
    from hub.store.database import Database
    from protocol.identity import DeviceId

COUNTS = list(range(100, 140))


def _answer(database: Database, device: MadeDevice, raw: bytes, *, at: int = NOW, retained: bool = False) -> Answer:
    return answer_state(database, device.id, raw, terms=TERMS, now=at, retained=retained)


def _link(database: Database, at: int = NOW) -> Link:
    with database.read() as connection:
        return read_fleet(connection, at).devices[0].link


def test_a_hello_is_answered_with_its_nonce_and_what_is_held(registered: Database) -> None:
    """The receipt echoes the nonce, so that the device may believe it even where it says less than before."""
    device = made_log(COUNTS)
    accept_blocks(registered, device.arrivals(0, 1, 4), TERMS, NOW)
    receipt = _answer(registered, device, device.state(b"abcd")).receipt
    assert receipt is not None
    assert (receipt.nonce, receipt.committed, receipt.selective) == (b"abcd", 1, ((4, 4),))


def test_a_new_log_is_answered_with_nothing_held(registered: Database) -> None:
    """An epoch the hub never heard of is one of which it holds nothing."""
    device = made_log(COUNTS)
    receipt = _answer(registered, device, device.state()).receipt
    assert receipt is not None
    assert (receipt.committed, receipt.code, receipt.committed_hash) == (-1, ReceiptCode.OK, b"")


def test_a_long_backlog_opens_the_window(registered: Database) -> None:
    """A device that holds many blocks may offer more of them at a time."""
    device = made_log(COUNTS)
    short = _answer(registered, device, device.state(head=10)).receipt
    long = _answer(registered, device, device.state(head=500)).receipt
    assert short is not None
    assert long is not None
    assert (short.window, long.window) == (TERMS.window, TERMS.window_backfill)


def test_a_device_comes_and_goes(registered: Database) -> None:
    """Birth, death of the same session, and silence are told apart."""
    device = MadeDevice()
    assert _link(registered) is Link.NEVER_SEEN
    _answer(registered, device, device.state(b"born"))
    assert _link(registered) is Link.ONLINE
    assert _link(registered, NOW + 25 * 3_600_000) is Link.SILENT
    assert _answer(registered, device, device.state(b"born", online=False)) == Answer()
    assert _link(registered) is Link.OFFLINE


@pytest.mark.parametrize(
    ("said", "hours", "link"),
    [
        ({}, 24, Link.ONLINE),
        ({"seal_seconds": 3_600}, 2, Link.ONLINE),
        ({"seal_seconds": 3_600}, 3, Link.LATE),
        ({"seal_seconds": 3_600}, 25, Link.SILENT),
        ({"seal_seconds": 86_400}, 48, Link.ONLINE),
        ({"seal_seconds": 86_400}, 49, Link.LATE),
        ({"seal_seconds": 86_400}, 145, Link.SILENT),
        ({"seal_seconds": -1}, 25, Link.SILENT),
    ],
)
def test_a_device_is_measured_by_what_it_says_of_itself(
    registered: Database, said: dict[str, int], hours: int, link: Link
) -> None:
    """Late without two blocks that it means to bring, silent after six of them and a day at least."""
    device = made_log(COUNTS)
    _answer(registered, device, device.state(health=said))
    accept_blocks(registered, device.arrivals(0), TERMS, NOW)
    assert _link(registered, NOW + hours * 3_600_000) is link


@pytest.mark.parametrize("has_brought", [True, False])
def test_one_that_came_back_has_the_time_of_a_block(registered: Database, *, has_brought: bool) -> None:
    """Its last one is of before, or there was none: it is late once it had the time to bring one."""
    device, later = made_log(COUNTS), NOW + 80 * 3_600_000
    if has_brought:
        accept_blocks(registered, device.arrivals(0), TERMS, NOW)
    _answer(registered, device, device.state(health={"seal_seconds": 3_600}), at=later)
    assert _link(registered, later + 65 * 60_000) is Link.ONLINE
    assert _link(registered, later + 65 * 60_000 + 1) is Link.LATE


def test_it_is_kept_since_when_nobody_keeps_a_clock(registered: Database) -> None:
    """From the first word of it on, until somebody does."""
    device = MadeDevice()
    kept = "SELECT unset_since FROM device_state"
    for at, quality, expected in (
        (NOW, TimeQuality.SYNCHRONISED, None),
        (NOW + 1, TimeQuality.INFORMATIVE, NOW + 1),
        (NOW + 2, TimeQuality.UNKNOWN, NOW + 1),
        (NOW + 3, TimeQuality.HOLDOVER, None),
    ):
        _answer(registered, device, device.state(quality=quality), at=at)
        assert fetch(registered, kept) == [(expected,)]


def test_a_device_that_is_heard_and_brings_nothing_is_late(registered: Database) -> None:
    """Its word that it is there does not stand for blocks; the next one makes good."""
    device, later = made_log(COUNTS), NOW + 3 * 3_600_000
    said = {"seal_seconds": 3_600}
    accept_blocks(registered, device.arrivals(0), TERMS, NOW)
    for at in (NOW, later):
        _answer(registered, device, device.state(health=said), at=at)
    assert _link(registered, later) is Link.LATE
    accept_blocks(registered, device.arrivals(1), TERMS, later)
    assert _link(registered, later) is Link.ONLINE


def test_a_late_death_of_an_old_session_is_ignored(registered: Database) -> None:
    """A broker may deliver the last will of the session before after the birth of the next."""
    device = MadeDevice()
    _answer(registered, device, device.state(b"old1"))
    _answer(registered, device, device.state(b"new1"))
    _answer(registered, device, device.state(b"old1", online=False))
    assert _link(registered) is Link.ONLINE


def test_a_retained_copy_proves_no_life(registered: Database) -> None:
    """What the broker kept from an earlier hello is answered, but the device was not heard just now."""
    device = MadeDevice()
    _answer(registered, device, device.state(b"once"))
    answer = _answer(registered, device, device.state(b"once"), at=NOW + 60_000, retained=True)
    assert answer.receipt is not None
    assert fetch(registered, "SELECT heard_at FROM device_state") == [(NOW,)]


def test_the_backlog_is_what_the_hub_lacks(registered: Database) -> None:
    """Backlog is the newest sealed block less the last one committed here."""
    device = made_log(COUNTS)
    _answer(registered, device, device.state())
    accept_blocks(registered, device.arrivals(0, 1, 2), TERMS, NOW)
    with registered.read() as connection:
        (view,) = read_fleet(connection, NOW).devices
    assert (view.backlog, view.committed) == (len(device.blocks) - 3, 2)


def test_a_stranger_s_block_is_no_sign_of_life(registered: Database) -> None:
    """What nobody verified neither wakes a silent device nor says when its last block came; an intact block does."""
    device, later = made_log(COUNTS), NOW + 25 * 3_600_000
    _answer(registered, device, device.state())
    accept_blocks(registered, device.arrivals(0), TERMS, NOW)
    forged = device.seal(Gap(0, NOW, NOW + 1, GapCause.EDGE_OFF), key=make_key(99), keep=False)
    for raw in (forged, device.blocks[0]):
        accept_blocks(registered, [Arrival(device.id, raw)], TERMS, later)
        assert _link(registered, later) is Link.SILENT
        with registered.read() as connection:
            assert read_fleet(connection, later).devices[0].block_at == NOW
    accept_blocks(registered, device.arrivals(1), TERMS, later)
    assert _link(registered, later) is Link.ONLINE


def test_the_log_shown_is_the_one_the_device_is_in(registered: Database) -> None:
    """A late block of an earlier log does not bring back that log's watermark, nor a false backlog."""
    old, new = made_log(COUNTS), MadeDevice(epoch=Epoch(b"newepoch"))
    accept_blocks(registered, old.arrivals(0, 1, 2), TERMS, NOW)
    new.seal()
    _answer(registered, new, new.state())
    with registered.read() as connection:
        (view,) = read_fleet(connection, NOW).devices
    assert (view.committed, view.backlog, view.block_at) == (-1, 1, NOW)
    accept_blocks(registered, new.arrivals(), TERMS, NOW + 1)
    accept_blocks(registered, old.arrivals(3), TERMS, NOW + 2)
    with registered.read() as connection:
        (view,) = read_fleet(connection, NOW + 2).devices
    assert (view.committed, view.backlog, view.block_at) == (0, 0, NOW + 2)


def test_a_device_registered_while_its_state_is_looked_at_is_not_unknown(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is asked to register what is registered."""
    device = MadeDevice()

    def load_and_register(database: Database, devices: set[DeviceId]) -> object:
        keys = load_keys(database, devices)
        register_device(database, device.pem, "", NOW)
        return keys

    monkeypatch.setattr("hub.services.answer_state.load_keys", load_and_register)
    answer = _answer(database, device, device.state())
    assert answer.refused == (device.id, device.epoch)
    assert fetch(database, "SELECT count(*) FROM unknown_device") == [(0,)]


def test_an_unknown_device_is_refused_until_somebody_registers_it(database: Database) -> None:
    """The refusal echoes the nonce; once registered, the device is welcomed without asking again."""
    device = made_log(COUNTS)
    answer = _answer(database, device, device.state(b"whom"))
    assert answer.receipt is not None
    assert (answer.receipt.code, answer.receipt.nonce) == (ReceiptCode.UNKNOWN_KEY, b"whom")
    assert answer.refused is not None
    places = frozenset({answer.refused})
    assert welcome_devices(database, places, TERMS, NOW) == {}
    register_device(database, device.pem, "", NOW)
    welcome = welcome_devices(database, places, TERMS, NOW)[answer.refused]
    assert (welcome.code, welcome.window) == (ReceiptCode.OK, TERMS.window)


def test_a_state_that_its_device_did_not_sign_is_dropped(registered: Database) -> None:
    """Nobody else can say that a device is online."""
    device = MadeDevice()
    forged = wire.seal_state(State(device=device.id, nonce=b"evil", online=True), make_key(7))
    for raw in (forged, b"", b"noise", MadeDevice(seed=2).state()):
        answer = _answer(registered, device, raw)
        assert answer.receipt is None
        assert answer.rejected
    assert _link(registered) is Link.NEVER_SEEN


def test_what_a_device_says_of_its_machine_is_kept(registered: Database) -> None:
    """The newest of it with its starts, names that nobody knows too; what a broker kept is no newer word."""
    device = made_log(COUNTS)

    def kept() -> Machine | None:
        with registered.read() as connection:
            return machines.find_machine(connection, device.id)

    assert kept() is None
    _answer(registered, device, device.state(b"aaaa", boot_count=3, health={"disk_used_percent": 40, "mood": -1}))
    assert kept() == Machine(NOW, {"disk_used_percent": 40, "mood": -1}, 3)
    later = NOW + 3_600_000
    _answer(registered, device, device.state(b"bbbb", boot_count=5, health={"disk_used_percent": 41}), at=later)
    assert kept() == Machine(later, {"disk_used_percent": 41}, 5, (Start(later, 2),))
    retained = device.state(b"bbbb", boot_count=5, health={"disk_used_percent": 41})
    _answer(registered, device, retained, at=later + 1, retained=True)
    _answer(registered, device, device.state(b"bbbb", online=False), at=later + 2)
    assert kept() == Machine(later, {"disk_used_percent": 41}, 5, (Start(later, 2),))
    with registered.read() as connection:
        assert machines.list_machines(connection) == {device.id: kept()}
