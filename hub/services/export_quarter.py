"""Export a quarter: make the file that a registry takes, keep it as it was made, and say what was left out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.errors import InputError, UnknownSubjectError
from hub.rules.certificates import round_to_kwh
from hub.rules.exporting import SentMonth, changed_months, choose_months, refuse_another, refuse_final, sum_units
from hub.rules.registry_files import Layout, write_file
from hub.rules.verification_file import FileKind, file_name, write_verification
from hub.services.check_text import check_label
from hub.services.load_quarter import load_quarter, load_verified
from hub.store import exports
from hub.store.audit_log import append_audit
from hub.store.exports import NewFile

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.rules.exporting import LeftOut
    from hub.rules.quarters import ProductionQuarter
    from hub.services.load_quarter import LoadedQuarter, LoadQuarter
    from hub.store.database import Database
    from hub.store.exports import ExportedFile


class ExportLayout(StrEnum):
    """What a quarter can be exported as: a registry's file, or the quarterly verification file."""

    NEPOOL_GIS = "nepool-gis"
    M_RETS = "m-rets"
    NC_RETS = "nc-rets"
    MIRECS = "mirecs"
    VERIFICATION = "verification"


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What is to be exported, and who asks; `reporting_id` is under which a registry other than NEPOOL GIS knows us."""

    quarter: ProductionQuarter
    layout: ExportLayout
    kind: FileKind
    actor: str
    reporting_id: str = ""


@dataclass(frozen=True, slots=True)
class Exported:
    """The file that was made, or the one that was there with the same content (`is_new` False); and what is not in it.

    `estimated` counts the systems' months in it that were not read.
    """

    file: ExportedFile
    content: bytes
    is_new: bool
    estimated: int
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class _Draft:
    content: bytes
    rows: int
    sent: tuple[SentMonth, ...]
    left_out: tuple[LeftOut, ...]


def export_quarter(database: Database, request: ExportRequest, at: int, load: LoadQuarter = load_quarter) -> Exported:
    """Make a quarter's file at `at` (UTC ms), keep it and return it; the same content again is the same file.

    Raises UnknownSubjectError where nothing of the quarter can be sent; InputError where a final file is asked for and
    a month is not closed, or one was made and months are different now; and what the file's form refuses.
    """
    actor = check_label(request.actor, "a name of who asks")
    with database.read() as connection:
        loaded = load(connection, request.quarter)
        if request.kind is FileKind.FINAL:
            _refuse(refuse_final(request.quarter, loaded.still_open))
        draft = _draft(connection, request, loaded)
    new = NewFile(
        quarter=request.quarter,
        layout=request.layout.value,
        kind=request.kind,
        actor=actor,
        sha256=hashlib.sha256(draft.content).hexdigest(),
        rows=draft.rows,
        content=draft.content,
    )
    with database.write() as connection:
        held = exports.find_last(connection, new.quarter, new.layout, new.kind)
        is_new = held is None or held.sha256 != new.sha256
        if held is not None and is_new and new.kind is FileKind.FINAL:
            before = exports.list_exported_months(connection, held.number)
            _refuse(refuse_another(new.quarter, changed_months(before, draft.sent)))
        file = _add_file(connection, new, draft, at) if is_new else held
    assert file is not None, "it was held, or has just been added"
    estimated = sum(one.is_estimated for one in draft.sent)
    return Exported(file, draft.content, is_new, estimated, draft.left_out)


def name_file(file: ExportedFile) -> str:
    """Return the name under which a file is given out."""
    if file.layout == ExportLayout.VERIFICATION:
        return file_name(file.quarter, file.kind)
    return f"{file.layout}-{file.quarter}-{file.kind}.csv"


def find_export(connection: Connection, number: int) -> ExportedFile:
    """Return the file of this number; raises UnknownSubjectError if there is none."""
    file = exports.find_file(connection, number)
    if file is None:
        message = f"no file {number} was exported here: `meter-hub export list` shows those that were"
        raise UnknownSubjectError(message)
    return file


def _add_file(connection: Connection, new: NewFile, draft: _Draft, at: int) -> ExportedFile:
    """Keep a new file, and in the log that it was made."""
    file = exports.add_file(connection, new, draft.sent, at)
    after = {
        "file": file.number,
        "layout": new.layout,
        "kind": new.kind.value,
        "rows": new.rows,
        "sha256": new.sha256,
    }
    append_audit(connection, actor=new.actor, action="export quarter", subject=str(new.quarter), at=at, after=after)
    return file


def _draft(connection: Connection, request: ExportRequest, loaded: LoadedQuarter) -> _Draft:
    if request.layout is ExportLayout.VERIFICATION:
        sent = tuple(
            SentMonth(one.system, one.month, "", round_to_kwh(one.production_wh), one.is_estimated)
            for one in loaded.months
        )
        text = write_verification(request.quarter, request.kind, load_verified(connection, loaded.months))
        rows, left_out = len(sent), loaded.held
    else:
        chosen = choose_months(request.quarter, loaded.months, loaded.carried_wh)
        sent = chosen.sent
        units = sum_units(sent, request.reporting_id)
        text = write_file(Layout(request.layout.value), request.quarter, units)
        rows = len(units)
        left_out = tuple(sorted((*loaded.held, *chosen.left_out), key=lambda one: (one.system, one.month)))
    if not sent:
        raise UnknownSubjectError(_describe_nothing(request.quarter, left_out))
    return _Draft(text.encode(), rows, sent, left_out)


def _describe_nothing(quarter: ProductionQuarter, left_out: tuple[LeftOut, ...]) -> str:
    if not left_out:
        return f"nothing of {quarter} can be exported: go over its months first, with `meter-hub months run`"
    first = left_out[0]
    return f"nothing of {quarter} can be exported; for one, {first.system} {first.month}: {first.why}"


def _refuse(refusal: str | None) -> None:
    if refusal is not None:
        raise InputError(refusal)
