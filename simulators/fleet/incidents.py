"""What happens in the fleet beside reading and reporting: each thing that a page of the hub is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.alerting.life import Silence
from hub.alerting.life import Standing as AlertStanding
from hub.alerting.rules import Code
from hub.fleet.bulks import BulkAction, BulkKind
from hub.fleet.lifecycle import Said, Word
from hub.rules.change_requests import ChangeWish
from hub.rules.permissions import Role
from hub.rules.reported import Origin
from hub.services.accept_blocks import accept_blocks
from hub.services.answer_alert import acknowledge_alerts, silence_alerts
from hub.services.commission_meter import Look, commission_meter
from hub.services.correct_reading import decide_submission, request_correction
from hub.services.decide_exchange import ExchangeDecision, decide_exchange
from hub.services.draw_board import draw_board
from hub.services.draw_missing import draw_missing
from hub.services.evaluate_alerts import evaluate_alerts
from hub.services.exchange_meter import ExchangeRequest, exchange_meter
from hub.services.read_alerts import read_open
from hub.services.record_audit import Audited, record_audit
from hub.services.record_experience import record_experience
from hub.services.register_device import register_device
from hub.services.request_change import request_change
from hub.services.say_of_device import say_of_device
from hub.services.start_bulk import BulkWish, command_means, start_bulk
from hub.services.submit_reading import Reported
from hub.store import registry
from hub.store.device_list import EVERY_DEVICE
from hub.store.submissions import Experience
from protocol.identity import format_device_id
from simulators.fleet.history import DAY_MS, TERMS, reporter_of, send
from simulators.fleet.logger import HOUR_MS, Logger
from simulators.fleet.plan import Trouble
from simulators.fleet.who import FIRST_OPERATOR, FITTER, OWNERS, SECOND_OPERATOR

if TYPE_CHECKING:
    from hub.rules.periods import ProductionMonth
    from simulators.fleet.history import History, Site

MAINTAINED_MS = 7 * DAY_MS
_EXTRA_KEYS = (9_001, 9_002)


def find_site(history: History, trouble: Trouble) -> Site | None:
    """Return the site to which this happens, None where the fleet is too small for it."""
    return next((site for site in history.sites if site.plan.trouble is trouble), None)


def exchange(history: History, month: ProductionMonth) -> None:
    """Let an installer put another meter in within a month; somebody else approves it, and the new one is read."""
    site = find_site(history, Trouble.EXCHANGED)
    if site is None or site.logger is None:
        return
    at = month.starts_at + 14 * DAY_MS + 16 * HOUR_MS
    send(history, site, at)
    final_wh = site.register_wh(at)
    new_serial = f"{site.serial}B"
    make, model = site.plan.model
    asked = ExchangeRequest(
        site.plan.pts_id,
        site.serial,
        at,
        final_wh,
        new_serial,
        initial_wh=0,
        evidence=history.keep_contract(),
        new_make=make,
        new_model=model,
    )
    told = exchange_meter(history.database, asked, at + HOUR_MS, FITTER.name)
    decided = ExchangeDecision(told.number, is_approved=True)
    decide_exchange(history.database, decided, at + DAY_MS, SECOND_OPERATOR)
    site.replaced_wh += final_wh
    site.serial = new_serial
    site.meter = site.logger.describe(1, new_serial, site.plan.model)
    accept_blocks(history.database, [site.logger.begin(site.meter, at)], TERMS, at + HOUR_MS)


def correct(history: History, month: ProductionMonth, at: int) -> None:
    """Find that a reading was mistyped after its month was closed; another person approves what is right."""
    site = find_site(history, Trouble.MISTYPED)
    if site is None:
        return
    read_at = month.ends_at - HOUR_MS
    right = Reported(site.plan.pts_id, site.serial, site.register_wh(read_at) // 1000 * 1000, read_at, Origin.MANUAL)
    reporter = reporter_of(history, site)
    asked = request_correction(
        history.database, right, month, actor=reporter, now=at, reason="two digits were swapped, see the photo"
    )
    decide_submission(
        history.database, asked.number, approved=True, actor=SECOND_OPERATOR, now=at + DAY_MS, reason="photo looked at"
    )


def audit_on_site(history: History, at: int) -> None:
    """Let an auditor read a meter, and find it right."""
    site = find_site(history, Trouble.AUDITED)
    if site is None:
        return
    shown = site.register_wh(at) // 1000 * 1000
    found = Audited(site.plan.pts_id, site.serial, "", "Audrey Lin", at, shown, str(shown // 1000), note="seal intact")
    record_audit(history.database, found, actor="aud", now=at + HOUR_MS)


def tell_experience(history: History, month: ProductionMonth, at: int) -> None:
    """Let an operator tell what a system's month cost and lost."""
    site = history.sites[0]
    said = Experience(site.plan.pts_id, month, at, FIRST_OPERATOR, 18_500, 6, "inverter fan replaced")
    record_experience(history.database, said)


