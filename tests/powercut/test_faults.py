"""A disk that fails or fills: each fault is a sentence, what was promised stays, and work goes on when it is over."""

from __future__ import annotations

import errno
import tempfile
from contextlib import closing
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from edge.journal import JournalError, JournalFullError
from edge.keys import KeyFileError, ensure_signing_key
from edge.space import SpaceWatch, Thrift, is_polled
from hub.errors import HubError
from hub.keys import ensure_receipt_key
from hub.services.accept_blocks import accept_blocks
from protocol import wire
from protocol.custody.sender import RetryPolicy
from protocol.messages import Gap, GapCause, GenesisReason, Readings
from tests.hub.making import NOW, TERMS, made_log
from tests.powercut.programs import HUB_BLOCKS, METERS, MINUTE_MS, draw, hear, instant, open_with_device, poll, start
from tests.powercut.promises import check_hub, check_journal, check_keys, check_salvaged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.powercut.rig import Disk

T = TypeVar("T")

DEVICE = made_log([1000 + place for place in range(HUB_BLOCKS * 4)])
OPERATIONS_MAX = 2000
SENTENCE_MIN = 30
MIB = 1 << 20
CYCLES = 4
BALLAST = 8192
STOPPED_CYCLES = 30


class Faulty:
    """Does steps on a disk one operation of which fails, each again if it does."""

    def __init__(self, begin: Callable[[], None], family: tuple[type[Exception], ...]) -> None:
        self.refusals = 0
        self.begin = begin
        self._family = family

    def do(self, step: Callable[[], T]) -> T:
        """Return what a step returns, which may fail with one sentence while the disk does, and not again."""
        try:
            return step()
        except self._family as error:
            refusal = str(error)
        self.refusals += 1
        assert "\n" not in refusal
        assert len(refusal) > SENTENCE_MIN
        return step()


@dataclass(frozen=True, slots=True)
class Life:
    """What a program does on a disk, returning what it was promised; what must hold then; what it may say of faults."""

    live: Callable[[Path, Faulty], list[str]]
    check: Callable[[Path, Sequence[str]], None]
    family: tuple[type[Exception], ...]


def each_fault(disk: Disk, error: int, life: Life, *, stride: int = 1) -> int:
    """Let every operation of a life fail once, one life after another; return in how many lives somebody noticed."""
    noticed = 0
    for first in range(1, OPERATIONS_MAX, stride):
        folder = disk.folder / str(first)
        folder.mkdir()
        faulty = Faulty(partial(disk.refuse, first, 1, error), life.family)
        told = life.live(folder, faulty)
        operations = disk.order(do="ask")["operations"]
        disk.refuse(0, 0, 0)
        life.check(folder, told)
        noticed += faulty.refusals > 0
        if operations < first:
            return noticed
    message = "the life never ends"
    raise AssertionError(message)


def poll_and_seal(folder: Path, faulty: Faulty) -> list[str]:
    """Live an edge's life: poll, seal, hear the hub, begin a new epoch."""
    faulty.begin()
    with closing(faulty.do(partial(start, folder, 1, 0))) as journal:
        for cycle in range(CYCLES):
            outcomes = [poll(meter, cycle) for meter in METERS]
            faulty.do(partial(journal.record, instant(cycle).wall_ms, outcomes, MINUTE_MS))
            faulty.do(partial(journal.seal, instant(cycle)))
        sender = journal.sender(RetryPolicy())
        faulty.do(partial(hear, folder, journal, CYCLES))
        faulty.do(partial(journal.begin_epoch, GenesisReason.OPERATOR, instant(CYCLES), draw))
    safe = sender.head - 2
    return [f"released {sender.epoch.hex()} {safe}", *(f"cycle {cycle}" for cycle in range(safe, CYCLES))]


@cache
def made_hub() -> Mapping[str, bytes]:
    """Return the files of a hub that knows its device, made once: making them is another life's story."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "hub"
        open_with_device(folder).close()
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def take_blocks(folder: Path, faulty: Faulty) -> list[str]:
    """Live a hub's life: take custody of blocks."""
    (folder / "hub").mkdir(mode=0o700)
    for name, content in made_hub().items():
        (folder / "hub" / name).write_bytes(content)
    with closing(open_with_device(folder / "hub")) as database:
        faulty.begin()
        accepted = faulty.do(partial(accept_blocks, database, DEVICE.arrivals(0, 1, 2), TERMS, NOW))
    return ["registered", f"committed {accepted.receipts[0].committed}"]


