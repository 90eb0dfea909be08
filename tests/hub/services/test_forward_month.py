"""Forwarding: a month is sent once, what nobody knows is sent again, and no register is ever sent that went down."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import InputError, StoreUnavailableError, UnknownSubjectError
from hub.exchange.pts import DoorAnswer, SystemAnswer, Verdict
from hub.rules.facts import ReportingMode
from hub.rules.forwarding import ForwardState, reading_time, register_kwh
from hub.services import forward_month as module
from hub.services.forward_month import ForwardOrder, begin_anew, find_call, forward_month, settle_call
from hub.services.plan_forwarding import plan_month
from hub.services.record_experience import record_experience
from hub.store import audit_log, forwards
from hub.store.memory import MemoryDatabase, empty_image
from hub.store.submissions import Experience
from simulators.masscec_pts import Counterpart, Mood, Register
from tests.hub.reporting import APR, FEB, JAN, MAR, OTHER, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.rules.forwarding import Forwarded, Forwarding
    from hub.rules.periods import ProductionMonth
    from hub.services.forward_month import ForwardRun
    from hub.store.database import Database

NOW = JAN.ends_at + 86_400_000
SILENCE = "no answer came: broken pipe"


@dataclass
class Door:
    """A door right into the counterpart, without a network, and with its moods."""

    counterpart: Counterpart
    name: str = "direct"
    sizes: list[int] = field(default_factory=list)

    def compose(self, readings: Sequence[Forwarded]) -> str:
        """Return the readings as a list."""
        return json.dumps([(one.system, register_kwh(one.register_wh), reading_time(one.read_at)) for one in readings])

    def send(self, composed: str, systems: Sequence[str], *, is_test: bool) -> DoorAnswer:
        """Let the counterpart take them, or not, as its mood is."""
        there = self.counterpart
        self.sizes.append(len(systems))
        mood = there.moods.popleft() if there.moods else None
        unknown = dict.fromkeys(systems, SystemAnswer(Verdict.UNKNOWN, SILENCE))
        if mood is Mood.DROP_BEFORE:
            return DoorAnswer(None, "", unknown, stop=SILENCE)
        said = {}
        for system, kwh, at in json.loads(composed):
            refused = there.take(system, kwh, at, is_test=is_test)
            said[system] = SystemAnswer(Verdict.TAKEN if refused is None else Verdict.REFUSED, refused or "ok")
        if mood is Mood.DROP_AFTER:
            return DoorAnswer(None, "", unknown, stop=SILENCE)
        if mood is Mood.HALF:
            said |= {system: SystemAnswer(Verdict.UNKNOWN, "left out") for system in systems[1::2]}
        if there.faults_below and any(one.verdict is Verdict.REFUSED for one in said.values()):
            whole = dict.fromkeys(systems, SystemAnswer(Verdict.REFUSED, "fault"))
            return DoorAnswer(500, "fault", whole, is_fault=True)
        return DoorAnswer(200, "as it came", said)


@pytest.fixture
def door() -> Door:
    """Return a door to a counterpart that knows two systems."""
    return Door(Counterpart({SYSTEM: Register(), OTHER: Register()}))


@pytest.fixture
def hub(database: Database) -> Database:
    """Return a hub with two systems whose January counts."""
    for number, pts_id in enumerate((SYSTEM, OTHER), 1):
        add_system(database, pts_id)
        meter = add_meter(database, f"PV-{number}", pts_id)
        enter(database, meter.meter, JAN, 500_000 * number)
    return database


def send(hub: Database, door: Door, month: ProductionMonth = JAN, **order: object) -> ForwardRun:
    """Forward a month."""
    wanted = ForwardOrder(month, "bea", **order)  # type: ignore[arg-type]
    return forward_month(hub, wanted, door, lambda: NOW)


def plans(hub: Database, month: ProductionMonth = JAN) -> dict[str, Forwarding]:
    """Return the plan of a month by system."""
    with hub.read() as connection:
        return {one.system: one for one in plan_month(connection, month)}


def states(hub: Database, month: ProductionMonth = JAN) -> list[str]:
    """Return the states of both systems."""
    return [one.state.value for one in plans(hub, month).values()]


def test_a_month_is_sent_once(hub: Database, door: Door) -> None:
    """The second run has nothing to do; call, answer and audit entry are kept."""
    run = send(hub, door)
    assert (len(run.calls), run.count(Verdict.TAKEN), run.stopped) == (1, 2, None)
    assert states(hub) == ["done", "done"]
    assert send(hub, door).calls == ()
    assert [one.taken for one in door.counterpart.systems.values()] == [1, 1]
    call, items = find_call(hub, run.calls[0])
    assert (call.request, call.status, call.body, call.actor) == (
        door.compose([one.reading for one in items]),
        200,
        "as it came",
        "bea",
    )
    assert [(one.reading.system, one.verdict, one.said) for one in items] == [
        (SYSTEM, "taken", "ok"),
        (OTHER, "taken", "ok"),
    ]
    with hub.read() as connection:
        assert [one.action for one in audit_log.iterate_audit(connection)] == ["forward month"]


def test_what_is_tried_is_not_done(hub: Database, door: Door) -> None:
    """It stays ready, and the other side has nothing."""
    run = send(hub, door, is_test=True)
    assert run.count(Verdict.TAKEN) == 2
    assert states(hub) == ["ready", "ready"]
    assert door.counterpart.systems[SYSTEM].taken == 0


def test_service_cost_goes_along_with_the_register(hub: Database) -> None:
    """What was said last of the month."""
    for cents in (1, 12_050):
        record_experience(hub, Experience(SYSTEM, JAN, NOW, "ann", cents, 0, ""))
    found = plans(hub)
    assert [None if one.reading is None else one.reading.service_cost_cents for one in found.values()] == [12_050, None]


def test_silence_is_unknown_and_sent_again(hub: Database, door: Door) -> None:
    """Whether it was taken or not: the same register twice does no harm."""
    for mood in (Mood.DROP_BEFORE, Mood.DROP_AFTER):
        door.counterpart.moods.append(mood)
        run = send(hub, door)
        assert (run.count(Verdict.UNKNOWN), run.stopped) == (2, SILENCE)
        assert states(hub) == ["ready", "ready"]
    assert send(hub, door).count(Verdict.TAKEN) == 2
    assert door.counterpart.lows == []


def test_a_hub_that_dies_between_call_and_answer_knows_of_the_call(hub: Database, door: Door) -> None:
    """What became of it is not known, and it is sent again."""

    class Dies(Door):
        def send(self, composed: str, systems: Sequence[str], *, is_test: bool) -> DoorAnswer:
            super().send(composed, systems, is_test=is_test)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        send(hub, Dies(door.counterpart))
    with hub.read() as connection:
        (call,) = forwards.list_calls(connection)
    assert (call.answered_at, call.status) == (None, None)
    assert {one.verdict for one in find_call(hub, call.number)[1]} == {None}
    assert states(hub) == ["ready", "ready"]
    assert send(hub, door).count(Verdict.TAKEN) == 2


def test_a_call_that_cannot_be_kept_is_not_made(hub: Database, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes out that nobody could know of afterwards."""

    def refuse(*_: object) -> int:
        message = "the disk is full"
        raise StoreUnavailableError(message)

    monkeypatch.setattr(forwards, "add_call", refuse)
    with pytest.raises(StoreUnavailableError):
        send(hub, door)
    assert door.sizes == []


