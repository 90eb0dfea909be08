"""What the hub's tables show, followed as it comes by triggers of our own, so that every commit can be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol.chain import Verdict
from protocol.identity import Epoch
from simulators.custody.facts import ErrorsFact, GapFact, ReadingFact, ReadingKey

if TYPE_CHECKING:
    import sqlite3

    from simulators.custody.facts import Fact


class Shown:
    """The readings in a hub's database, kept up to date by `look`; the rare facts are read when they are asked for."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.readings = {fact.key: fact.raw for fact in self.all_readings()}
        db.executescript(_FOLLOW)

    def look(self) -> tuple[list[ReadingFact], list[str]]:
        """Return the readings added by what was committed since the last look, and the accepted ones that changed."""
        added = [ReadingFact(ReadingKey(*key), raw) for *key, raw in self._db.execute(_ADDED)]
        changed = [serial for (serial,) in self._db.execute("select what from temp.changed")]
        if added or changed:
            self._db.execute("delete from temp.added")
            self._db.execute("delete from temp.changed")
            self._db.commit()
        self.readings.update(added)
        return added, changed

    def facts(self) -> set[Fact]:
        """Return everything shown."""
        return {ReadingFact(key, raw) for key, raw in self.readings.items()} | set(self.rare_facts())

    def all_readings(self) -> list[ReadingFact]:
        """Return the readings as the table has them."""
        return [ReadingFact(ReadingKey(*key), raw) for *key, raw in self._db.execute(_READINGS)]

    def rare_facts(self) -> list[Fact]:
        """Return the gap statements and failed polls as the tables have them, doubled ones twice."""
        gaps = self._db.execute("select boot_id, meter_index, from_at, to_at, cause from gap")
        errors = self._db.execute("select boot_id, meter_index, from_at, to_at, cause, polls from poll_error")
        return [*(GapFact(*row) for row in gaps), *(ErrorsFact(*row) for row in errors)]

    def block_bytes(self) -> list[bytes]:
        """Return every block in custody that is intact."""
        return [raw for (raw,) in self._db.execute("select bytes from block where verdict = ?", [Verdict.OK.value])]

    def broken_links(self) -> list[tuple[Epoch, int]]:
        """Return the epoch and seq of every intact block that was not sealed on the intact one before it."""
        found = self._db.execute(_BROKEN_LINKS, {"intact": Verdict.OK.value})
        return [(Epoch(epoch), seq) for epoch, seq in found]


_READINGS = """
select register.serial, register.obis, reading.read_at, reading.boot_id, reading.boottime_ms, reading.raw
from reading join register on register.id = reading.register_id where not reading.poll_status & 16
"""
"""A reading that was placed (STATUS_PLACED) is one that stands there as read too."""

_ADDED = """
select register.serial, register.obis, added.read_at, added.boot_id, added.boottime_ms, added.raw
from temp.added as added join register on register.id = added.register_id
"""

_BROKEN_LINKS = """
select stream.epoch, block.seq
from block join block as before on before.stream_id = block.stream_id and before.seq = block.seq - 1
join stream on stream.id = block.stream_id
where block.verdict = :intact and before.verdict = :intact and block.previous != before.sha256
"""

_FOLLOW = """
create temp table added (register_id, read_at, boot_id, boottime_ms, raw);
create temp table changed (what text);
create temp trigger follow_insert after insert on main.reading when not new.poll_status & 16 begin
    insert into added values (new.register_id, new.read_at, new.boot_id, new.boottime_ms, new.raw);
end;
create temp trigger follow_update after update on main.reading begin
    insert into changed values ('updated');
end;
create temp trigger follow_delete after delete on main.reading begin
    insert into changed values ('deleted');
end;
"""