def stand_today(history: History) -> None:
    """Bring about what waits for somebody today: reviews, requests, devices that nobody knows, alerts."""
    _ask_for_changes(history)
    _wait_on_board(history)
    maintained = find_site(history, Trouble.MAINTAINED)
    if maintained is not None and maintained.logger is not None:
        said = Said(Word.MAINTAIN, history.now + MAINTAINED_MS)
        device = format_device_id(maintained.logger.id)
        say_of_device(history.database, device, said, actor=FIRST_OPERATOR, now=history.now, reason="roof works")
    _tag_devices(history)
    draw_board(history.database, history.now)
    draw_missing(history.database, history.now)
    _answer_alerts(history)


def _ask_for_changes(history: History) -> None:
    site = find_site(history, Trouble.HANDED_OVER)
    if site is None:
        return
    place = history.sites.index(site)
    owner = OWNERS[place % len(OWNERS)].name
    other = OWNERS[(place + 1) % len(OWNERS)].name
    wish = ChangeWish(site.plan.pts_id, Role.SYSTEM_OWNER, history.now, other, evidence=history.keep_contract())
    request_change(history.database, wish, actor=owner, now=history.now, reason="sold in October", is_by_staff=False)


def _wait_on_board(history: History) -> None:
    """Make a device that was never heard, and one that nobody knows; and look at the dial of one meter."""
    never, stranger = (Logger(number, history.now - 2 * DAY_MS) for number in _EXTRA_KEYS)
    register_device(history.database, never.key.public.to_pem(), "In a box", history.now, FIRST_OPERATOR)
    meter = stranger.describe(0, "W99001", ("CCS", "WattNode"))
    accept_blocks(history.database, [stranger.begin(meter, history.now - DAY_MS)], TERMS, history.now - DAY_MS)
    site = next((one for one in history.sites if one.logger is not None and one.plan.trouble is Trouble.NONE), None)
    if site is not None:
        at = site.read_through - 3 * HOUR_MS
        look = Look(site.plan.pts_id, site.serial, site.register_wh(at), at)
        commission_meter(history.database, look, actor=SECOND_OPERATOR, now=history.now)


def _tag_devices(history: History) -> None:
    """Let an operator find those again that send by mobile network, in one act."""
    action = BulkAction(BulkKind.TAG, tags=("lte",))
    with history.database.read() as connection:
        wish = BulkWish(EVERY_DEVICE, action, registry.count_devices(connection))
    reason = "they send by mobile network"
    start_bulk(
        history.database, wish, command_means(history.folder), actor=FIRST_OPERATOR, now=history.now, reason=reason
    )


def _answer_alerts(history: History) -> None:
    """Let what is wrong today be an alert; somebody looks after one, and one rule is quiet for a while."""
    for minutes in (6, 0):
        evaluate_alerts(history.database, 0, history.now - minutes * 60_000)
    until = history.now + 2 * DAY_MS
    silence = Silence(Code.BACKUP_STALE, None, until)
    silence_alerts(
        history.database, silence, actor=FIRST_OPERATOR, now=history.now, reason="the disk for backups is on its way"
    )
    with history.database.read() as connection:
        views = read_open(connection, history.now)
    numbers = [
        one.kept.number
        for one in views
        if one.standing is AlertStanding.FIRING and one.kept.episode.code is Code.DEVICE_SILENT
    ]
    if numbers:
        acknowledge_alerts(
            history.database,
            numbers[:1],
            until,
            actor=SECOND_OPERATOR,
            now=history.now,
            reason="called the site: a fuse, an electrician comes tomorrow",
        )