def test_what_went_down_is_held_until_a_person_says_so(hub: Database, door: Door) -> None:
    """A correction below what was taken, or a new meter: nothing is sent before MassCEC has begun anew."""
    send(hub, door)
    with hub.read() as connection:
        meter = forwards.find_last_taken(connection, [SYSTEM])[SYSTEM].meter
    enter(hub, meter, JAN, 499_000, reason="misread")
    assert states(hub) == ["held", "done"]
    assert send(hub, door).calls == ()
    with pytest.raises(InputError, match="say why"):
        begin_anew(hub, SYSTEM, actor="bea", now=NOW, reason=" ")
    door.counterpart.systems[SYSTEM] = Register()
    begin_anew(hub, SYSTEM, actor="bea", now=NOW, reason="MassCEC has corrected it")
    assert states(hub) == ["ready", "done"]
    assert send(hub, door).count(Verdict.TAKEN) == 1
    assert door.counterpart.systems[SYSTEM].kwh == Decimal(499)
    assert door.counterpart.lows == []


def test_a_call_that_is_refused_as_a_whole_is_made_again_one_by_one(hub: Database, door: Door) -> None:
    """So one system cannot keep the others from being taken."""
    door.counterpart.systems[SYSTEM].kwh = Decimal(600)
    door.counterpart.faults_below = True
    run = send(hub, door)
    assert door.sizes == [2, 1, 1]
    assert run.verdicts == {SYSTEM: Verdict.REFUSED, OTHER: Verdict.TAKEN}
    assert run.stopped is None
    assert states(hub) == ["ready", "done"]


