"""What the hub says without being asked: bounded, to those who are there, and never twice for the same reason."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub import notices
from hub.notices import Notices
from hub.services.accept_blocks import accept_blocks
from hub.services.answer_state import answer_state
from hub.services.back_up import back_up
from hub.services.register_device import register_device
from protocol import wire
from protocol.custody.receiver import SafePolicy
from protocol.topics import Channel
from tests.hub.making import NOW, TERMS, MadeDevice, made_log
from tests.hub.programs import HUB_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.database import Database
    from protocol.messages import Receipt

HOLD = replace(TERMS, safe=SafePolicy.HOLD)


def take_backup(database: Database, folder: Path, at: int = NOW) -> None:
    """Make a verified backup."""
    back_up(database, folder, keep=None, now=lambda: at, progress=lambda *_: None)


def hear(said: Notices) -> list[Receipt]:
    """Return the receipts that are due."""
    due = list(said.due(NOW))
    assert {notice.channel for notice in due} <= {Channel.RECEIPT}
    return [wire.read_receipt(notice.raw, HUB_KEY.public) for notice in due]


@pytest.fixture
def logs(registered: Database) -> list[MadeDevice]:
    """Return three devices that are online, with blocks at the hub of which nothing is safe."""
    devices = [made_log([100, 200], seed=seed) for seed in (1, 2, 3)]
    for device in devices:
        if device.seed > 1:
            register_device(registered, device.pem, "", NOW)
        accept_blocks(registered, device.arrivals(), HOLD, NOW)
        answer_state(registered, device.id, device.state(), terms=HOLD, now=NOW, retained=False)
    return devices


def test_devices_hear_what_a_backup_made_safe(registered: Database, logs: list[MadeDevice], tmp_path: Path) -> None:
    """Each device that is there, once, without having sent anything; one that left will ask when it comes back."""
    said = Notices(registered, HUB_KEY, HOLD)
    assert hear(said) == []
    answer_state(registered, logs[2].id, logs[2].state(online=False), terms=HOLD, now=NOW, retained=False)
    take_backup(registered, tmp_path / "backups")
    heard = hear(said)
    assert {receipt.device for receipt in heard} == {device.id for device in logs[:2]}
    assert {(receipt.committed, receipt.safe) for receipt in heard} == {(1, 1)}
    assert hear(said) == []
    take_backup(registered, tmp_path / "backups", NOW + 1)
    assert hear(said) == []


@pytest.mark.usefixtures("logs")
def test_a_fleet_is_told_a_few_at_a_time(registered: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many streams one backup moves, the worker goes back to its blocks in between."""
    monkeypatch.setattr(notices, "NOTICES_AT_ONCE", 2)
    said = Notices(registered, HUB_KEY, HOLD)
    hear(said)
    take_backup(registered, tmp_path / "backups")
    assert [len(hear(said)) for _ in range(3)] == [2, 1, 0]


@pytest.mark.usefixtures("logs")
def test_a_hub_whose_commits_are_safe_has_nothing_to_add(registered: Database, tmp_path: Path) -> None:
    """Every receipt of a block said it already."""
    said = Notices(registered, HUB_KEY, replace(HOLD, safe=SafePolicy.COMMIT))
    hear(said)
    take_backup(registered, tmp_path / "backups")
    assert hear(said) == []
