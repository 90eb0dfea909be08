"""What waits for somebody at a made hub, and what was decided or told before: every list has more than one page.

Most of a list is over, as in a hub that has run for years: what waits comes behind it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

from benchmarks.made_devices import BEGAN_AT, DAY_MS, HOUR_MS, NOW, TAG, device_id, part_of
from benchmarks.made_months import MONTH, first_meter, system_name
from benchmarks.made_people import OWNER, STAFF, account_name
from hub.alerting.rules import Code as Rule
from hub.alerting.rules import Severity
from hub.alerting.telling import Way
from hub.documents import keep_document
from hub.fleet.bulks import BulkAction, BulkKind
from hub.photos import keep_photo
from hub.rules.acceptance import Code, Finding, Outcome
from hub.rules.acceptance import Severity as Doubt
from hub.rules.change_requests import ChangeStep
from hub.rules.permissions import Role
from hub.rules.reported import Origin
from hub.services.start_bulk import BulkWish, command_means, start_bulk
from hub.services.submit_reading import write_findings
from hub.store import alert_tables, channel_tables, facts_tables, fleet_tables, ledger_tables, people_tables
from hub.store.device_list import DeviceFilter
from hub.store.dialect import insert_rows
from hub.store.dispatches import Kind
from hub.store.notices_outbox import Outcome as Sent
from protocol.identity import DeviceId, format_device_id

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from hub.store.database import Database

WAITING, OVER = 3_000, 10_000
"""How many of each kind wait to be decided on, and were decided, at a hub that is large enough."""
CHANNELS, MESSAGES, BULKS, SILENCES, ENDED, CHANGES = 20, 5_000, 500, 500, 5_000, 500
THRESHOLD = "device_silent_hours"
OPEN_DIGIT = 6
"""A system whose number ends with less is reported for the open month, with more has a reading that waits."""
_DOUBT = Finding(
    Code.BELOW_EXPECTED, Doubt.HOLD, "PRODUCTION_CHECK", "That is less than is expected: look at the meter again."
)
_SIDE = 2_000


def unreported(devices: int) -> list[int]:
    """Return the numbers of the systems of which a reading waits."""
    return [number for number in range(devices) if number % 10 > OPEN_DIGIT][: part_of(devices, WAITING)]


def make_lists(database: Database, folder: Path, devices: int) -> None:
    """Make what waits and what is over, with a picture and a document to all of it, kept in `folder`."""
    photo, document = keep_photo(folder, _picture()), keep_document(folder, b"%PDF-1.7\n%%EOF\n")
    with database.write() as connection:
        _add_readings(connection, devices, photo)
        _add_exchanges(connection, devices, document)
        _add_requests(connection, devices, document)
        _add_alerts(connection, devices)
        _add_channels(connection, part_of(devices, MESSAGES))
        _add_bulks(connection, part_of(devices, BULKS))
    wish = BulkWish(DeviceFilter(tag=TAG), BulkAction(BulkKind.STATE), None)
    means = command_means(folder)
    matching = start_bulk(database, wish, means, actor=STAFF, now=NOW, reason="after the outage", is_dry_run=True)
    wish = BulkWish(wish.wanted, wish.action, len(matching.changed) + len(matching.left))
    start_bulk(database, wish, means, actor=STAFF, now=NOW, reason="after the outage")


def _picture() -> bytes:
    """Return a picture as large as is kept of one, with as much in it as a photo has."""
    content = io.BytesIO()
    Image.effect_noise((_SIDE, _SIDE * 3 // 4), 40).convert("RGB").save(content, "JPEG")
    return content.getvalue()


def _add_readings(connection: Connection, devices: int, photo: str) -> None:
    """Add readings that were held: those of the month before decided, those of this one not."""
    decided, findings = part_of(devices, OVER), write_findings([_DOUBT])
    of_month = [(MONTH, number) for number in range(decided)]
    of_month += [(MONTH.next(), number) for number in unreported(devices)]
    rows = []
    for place, (month, number) in enumerate(of_month, 1):
        meter, at = first_meter(number), month.ends_at - 2 * DAY_MS
        reading = (system_name(number), f"BM-{meter}", meter, str(month), at, 60_000_000, Origin.MANUAL.value, at)
        rows.append((place, *reading, account_name(number), photo, "", Outcome.REVIEW.value, findings, None))
    insert_rows(connection, ledger_tables.submission, rows)
    insert_rows(
        connection,
        ledger_tables.submission_decision,
        [(one, one, BEGAN_AT, STAFF, 0, "the photo shows another", None) for one in range(1, decided + 1)],
    )


def _add_exchanges(connection: Connection, devices: int, document: str) -> None:
    decided, waiting = part_of(devices, OVER), part_of(devices, WAITING)
    asked = (BEGAN_AT, 50_000_000, 0, document)
    insert_rows(
        connection,
        facts_tables.meter_exchange,
        [
            (one + 1, system_name(one), first_meter(one), f"NEW-{one}", "Made", "2", *asked, account_name(one), NOW)
            for one in range(decided + waiting)
        ],
    )
    insert_rows(
        connection,
        facts_tables.meter_exchange_decision,
        [(one + 1, STAFF, NOW, 0, "the pictures are of another meter", None) for one in range(decided)],
    )


def _add_requests(connection: Connection, devices: int, document: str) -> None:
    """Add change requests: the earlier ones rejected, the others still to be decided on, some answered already."""
    decided, waiting = part_of(devices, OVER), part_of(devices, WAITING)
    contact = ("Robin Lee", "robin@example.org", NOW, document, "the house was sold")
    insert_rows(
        connection,
        people_tables.change_request,
        [
            (one + 1, system_name(one), Role.SYSTEM_OWNER.value, "", *contact, _who(one), BEGAN_AT)
            for one in range(decided + waiting)
        ],
    )
    steps = [(one + 1, ChangeStep.REJECT) for one in range(decided)]
    steps += [(one + 1, ChangeStep.ASK) for one in range(decided, decided + waiting, 3)]
    insert_rows(
        connection,
        people_tables.change_step,
        [
            (place, number, step.value, BEGAN_AT, STAFF, "send the contract", "", "", None)
            for place, (number, step) in enumerate(steps, 1)
        ],
    )


def _who(number: int) -> str:
    """Return who asks for a change: in one case of ten the owner of very many systems."""
    return account_name(number) if number % 10 else OWNER


def _add_alerts(connection: Connection, devices: int) -> None:
    """Add alerts that are over, silences that hold, and what was said of a threshold."""
    over = (Rule.DEVICE_SILENT.value, Severity.WARNING.value, "nothing was heard of it for 26 hours")
    insert_rows(
        connection,
        alert_tables.alert,
        [
            (one + 1, over[0], _device(one), *over[1:], *(BEGAN_AT + HOUR_MS * at for at in (0, 1, 2)), BEGAN_AT + one)
            for one in range(part_of(devices, ENDED))
        ],
    )
    insert_rows(
        connection,
        alert_tables.alert_silence,
        [
            (one + 1, Rule.CLOCK_SKEW.value, _device(one), NOW + DAY_MS + one, "the site is rebuilt", NOW, STAFF)
            for one in range(part_of(devices, SILENCES))
        ],
    )
    insert_rows(
        connection,
        alert_tables.alert_threshold,
        [
            (one + 1, THRESHOLD, None, BEGAN_AT + one, "as it was agreed", BEGAN_AT + one, STAFF)
            for one in range(part_of(devices, CHANGES))
        ],
    )


def _add_channels(connection: Connection, messages: int) -> None:
    """Add channels with messages that went out; none is tried any more, so that nothing leaves this machine."""
    way, least, done = Way.MAIL.value, Severity.WARNING.value, Sent.SENT.value
    insert_rows(
        connection,
        channel_tables.channel,
        [
            (one + 1, way, f"night-{one}@example.org", b"", least, HOUR_MS, 0, BEGAN_AT, STAFF, NOW, None)
            for one in range(CHANNELS)
        ],
    )
    sent = [(one, BEGAN_AT + one) for one in range(1, messages + 1)]
    insert_rows(
        connection,
        channel_tables.dispatch,
        [
            (one, 1 + (one % 2) * (one % CHANNELS), "", Kind.TEST.value, f"msg_{one:032x}", "{}", at, NOW, done)
            for one, at in sent
        ],
    )
    insert_rows(
        connection,
        channel_tables.dispatch_attempt,
        [(one, one, at, done, "250 taken") for one, at in sent],
    )


def _add_bulks(connection: Connection, number: int) -> None:
    told = ('{"tag":"south"}', 100, 3, "works on the line", BEGAN_AT, STAFF, None, None, None)
    rows = [(one, BulkKind.TAG.value, None, "roof", *told) for one in range(1, number + 1)]
    insert_rows(connection, fleet_tables.bulk, rows)


def _device(number: int) -> str:
    return format_device_id(DeviceId(device_id(number)))