def make_hub(folder: Path, faulty: Faulty) -> list[str]:
    """Live a hub's birth: make its database."""
    faulty.begin()
    faulty.do(partial(open_with_device, folder / "hub")).close()
    return ["registered"]


def make_keys(folder: Path, faulty: Faulty) -> list[str]:
    """Live the birth of both programs' keys."""
    faulty.begin()
    edge = faulty.do(partial(ensure_signing_key, folder / "edge" / "signing-key.pem"))
    hub = faulty.do(partial(ensure_receipt_key, folder / "hub"))
    return [f"edge {edge.key_id.hex()}", f"hub {hub.key_id.hex()}"]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
@pytest.mark.parametrize(
    ("life", "stride"),
    [
        (Life(poll_and_seal, check_journal, (JournalError,)), 1),
        (Life(take_blocks, check_hub, (HubError,)), 1),
        (Life(make_hub, check_hub, (HubError,)), 23),
        (Life(make_keys, check_keys, (KeyFileError, HubError)), 1),
    ],
    ids=["journal", "hub", "new hub", "keys"],
)
def test_any_operation_may_fail(disk: Disk, error: int, life: Life, stride: int) -> None:
    """Whichever write or sync fails, what was promised stays, and the step succeeds when the disk is well again."""
    assert each_fault(disk, error, life, stride=stride) > 0


def test_a_full_disk_refuses_a_cycle_whole(disk: Disk) -> None:
    """Without any thrift a cycle that finds no room is refused whole, and taken once there is room."""
    disk.order(do="capacity", bytes=MIB)
    with closing(start(disk.folder, 1, 0)) as journal:
        taken: list[int] = []

        def take_all() -> None:
            for cycle in range(10_000):
                journal.record(instant(cycle).wall_ms, [poll(meter, cycle) for meter in METERS], MINUTE_MS)
                taken.append(cycle)

        with pytest.raises(JournalFullError, match="free some space"):
            take_all()
        assert journal.open_polls == len(taken) * len(METERS)
        disk.order(do="capacity", bytes=2 * MIB)
        cycle = len(taken)
        journal.record(instant(cycle).wall_ms, [poll(meter, cycle) for meter in METERS], MINUTE_MS)
    check_salvaged(disk.folder, [f"cycle {cycle}" for cycle in range(len(taken) + 1)])


def test_thrift_never_runs_into_the_full_disk(disk: Disk) -> None:
    """An agent that minds its reserve never meets a refusal, drops nothing, says what it left out, and resumes."""
    disk.order(do="capacity", bytes=6 * MIB)
    watch = SpaceWatch(disk.folder, MIB)
    levels: list[Thrift] = []
    cycle = 0
    with closing(start(disk.folder, 1, 0)) as journal:
        while levels.count(Thrift.STOP) < STOPPED_CYCLES:
            edge_at = instant(cycle).wall_ms
            levels.append(watch.look(journal.room()))
            if is_polled(levels[-1], edge_at):
                outcomes = [poll(meter, cycle) for meter in METERS]
                journal.record(edge_at, outcomes, MINUTE_MS, is_sparing=levels[-1].is_skipping)
                # Something else fills the disk at the same time.
                with (disk.folder / "ballast").open("ab") as ballast:
                    ballast.write(bytes(BALLAST))
            else:
                journal.skip_from(edge_at)
            cycle += 1
        while journal.seal(instant(cycle)) is not None:
            continue
    disk.order(do="capacity", bytes=64 * MIB)
    with closing(start(disk.folder, 2, cycle)) as journal:
        journal.record(instant(cycle).wall_ms, [poll(meter, cycle) for meter in METERS], MINUTE_MS)
        journal.seal(instant(cycle))
        raws = [journal.block(seq) for seq in range(journal.sender(RetryPolicy()).head + 1)]
    assert levels == sorted(levels)
    assert set(levels) == set(Thrift)
    frames = [frame for raw in raws if raw is not None for frame in wire.read_block(raw)[0].frames]
    polled = {at for frame in frames if isinstance(frame, Readings) and frame.meter == 1 for at in frame.read_at}
    gaps = [frame for frame in frames if isinstance(frame, Gap) and frame.meter == 1]
    left_out = {at for gap in gaps for at in range(gap.from_at, gap.to_at, MINUTE_MS)}
    assert {gap.cause for gap in gaps} == {GapCause.DISK_FULL}
    assert polled | left_out == {instant(each).wall_ms for each in range(cycle + 1)}
    assert not polled & left_out