def test_faults_of_many_single_systems_are_not_about_them(
    hub: Database, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a login that is not taken: the run stops."""
    monkeypatch.setattr(module, "FAULTS_MAX", 1)
    door.counterpart.systems.clear()
    door.counterpart.faults_below = True
    run = send(hub, door)
    assert door.sizes == [2, 1]
    assert run.stopped is not None


def test_a_run_goes_as_far_as_it_was_told(hub: Database, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some systems to a call, some calls to a run, or some systems only."""
    monkeypatch.setattr(module, "CALL_SYSTEMS_MAX", 1)
    assert send(hub, door, calls_max=1).verdicts == {SYSTEM: Verdict.TAKEN}
    assert send(hub, door, only=[OTHER]).verdicts == {OTHER: Verdict.TAKEN}
    with pytest.raises(UnknownSubjectError):
        send(hub, door, only=["X-1"])


def test_a_person_says_what_an_answer_does_not(hub: Database, door: Door) -> None:
    """Their word counts, is named, and stands in the audit log."""
    door.counterpart.moods.append(Mood.DROP_AFTER)
    (call,) = send(hub, door).calls
    settle_call(hub, call, SYSTEM, Verdict.TAKEN, actor="bea", now=NOW, reason="MassCEC's page shows it")
    assert states(hub) == ["done", "ready"]
    item = find_call(hub, call)[1][0]
    assert (item.verdict, item.said, item.said_by) == ("taken", "MassCEC's page shows it", "bea")
    with pytest.raises(UnknownSubjectError, match="call 9 had no reading"):
        settle_call(hub, 9, SYSTEM, Verdict.TAKEN, actor="bea", now=NOW, reason="so")
    with pytest.raises(InputError, match="say taken or refused"):
        settle_call(hub, call, SYSTEM, Verdict.UNKNOWN, actor="bea", now=NOW, reason="so")
    with pytest.raises(UnknownSubjectError, match="there is no call 9"):
        find_call(hub, 9)


def test_only_meters_that_go_on_are_looked_at(hub: Database) -> None:
    """The meter that was replaced in the month has no register at its end."""
    add_meter(hub, "OLD", initial_at=JAN.previous().starts_at, ended_at=JAN.starts_at + 1, final_wh=9)
    add_meter(hub, "NEXT", initial_at=FEB.starts_at + 1)
    assert plans(hub)[SYSTEM].state is ForwardState.READY
    assert "2 meters" in plans(hub, FEB)[SYSTEM].why


def test_systems_pass_by_in_pieces(hub: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are."""
    monkeypatch.setattr("hub.services.plan_forwarding.SYSTEMS_AT_ONCE", 1)
    add_system(hub, "SLF-AB1234-00003", reporting_mode=ReportingMode.MANUAL)
    assert states(hub) == ["ready", "ready", "left_out"]


MONTHS = (JAN, FEB, MAR, APR)
RUNS = st.tuples(
    st.sampled_from(MONTHS),
    st.lists(st.sampled_from([Mood.DROP_BEFORE, Mood.DROP_AFTER, Mood.HALF]), max_size=2),
)


@settings(max_examples=60, deadline=None)
@given(runs=st.lists(RUNS, min_size=1, max_size=8), steps=st.lists(st.integers(0, 3), min_size=8, max_size=8))
def test_no_register_goes_down_there_whatever_happens_on_the_way(
    runs: list[tuple[ProductionMonth, list[Mood]]], steps: list[int]
) -> None:
    """What we say was taken, was; and once it is quiet, the last month is there as it stands here."""
    hub, door = MemoryDatabase(empty_image()), Door(Counterpart({SYSTEM: Register(), OTHER: Register()}))
    for number, pts_id in enumerate((SYSTEM, OTHER)):
        add_system(hub, pts_id)
        meter = add_meter(hub, f"PV-{number}", pts_id)
        register = 0
        for index, month in enumerate(MONTHS):
            register += 1_000 * steps[4 * number + index]
            enter(hub, meter.meter, month, register)
    for month, moods in runs:
        door.counterpart.moods = deque(moods)
        send(hub, door, month)
        with hub.read() as connection:
            taken = forwards.find_last_taken(connection, [SYSTEM, OTHER])
        for system, last in taken.items():
            assert Decimal(last.register_wh) / 1000 <= door.counterpart.systems[system].kwh
    door.counterpart.moods.clear()
    before = list(door.counterpart.lows)
    run = send(hub, door, APR)
    assert run.count(Verdict.REFUSED) == 0
    assert states(hub, APR) == ["done", "done"]
    with hub.read() as connection:
        taken = forwards.find_last_taken(connection, [SYSTEM, OTHER])
    for system, held in door.counterpart.systems.items():
        assert held.kwh == Decimal(taken[system].register_wh) / 1000
    assert door.counterpart.lows == before
    hub.close()
