"""Commands and new `safe` marks through a real broker: out to a device that is there, and its answer back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.clock import now_ms
from hub.config import Address
from hub.ingest import Ingest
from hub.services.back_up import back_up
from hub.services.issue_command import CommandRequest, issue_command
from hub.store import outbox
from protocol import wire
from protocol.commands import Repoll, Result, ResultStatus
from protocol.custody.receiver import SafePolicy
from protocol.topics import Channel
from simulators.broker import start_broker
from tests.hub.making import TERMS, MadeDevice, made_log
from tests.hub.programs import COMMAND_KEY, HOST, HUB_KEY, WireDevice, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub.store.database import Database
    from hub.store.outbox import CommandAnswer

HOLD = replace(TERMS, safe=SafePolicy.HOLD)


@pytest.fixture
def wired(registered: Database, tmp_path: Path) -> Iterator[WireDevice]:
    """Return the registered device's session with a hub that grants nothing without a backup."""
    with start_broker("embedded", 0, tmp_path / "broker") as broker:
        ingest = Ingest(registered, HUB_KEY, Address(HOST, broker.port), HOLD, now_ms)
        ingest.start()
        wait_until(lambda: ingest.connected, "the ingest's session")
        session = WireDevice(MadeDevice(), broker.port)
        yield session
        session.close()
        ingest.stop()


def test_a_command_reaches_its_device_and_the_answer_comes_back(registered: Database, wired: WireDevice) -> None:
    """Nothing waits in the broker: the command leaves when the device says hello, and again when it does so anew."""
    device = MadeDevice()
    request = CommandRequest(device.text, Repoll(0), "tester", 3600, b"identity")
    number = issue_command(registered, request, COMMAND_KEY, now_ms()).issued.number
    for nonce in (b"one.", b"two."):
        wired.publish(Channel.STATE, device.state(nonce, head=-1), retain=True)
        command = wired.command()
        assert (command.number, command.order) == (number, Repoll(0))

    def answered() -> CommandAnswer | None:
        with registered.read() as connection:
            found = outbox.find_command(connection, device.id, number)
        assert found is not None
        return found.answer

    done = Result(device.id, number, ResultStatus.DONE, "read once more", 3)
    for raw in (b"noise", wire.seal_result(done, HUB_KEY), wire.seal_result(done, device.key)):
        wired.publish(Channel.RESULT, raw)
    wait_until(lambda: answered() is not None, "the answer")
    found = answered()
    assert found is not None
    assert (found.status, found.detail, found.config_version) == (ResultStatus.DONE, "read once more", 3)


def test_a_quiet_device_hears_what_a_backup_made_safe(registered: Database, wired: WireDevice, tmp_path: Path) -> None:
    """It sends nothing and asks nothing, and may let go nevertheless."""
    device = made_log([100, 200])
    wired.publish(Channel.STATE, device.state())
    for raw in device.blocks:
        wired.publish(Channel.BLOCK, raw)
    assert wired.receipt(lambda receipt: receipt.committed == 1).safe == -1
    # One beat of the ingest's notices, in which it remembers what was safe before.
    request = CommandRequest(device.text, Repoll(0), "tester", 3600, b"identity")
    issue_command(registered, request, COMMAND_KEY, now_ms())
    wired.command()
    back_up(registered, tmp_path / "backups", keep=None, now=now_ms, progress=lambda *_: None)
    assert wired.receipt(lambda receipt: receipt.safe == 1).committed == 1
