"""The journal against a model: whatever happens in whatever order, no reading is lost, changed or let go too early."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.journal.epochs import EpochRow, read_epochs
from protocol.custody.sender import RetryPolicy
from protocol.identity import BootId, Epoch
from protocol.messages import FLAG_RESEALED, Genesis, GenesisReason
from tests.edge.making import (
    BOOT,
    MINUTE_MS,
    audit,
    drawing,
    failed,
    good,
    instant,
    journal_in_memory,
    judged,
    readings_of,
)

POLICY = RetryPolicy()
Reading = tuple[BootId, int, int, int, int]
Place = tuple[Epoch, int]


class JournalMachine(RuleBasedStateMachine):
    """One journal through cycles, seals, the hub's words, releases, new epochs and crashes.

    The model remembers every reading that was taken, in which blocks it was sealed, and all that a hub ever declared
    safe; a reading may be without bytes only if a block that holds it was declared safe.
    """

    def __init__(self) -> None:
        super().__init__()
        self.draw = drawing()
        self.boot = BOOT
        self.minute = 0
        self.journal = journal_in_memory(draw=self.draw)
        self.taken: set[Reading] = set()
        self.open: set[Reading] = set()
        self.sealed: dict[Reading, set[Place]] = {}
        self.noted: set[Place] = set()
        self.licensed: set[Place] = set()

    @rule(meters=st.integers(1, 3), exponent=st.sampled_from([1, 2]), fails=st.booleans())
    def record(self, meters: int, exponent: int, *, fails: bool) -> None:
        """Take a cycle."""
        self.minute += 1
        outcomes = [good(meter, self.minute, self.minute * 7 + meter, exponent) for meter in range(1, meters + 1)]
        self.journal.record(
            instant(self.minute).wall_ms, [*outcomes, *([failed(9, self.minute)] if fails else [])], MINUTE_MS
        )
        at = instant(self.minute)
        fresh = {
            (self.boot, meter, at.wall_ms, at.boottime_ms, self.minute * 7 + meter) for meter in range(1, meters + 1)
        }
        self.taken |= fresh
        self.open |= fresh

    @rule()
    def seal(self) -> None:
        """Seal what is open."""
        while self.journal.seal(instant(self.minute)) is not None:
            pass
        self._note_blocks()
        self.open.clear()

    @rule(blocks=st.integers(1, 4))
    def work(self, blocks: int) -> None:
        """Take and seal, as on any day."""
        for _ in range(blocks):
            self.record(1, 2, fails=False)
            self.seal()

    def _note_blocks(self) -> None:
        """Let the model see each block once, while its bytes are there."""
        for row in read_epochs(self.journal.db):
            for seq in range(row.head + 1):
                place = (row.epoch, seq)
                if place in self.noted:
                    continue
                raw = self.journal.block(seq, row.epoch)
                assert raw is not None, "a block is held at first"
                self.noted.add(place)
                for reading in readings_of([judged(raw)]):
                    self.sealed.setdefault(reading, set()).add(place)

    @rule(committed=st.integers(0, 6), safe=st.integers(0, 4), archived=st.integers(0, 2))
    def acknowledge(self, committed: int, safe: int, archived: int) -> None:
        """Hear the hub on the current epoch, or on an earlier one."""
        rows = read_epochs(self.journal.db)
        row = rows[min(archived, len(rows) - 1)]
        new_committed = min(row.head, row.committed + committed)
        new_safe = min(new_committed, row.safe + safe)
        sender = replace(self.journal.sender(POLICY, row.epoch), committed=new_committed, safe=new_safe)
        self.journal.acknowledge(sender, b"receipt")
        self.licensed |= {(row.epoch, seq) for seq in range(new_safe + 1)}

    @rule(age=st.sampled_from([0, 0, 3]))
    def release(self, age: int) -> None:
        """Let go."""
        self.journal.release(instant(self.minute + 1), age * MINUTE_MS)

    @rule(reason=st.sampled_from([GenesisReason.FORK, GenesisReason.ROLLBACK, GenesisReason.OPERATOR]))
    def begin_epoch(self, reason: GenesisReason) -> None:
        """End the epoch; what is open goes into the next one."""
        before = read_epochs(self.journal.db)[0]
        self.journal.begin_epoch(reason, instant(self.minute), self.draw)
        self._note_blocks()
        self._audit(read_epochs(self.journal.db)[0])
        (genesis,) = judged(self.journal.block(0) or b"").frames
        assert isinstance(genesis, Genesis)
        assert genesis.reason is reason
        assert genesis.predecessor is not None
        assert genesis.predecessor[:2] == (before.epoch, before.safe)
        assert self.journal.hash_of(before.safe, before.epoch) in {None, genesis.predecessor[2]}

    @precondition(lambda self: len(read_epochs(self.journal.db)) > 1)
    @rule(data=st.data())
    def lose_at_the_hub(self, data: st.DataObject) -> None:
        """End the epoch because the hub lost what was released on its word."""
        before = read_epochs(self.journal.db)[0]
        hub_holds = data.draw(st.integers(-1, max(-1, before.floor - 2)))
        self.journal.begin_epoch(GenesisReason.HUB_LOST, instant(self.minute), self.draw, hub_holds=hub_holds)
        self._note_blocks()

    @rule(machine=st.booleans())
    def crash(self, *, machine: bool) -> None:
        """Kill the agent, or cut its power; what is open is sealed at the next start."""
        if machine:
            self.boot = BootId(self.draw(4))
        self.journal = journal_in_memory(self.journal.image(), minute=self.minute, boot=self.boot, draw=self.draw)
        self._note_blocks()
        self.open.clear()

    @invariant()
    def every_reading_is_held_or_was_declared_safe(self) -> None:
        """Hold each reading open, or in bytes, or know a block with it that the hub declared safe (R1, R4)."""
        held = {
            (row.epoch, seq)
            for row in read_epochs(self.journal.db)
            for seq in range(row.head + 1)
            if self.journal.block(seq, row.epoch) is not None
        }
        for reading in self.taken - self.open:
            places = self.sealed[reading]
            assert places & (held | self.licensed), reading

    @invariant()
    def no_reading_is_changed_or_made_up(self) -> None:
        """Seal only what was taken, under the boot in which it was taken, sealed again or not."""
        assert self.sealed.keys() <= self.taken

    @invariant()
    def what_is_open_is_counted(self) -> None:
        """Count the open polls, those that failed too."""
        assert self.journal.open_polls >= len(self.open)

    def teardown(self) -> None:
        """Judge every epoch good: signatures, hashes, record numbers, descriptors before readings."""
        for row in read_epochs(self.journal.db):
            self._audit(row)

    def _audit(self, row: EpochRow) -> None:
        blocks = audit(self.journal, row.epoch)
        assert all(block.seq <= row.resealed for block in blocks if block.flags & FLAG_RESEALED)
        assert all(block.flags & FLAG_RESEALED for block in blocks if 0 < block.seq <= row.resealed)


JournalMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestJournalMachine = JournalMachine.TestCase
