"""The audit log has an entry for everything that a person decides: in the same transaction, and none for nothing."""

from __future__ import annotations

import ast
import hashlib
import io
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import hub.services
from hub.rules.audit_chain import find_broken
from hub.rules.bulk_rows import Layout
from hub.rules.details import MeterDetails, SystemDetails
from hub.rules.facts import Programme, ProgrammeName
from hub.rules.instants import format_instant
from hub.services.amend_system import Amendment, amend_system
from hub.services.decide_exchange import ExchangeDecision, decide_exchange
from hub.services.describe_meter import Description, describe_meter
from hub.services.end_meter import EndRequest, end_meter
from hub.services.exchange_meter import ExchangeRequest, exchange_meter
from hub.services.import_csv import CsvImport, import_csv
from hub.services.issue_command import CommandRequest, issue_command
from hub.services.record_experience import record_experience
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.services.set_programme import set_programme
from hub.store import audit_log
from hub.store.submissions import Experience
from protocol.commands import Repoll
from tests.hub.making import NOW, MadeDevice
from tests.hub.programs import COMMAND_KEY
from tests.hub.reporting import JAN, SYSTEM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.rules.audit_chain import AuditEntry
    from hub.store.database import Database

SERVICES = sorted(path for path in Path(hub.services.__file__).parent.glob("*.py") if path.name != "__init__.py")
NOBODY_DECIDES = {
    "accept_blocks": "custody of what devices signed is unconditional",
    "answer_state": "a device's own word, kept as it was signed",
    "take_result": "a device's own word, kept as it was signed",
    "advance_safe": "follows from a backup that was read back whole",
    "back_up": "changes nothing of what is known; the backup has a row of its own",
    "draw_board": "what follows from the ledger and the clock, drawn anew at every look",
    "draw_missing": "what follows from the ledger and the clock, drawn anew at every look",
    "draw_fleet": "what follows from devices and the clock, drawn anew at every look",
    "evaluate_alerts": "what follows from the fleet and the clock; people answer by `answer_alert`",
    "flush_outbox": "sends what `issue_command` has entered",
    "open_hub": "a new database gets its timeline before anybody can act",
    "queue_dispatches": "what follows from alerts and the clock; the outbox is its ledger",
    "queue_notices": "mail that the rules find due; the outbox is its ledger",
    "send_notices": "mail that waits in the outbox, which keeps every attempt",
    "report_devices": "enters by `submit_reading`, which writes the entry",
}
"""Services that write and have no entry of their own, each with the reason."""


def _writes(path: Path) -> bool:
    """Return whether a service opens a transaction that writes."""
    items = [
        item.context_expr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.With)
        for item in node.items
    ]
    return any(
        isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute) and item.func.attr == "write"
        for item in items
    )


def _appends(path: Path) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "append_audit"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_a_service_that_writes_tells_the_audit_log(path: Path) -> None:
    """Or stands among those in which nobody decides; who tells it is not on that list."""
    if not _writes(path):
        assert path.stem not in NOBODY_DECIDES
        return
    assert _appends(path) != (path.stem in NOBODY_DECIDES), (
        f"hub/services/{path.name} writes: append_audit in its transaction, or say why nobody decides there"
    )


def test_the_list_names_services_that_there_are() -> None:
    """So that a name cannot outlive its service; and some services do write."""
    assert set(NOBODY_DECIDES) < {path.stem for path in SERVICES if _writes(path)}


def _entries(database: Database) -> list[AuditEntry]:
    with database.read() as connection:
        every = list(audit_log.iterate_audit(connection))
    assert find_broken(every) is None
    return every


DEVICE = MadeDevice()
EXCHANGE = ExchangeRequest(SYSTEM, "PV-1", NOW, 5_000, "PV-2", 7, "ab" * 32)
CSV = b"\xef\xbb\xbfpts_id,name,capacity_kw_dc\nA-1,Barn,7.5\nA-2,Shed,5\n"


def _import(database: Database) -> object:
    return import_csv(database, CsvImport(Layout.SYSTEMS, io.BytesIO(CSV), "two.csv", "ann"), NOW)


@dataclass(frozen=True)
class Act:
    """What somebody does, and the entry that it makes: `before` and `after` say at least this."""

    do: Callable[[Database], object]
    action: str
    after: Mapping[str, object]
    before: Mapping[str, object] | None = None
    reason: str = ""
    subject: str = SYSTEM
    actor: str = "ann"
    changes_nothing_again: bool = True


