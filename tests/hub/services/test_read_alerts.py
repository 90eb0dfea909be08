"""Alerts as they are read: all, a page at a time, or the first with the number of the others."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from hub.alerting.life import Episode, Silence, Standing
from hub.alerting.rules import Code, Severity
from hub.services.answer_alert import acknowledge_alerts, silence_alerts
from hub.services.read_alerts import AlertView, find_open, page_open, read_first, read_open
from hub.store import alerts
from hub.store.alerts import Acknowledgement
from hub.store.facts import Recorded
from tests.hub.making import NOW

if TYPE_CHECKING:
    from hub.store.database import Database

DAY_MS = 86_400_000
LATER = NOW + DAY_MS + 60_000


def test_open_alerts_come_in_pages_as_they_stand(database: Database) -> None:
    """The latest first, each once, and as in the whole list: firing, acknowledged, silenced, inhibited."""
    firing = [Code.DEVICE_SILENT, Code.BAD_SIGNATURE, Code.CLOCK_SKEW, Code.STREAM_FORK]
    with database.write() as connection:
        for place, code in enumerate(firing):
            alerts.add_episodes(connection, [Episode(code, f"S-{place}", Severity.WARNING, "why", NOW, NOW, NOW)])
        alerts.add_episodes(connection, [Episode(Code.BACKLOG, "S-9", Severity.WARNING, "why", NOW, NOW)])
        alerts.add_episodes(
            connection, [Episode(Code.BAD_SIGNATURE, "S-9", Severity.WARNING, "why", NOW, NOW, NOW, LATER)]
        )
    acknowledge_alerts(database, [2], LATER, actor="olga", now=NOW, reason="looking")
    for wanted in (
        Silence(None, "S-0", LATER),
        Silence(Code.STREAM_FORK, "S-7", LATER),
        Silence(None, "S-8", LATER + 1),
    ):
        silence_alerts(database, wanted, actor="olga", now=NOW, reason="works")
    with database.read() as connection:
        whole = {one.kept.number: one for one in read_open(connection, NOW)}
        assert len({one.standing for one in whole.values()}) == 5
        for limit in (1, 2, 9):
            found: list[AlertView] = []
            before = None
            while page := page_open(connection, NOW, before, limit):
                assert len(page) <= limit
                found += page
                before = page[-1].kept.number
            assert found == [whole[number] for number in (5, 4, 3, 2, 1)]
        assert find_open(connection, NOW, [6, 2, 4, 99]) == (whole[2], whole[4])
        first = alerts.list_silences(connection, NOW, limit=2)
        beyond = first[-1].silence.until_at, first[-1].number
        assert first + alerts.list_silences(connection, NOW, after=beyond) == alerts.list_silences(connection, NOW)
        assert len(first) == 2


SUBJECTS = [f"S-{number}" for number in range(4)]
INSTANTS = st.sampled_from([NOW - 1, LATER])
"""When what somebody said was over, or is."""
EPISODES = st.builds(
    lambda code, subject, severity, fired: Episode(code, subject, severity, "why", NOW, NOW, fired),
    st.sampled_from([Code.DEVICE_SILENT, Code.FLEET_SILENT, Code.CLOCK_SKEW, Code.BACKLOG]),
    st.sampled_from(SUBJECTS),
    st.sampled_from(Severity),
    st.sampled_from([NOW, NOW, None]),
)
SILENCES = st.builds(
    Silence, st.sampled_from([None, Code.BACKLOG, Code.CLOCK_SKEW]), st.sampled_from([None, *SUBJECTS]), INSTANTS
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    begun=st.lists(EPISODES, max_size=12),
    silences=st.lists(SILENCES, max_size=3),
    looked_after=st.lists(st.tuples(st.integers(0, 11), INSTANTS), max_size=4),
)
def test_the_first_and_their_number_are_those_of_all(
    database: Database, begun: list[Episode], silences: list[Silence], looked_after: list[tuple[int, int]]
) -> None:
    """Whatever fires of what, and whatever somebody said of all, of a rule, of a subject or of one."""
    with database.write() as connection:
        example = connection.begin_nested()
        alerts.add_episodes(connection, begun)
        numbers = [one.number for one in alerts.list_open(connection)]
        for silence in silences:
            alerts.add_silence(connection, silence, Recorded("olga", NOW))
        for place, until_at in looked_after:
            if place < len(numbers):
                said = Acknowledgement(numbers[place], until_at, Recorded("olga", NOW))
                alerts.add_acknowledgement(connection, said)
        whole = read_open(connection, NOW)
        stand = Counter(one.standing for one in whole)
        fire = Counter(one.kept.episode.severity for one in whole if one.standing is Standing.FIRING)
        for standing, limit in itertools.product((None, *Standing), (0, 2, 12)):
            found = read_first(connection, NOW, limit, standing)
            assert found.views == tuple(one for one in whole if standing in {None, one.standing})[:limit]
            assert found.counts == {each: stand[each] for each in Standing if each is not Standing.RESOLVED}
            assert found.firing == {each: fire[each] for each in Severity}
        example.rollback()


def test_many_are_counted_without_reading_each(database: Database) -> None:
    """No more of them are loaded than are shown, out of an index in their order, whether they fire or do not yet."""
    many = 300
    said: list[tuple[str, tuple[object, ...]]] = []
    with database.write() as connection:
        alerts.add_episodes(
            connection,
            [
                Episode(Code.DEVICE_SILENT, f"d{place}", Severity.WARNING, "why", NOW, NOW, NOW if place % 2 else None)
                for place in range(2 * many)
            ],
        )
        event.listen(connection, "before_cursor_execute", lambda *call: said.append((call[2], call[3])))
        found = read_first(connection, NOW, 5)
        plans = [str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}", values).all()) for one, values in [*said]]
    assert (found.counts[Standing.FIRING], found.counts[Standing.PENDING], len(found.views)) == (many, many, 5)
    loaded = [plan for plan in plans if "alert_open (code=? AND severity=? AND fired_at" in plan]
    assert ["B-TREE" in plan for plan in loaded] == [False, False]
