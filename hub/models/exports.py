"""Exported quarters as JSON: the files that were made, and what of each system's month is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.rules.instants import format_instant
from hub.services.export_quarter import name_file

if TYPE_CHECKING:
    from hub.rules.exporting import LeftOut, SentMonth
    from hub.rules.quarters import GisCalendar, ProductionQuarter
    from hub.services.export_quarter import Exported
    from hub.services.read_certificates import Asset
    from hub.store.exports import ExportedFile


class ExportJson(BaseModel):
    """A file that was made; `rows` are its lines without a header, `content` is where its bytes are."""

    export: int
    quarter: str
    layout: str
    kind: str
    made_at: str
    actor: str
    sha256: str
    rows: int
    bytes: int
    name: str
    content: str


class ExportsJson(BaseModel):
    """Files, in the order in which they were made; `next` begins the next page, None after the last."""

    exports: list[ExportJson]
    next: int | None = None


class SentMonthJson(BaseModel):
    """What of a system's month is in a file: whole kWh, which are thousandths of a MWh, under a registry's unit."""

    system: str
    month: str
    unit: str
    kwh: int
    estimated: bool


class ExportMonthsJson(BaseModel):
    """A page of what is in a file, by system and month; `next` is the system to go on after, if there is more."""

    export: int
    months: list[SentMonthJson]
    next: str | None


class LeftOutJson(BaseModel):
    """A system's month that is not in a file, and why."""

    system: str
    month: str
    why: str


class ExportedJson(ExportJson):
    """What came of exporting a quarter; `new` is false where the same file was there already."""

    new: bool
    estimated: int
    left_out: list[LeftOutJson]


class AssetMonthJson(BaseModel):
    """A month of an asset: what is sent (kWh), what counts (Wh), whole certificates, what is left over (Wh)."""

    month: str
    sent_kwh: int
    eligible_wh: int
    certificates: int
    remainder_wh: int
    created_on: str
    estimated: bool


class AssetJson(BaseModel):
    """A registry's asset: its unit, the systems that counted for it in some month, and its months."""

    unit: str
    systems: list[str]
    certificates: int
    remainder_wh: int
    months: list[AssetMonthJson]


class QuarterJson(BaseModel):
    """A production quarter: its months, and the dates of its certificates."""

    quarter: str
    months: list[str]
    sent_on: str
    created_on: str
    trading_ends_on: str
    exports: list[ExportJson]


def export_json(file: ExportedFile) -> ExportJson:
    """Return a file as JSON."""
    return ExportJson(
        export=file.number,
        quarter=str(file.quarter),
        layout=file.layout,
        kind=file.kind.value,
        made_at=format_instant(file.made_at),
        actor=file.actor,
        sha256=file.sha256,
        rows=file.rows,
        bytes=file.length,
        name=name_file(file),
        content=f"/api/v1/exports/{file.number}/content",
    )


def exported_json(exported: Exported) -> ExportedJson:
    """Return what came of exporting a quarter as JSON."""
    return ExportedJson(
        **export_json(exported.file).model_dump(),
        new=exported.is_new,
        estimated=exported.estimated,
        left_out=[_left_out_json(one) for one in exported.left_out],
    )


def sent_json(sent: SentMonth) -> SentMonthJson:
    """Return what was sent of a system's month as JSON."""
    return SentMonthJson(
        system=sent.system, month=str(sent.month), unit=sent.unit, kwh=sent.kwh, estimated=sent.is_estimated
    )


def quarter_json(quarter: ProductionQuarter, calendar: GisCalendar, files: tuple[ExportedFile, ...]) -> QuarterJson:
    """Return a quarter as JSON."""
    return QuarterJson(
        quarter=str(quarter),
        months=[str(month) for month in quarter.months],
        sent_on=calendar.upload_on.isoformat(),
        created_on=calendar.created_on.isoformat(),
        trading_ends_on=calendar.trading_ends_on.isoformat(),
        exports=[export_json(file) for file in files],
    )


def asset_json(asset: Asset) -> AssetJson:
    """Return an asset's certificates as JSON."""
    return AssetJson(
        unit=asset.unit,
        systems=list(asset.systems),
        certificates=sum(month.certificates for month in asset.months),
        remainder_wh=asset.months[-1].remainder_wh if asset.months else 0,
        months=[
            AssetMonthJson(
                month=str(month.month),
                sent_kwh=month.sent_kwh,
                eligible_wh=month.eligible_wh,
                certificates=month.certificates,
                remainder_wh=month.remainder_wh,
                created_on=month.created_on.isoformat(),
                estimated=month.is_estimated,
            )
            for month in asset.months
        ],
    )


def _left_out_json(left_out: LeftOut) -> LeftOutJson:
    return LeftOutJson(system=left_out.system, month=str(left_out.month), why=left_out.why)