ACTS = (
    Act(
        lambda database: register_system(database, SYSTEM, "Barn", "7.5", NOW, actor="ann"),
        "register system",
        {"capacity_w_dc": 7_500, "technology": "pv"},
    ),
    Act(
        lambda database: register_system(
            database, SYSTEM, "Barn", "7.5", NOW, details=SystemDetails(town="Lowell"), actor="ann"
        ),
        "complete system",
        {"town": "Lowell"},
    ),
    Act(
        lambda database: amend_system(
            database, Amendment(SYSTEM, date(2016, 5, 1), "grew", SystemDetails(capacity_w_dc=9_200)), NOW, "ann"
        ),
        "amend system",
        {"capacity_w_dc": 9_200, "effective_on": "2016-05-01"},
        {"capacity_w_dc": 7_500},
        "grew",
    ),
    Act(
        lambda database: set_programme(
            database, Programme(SYSTEM, ProgrammeName.SREC_2, date(2016, 1, 1)), NOW, "ann", "letter"
        ),
        "set programme",
        {"programme": "srec_2", "from_on": "2016-01-01"},
        reason="letter",
    ),
    Act(
        lambda database: register_device(database, DEVICE.pem, "Barn", NOW, "ann"),
        "register device",
        {"name": "Barn"},
        subject=DEVICE.text,
    ),
    Act(
        lambda database: register_meter(database, MeterRequest(SYSTEM, "", "PV-1"), NOW, "ann"),
        "register meter",
        {"meter": "PV-1", "devices": []},
    ),
    Act(
        lambda database: register_meter(database, MeterRequest(SYSTEM, DEVICE.text, "PV-1"), NOW, "ann"),
        "complete meter",
        {"devices": [DEVICE.text]},
        {"devices": []},
    ),
    Act(
        lambda database: describe_meter(
            database, Description(SYSTEM, "PV-1", reason="plate", details=MeterDetails(seal="S 1")), NOW, "ann"
        ),
        "describe meter",
        {"meter": "PV-1", "seal": "S 1"},
        {"seal": ""},
        "plate",
    ),
    Act(
        lambda database: exchange_meter(database, EXCHANGE, NOW, "ann"),
        "request exchange",
        {"exchange": 1, "meter": "PV-2", "final_wh": 5_000, "initial_wh": 7, "evidence": "ab" * 32},
        {"meter": "PV-1"},
    ),
    Act(
        lambda database: decide_exchange(database, ExchangeDecision(1, is_approved=True), NOW, "bea"),
        "approve exchange",
        {"meter": "PV-2", "final_wh": 5_000, "initial_wh": 7},
        {"exchange": 1, "by": "ann"},
        actor="bea",
        changes_nothing_again=False,
    ),
    Act(
        lambda database: end_meter(database, EndRequest(SYSTEM, "PV-2", format_instant(NOW)), NOW, "ann"),
        "end meter",
        {"meter": "PV-2", "ended_at": NOW},
        {"meter": "PV-2", "ended_at": None},
    ),
    Act(
        lambda database: record_experience(database, Experience(SYSTEM, JAN, NOW, "ann", 12_050, 3, "inverter")),
        "record experience",
        {"month": "2024-01", "service_cost_cents": 12_050, "outage_hours": 3},
        reason="inverter",
        changes_nothing_again=False,
    ),
    Act(
        lambda database: issue_command(
            database, CommandRequest(DEVICE.text, Repoll(0), "ann", 60, b"identity"), COMMAND_KEY, NOW
        ),
        "issue command",
        {"operation": "repoll", "arguments": "meter 0"},
        subject=DEVICE.text,
        changes_nothing_again=False,
    ),
    Act(
        _import,
        "import systems",
        {"rows": 2, "added": 2, "completed": 0, "sha256": hashlib.sha256(CSV).hexdigest()},
        subject="two.csv",
    ),
)


def test_what_somebody_does_is_told_with_what_changed(database: Database) -> None:
    """One entry for each act, chained; where it would change nothing, none."""
    for number, act in enumerate(ACTS, 1):
        act.do(database)
        if act.changes_nothing_again:
            act.do(database)
        entries = _entries(database)
        assert len(entries) == number, act.action
        told = entries[-1]
        assert (told.actor, told.action, told.subject, told.reason) == (
            *(act.actor, act.action, act.subject),
            act.reason,
        )
        assert act.after.items() <= json.loads(told.after).items(), act.action
        before = json.loads(told.before)
        assert (before is None) == (act.before is None), act.action
        assert act.before is None or act.before.items() <= before.items(), act.action


def test_what_is_refused_is_not_told(database: Database) -> None:
    """A file with anything wrong in it, or only looked at, leaves no entry."""
    wrong = CsvImport(Layout.SYSTEMS, io.BytesIO(CSV + b"A-3,Hut,0\n"), "three.csv", "ann")
    assert import_csv(database, wrong, NOW).problems == 1
    dry = CsvImport(Layout.SYSTEMS, io.BytesIO(CSV), "two.csv", "ann", is_dry_run=True)
    assert import_csv(database, dry, NOW).added == 2
    assert _entries(database) == []
