"""What people say of a device: kept word for word, with an entry of the audit log, and undone by another word."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hub.errors import InputError, UnknownSubjectError
from hub.fleet.lifecycle import Said, Stage, Word
from hub.rules.instants import format_instant
from hub.services.say_of_device import say_of_device
from hub.store import audit_log, device_words
from tests.hub.making import NOW, MadeDevice

if TYPE_CHECKING:
    from hub.store.database import Database

DAY_MS = 86_400_000


def test_maintenance_and_back(registered: Database) -> None:
    """Each word is kept, the last one counts, and the audit log tells from which stage to which."""
    device = MadeDevice()
    until = NOW + DAY_MS
    said = Said(Word.MAINTAIN, until)
    staged = say_of_device(registered, device.text, said, actor="olga", now=NOW, reason="roof works")
    assert (staged.stage, staged.until_at, staged.device.id) == (Stage.MAINTENANCE, until, device.id)
    staged = say_of_device(registered, device.text, Said(Word.RESUME), actor="olga", now=NOW + 1, reason="done early")
    assert (staged.stage, staged.until_at) == (Stage.REGISTERED, None)
    with registered.read() as connection:
        words = device_words.list_words(connection, device.id)
        last, first = audit_log.list_audit(connection, subject=device.text, limit=2)
        assert device_words.last_words(connection) == {device.id: Said(Word.RESUME)}
    assert [(one.said.word, one.recorded.reason, one.recorded.at) for one in words] == [
        (Word.RESUME, "done early", NOW + 1),
        (Word.MAINTAIN, "roof works", NOW),
    ]
    assert (first.action, json.loads(first.before), json.loads(first.after)) == (
        "maintain device",
        {"stage": "registered"},
        {"stage": "maintenance", "until": format_instant(until)},
    )
    assert (last.action, last.actor, last.reason) == ("resume device", "olga", "done early")


def test_what_is_refused_leaves_nothing(registered: Database) -> None:
    """No word, no entry: for what makes no sense, without a reason, and for what is no device here."""
    device = MadeDevice()
    with registered.read() as connection:
        before = audit_log.list_audit(connection, limit=1)
    for said, reason, named in (
        (Said(Word.RESUME), "x", f"device {device.text}: the device is registered"),
        (Said(Word.RETIRE), "  ", "say why"),
    ):
        with pytest.raises(InputError, match=named):
            say_of_device(registered, device.text, said, actor="olga", now=NOW, reason=reason)
    with pytest.raises(UnknownSubjectError, match="not registered"):
        say_of_device(registered, MadeDevice(2).text, Said(Word.RETIRE), actor="olga", now=NOW, reason="x")
    with pytest.raises(InputError):
        say_of_device(registered, "no id", Said(Word.RETIRE), actor="olga", now=NOW, reason="x")
    with registered.read() as connection:
        assert device_words.list_words(connection, device.id) == ()
        assert audit_log.list_audit(connection, limit=1) == before
