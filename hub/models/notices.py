"""The JSON of mail that the hub sends, and of missing production."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from hub.rules.missing_production import MissingSystem
    from hub.services.report_missing import MissingPage, MissingQuarter
    from hub.store.notices_outbox import KeptNotice, Notice


class _Json(BaseModel):
    model_config = ConfigDict(frozen=True)


class AttemptJson(_Json):
    """One attempt to send a mail: `sent`, `later`, `refused` or `given_up`, and what the mail server answered."""

    tried_at: str
    outcome: str
    answer: str


class NoticeJson(_Json):
    """A mail: `state` is `waiting`, `sent`, `refused` or `given_up`; it is worth sending until `useful_until`."""

    id: int
    to: str
    name: str
    occasion: str
    month: str
    subject: str
    made_at: str
    useful_until: str
    state: str
    attempts: list[AttemptJson]


class NoticesJson(_Json):
    """Mails, the newest first; give `next` as `before` for the page that follows."""

    notices: list[NoticeJson]
    next: int | None


class DueNoticeJson(_Json):
    """A mail that would be written now, with its words."""

    to: str
    name: str
    occasion: str
    month: str
    subject: str
    text: str
    useful_until: str


class DueNoticesJson(_Json):
    """The mails that are due at an instant and not in the outbox yet."""

    at: str
    notices: list[DueNoticeJson]


class SendingJson(_Json):
    """What a round of sending came to. `trouble` is what kept the mail server from taking any, empty if nothing.

    `more`: there is more to send at once.
    """

    queued: int
    sent: int
    later: int
    warnings: list[str]
    trouble: str
    more: bool


class LastReadingJson(_Json):
    """The latest accepted reading of a system."""

    month: str
    read_at: str
    register_wh: int


class MissingSystemJson(_Json):
    """A system that lacks months; `capacity_w_dc` is whole watts, `last` null before the first reading."""

    system: str
    name: str
    reporter: str
    account_holder: str
    capacity_w_dc: int
    months: list[str]
    last: LastReadingJson | None


class MissingQuarterJson(_Json):
    """The Missing Production Report of a quarter; `months` are those whose windows have closed.

    `number` is how many systems lacked one when the hub last looked, at `looked_at`; both are null before that. Those
    that have been reported since are left out of `systems`. `next` begins the next page.
    """

    quarter: str
    months: list[str]
    number: int | None
    looked_at: str | None
    systems: list[MissingSystemJson]
    next: str | None = None


def notice_json(kept: KeptNotice, now: int) -> NoticeJson:
    """Return a mail in the outbox as it stands at `now` (UTC ms), without its words."""
    notice = kept.notice
    return NoticeJson(
        id=kept.id,
        to=notice.address,
        name=notice.name,
        occasion=notice.key.occasion.value,
        month=str(notice.key.month),
        subject=notice.subject,
        made_at=format_instant(notice.made_at),
        useful_until=format_instant(notice.useful_until),
        state=kept.state_at(now).value,
        attempts=[
            AttemptJson(tried_at=format_instant(one.tried_at), outcome=one.outcome.value, answer=one.answer)
            for one in kept.attempts
        ],
    )


def due_json(notice: Notice) -> DueNoticeJson:
    """Return a mail that is not in the outbox yet."""
    return DueNoticeJson(
        to=notice.address,
        name=notice.name,
        occasion=notice.key.occasion.value,
        month=str(notice.key.month),
        subject=notice.subject,
        text=notice.text,
        useful_until=format_instant(notice.useful_until),
    )


def missing_json(report: MissingQuarter, now: int) -> MissingQuarterJson:
    """Return the whole report of a quarter, as it is at `now` (UTC ms)."""
    return MissingQuarterJson(
        quarter=str(report.quarter),
        months=[str(month) for month in report.months],
        number=len(report.rows),
        looked_at=format_instant(now),
        systems=[_missing_system(row) for row in report.rows],
    )


def missing_page_json(page: MissingPage) -> MissingQuarterJson:
    """Return a page of the report of a quarter."""
    return MissingQuarterJson(
        quarter=str(page.quarter),
        months=[str(month) for month in page.months],
        number=page.systems,
        looked_at=None if page.looked_at is None else format_instant(page.looked_at),
        systems=[_missing_system(row) for row in page.rows],
        next=page.after,
    )


def _missing_system(row: MissingSystem) -> MissingSystemJson:
    last = None
    if row.last is not None:
        read_at = format_instant(row.last.read_at)
        last = LastReadingJson(month=str(row.last.month), read_at=read_at, register_wh=row.last.register_wh)
    return MissingSystemJson(
        system=row.system,
        name=row.name,
        reporter=row.reporter,
        account_holder=row.account_holder,
        capacity_w_dc=row.capacity_w_dc,
        months=[str(month) for month in row.months],
        last=last,
    )
