"""Take custody of the blocks in a file: the same bytes, the same rules and the same receipts as over the network."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.services.accept_blocks import Arrival, accept_blocks, load_keys
from protocol import cose, sequence, wire
from protocol.chain import Verdict, judge
from protocol.custody.receiver import DecisionKind
from protocol.errors import ProtocolError
from protocol.evidence import is_head
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hub.clock import Now
    from hub.services.accept_blocks import Terms
    from hub.store.database import Database
    from protocol.identity import DeviceId, Epoch
    from protocol.messages import BlockHead, Receipt

BATCH_BLOCKS_MAX = 512
"""Blocks per transaction: between two of them a hub that is running has its turn."""
REASONS_MAX = 100


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file.

    `blocks` were read; of them `new` were not held, `held` were, `aside` contradict what is held, `refused` come from
    devices nobody has registered, and `damaged` were not intact (they are taken all the same). `rejected` were not
    taken. `reasons` holds at most `REASONS_MAX` sentences. `receipts` are the last of each log. `broken` says where the
    file could not be read any further, empty if it was read to its end.
    """

    blocks: int
    new: int
    held: int
    aside: int
    refused: int
    damaged: int
    rejected: int
    reasons: tuple[str, ...]
    receipts: tuple[Receipt, ...]
    broken: str


@dataclass(frozen=True, slots=True)
class BlockFile:
    """A file as it was read: what to call it, and its bytes."""

    name: str
    data: bytes


def import_file(
    database: Database, file: BlockFile, terms: Terms, now: Now, on_batch: Callable[[int], None] = lambda _: None
) -> Imported:
    """Take the blocks of a file, batch by batch, and say what became of them.

    Taking it again changes nothing. A file that breaks off is taken through its last whole block. `on_batch` is told
    after each batch through which byte the file is taken. Raises InputError, with nothing taken, if the file does not
    begin with a block; StoreUnavailableError if the hub cannot write, with whole batches taken.
    """
    _check_beginning(file)
    importing = _Importing(database, terms, now)
    batch: list[bytes] = []
    taken_bytes = 0
    broken = ""
    for item in _items(file.data):
        if isinstance(item, str):
            broken = f"{file.name} can be read through its byte {taken_bytes + sum(map(len, batch))} only: {item}"
            break
        batch.append(item)
        if len(batch) == BATCH_BLOCKS_MAX:
            importing.take(batch)
            taken_bytes += sum(map(len, batch))
            on_batch(taken_bytes)
            batch = []
    importing.take(batch)
    on_batch(len(file.data))
    return importing.result(broken)


def _check_beginning(file: BlockFile) -> None:
    first = next(_items(file.data), None)
    if isinstance(first, bytes) and is_head(first):
        message = f"{file.name} is no file of sealed blocks; if it is an evidence bundle, check it with `meter-verify`"
        raise InputError(message)
    if first is None or isinstance(first, str) or _head_of(first) is None:
        message = f"{file.name} does not begin with a sealed block: give a file that `meter-edge export` wrote"
        raise InputError(message)


def _items(data: bytes) -> Iterator[bytes | str]:
    """Yield the messages of a file, and where it breaks off the reason as its last."""
    try:
        yield from sequence.each(data)
    except ProtocolError as error:
        yield str(error)


def _head_of(raw: bytes) -> BlockHead | None:
    try:
        return wire.decode_head(cose.open_envelope(raw).payload)
    except ProtocolError:
        return None


@dataclass(slots=True)
class _Importing:
    database: Database
    terms: Terms
    now: Now
    counts: Counter[str] = field(default_factory=Counter)
    decisions: Counter[DecisionKind] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)
    receipts: dict[tuple[DeviceId, Epoch], Receipt] = field(default_factory=dict)

    def take(self, batch: list[bytes]) -> None:
        arrivals: list[Arrival] = []
        heads: list[BlockHead] = []
        for raw in batch:
            self.counts["blocks"] += 1
            head = _head_of(raw)
            if head is None:
                self._reject("a message in the file is no block: it was left out")
            else:
                arrivals.append(Arrival(head.device, raw))
                heads.append(head)
        if not arrivals:
            return
        accepted = accept_blocks(self.database, arrivals, self.terms, self.now())
        self.decisions.update(accepted.decisions)
        for sentence in accepted.rejected:
            self._reject(sentence)
        for receipt in accepted.receipts:
            self.receipts[receipt.device, receipt.epoch] = receipt
        for device in sorted({device for device, _ in accepted.refused}):
            self._say(f"device {format_device_id(device)} is not registered: run `meter-hub device add` with its key")
        self.counts["refused"] += sum((head.device, head.epoch) in accepted.refused for head in heads)
        self._look_for_damage([one for one in arrivals if one.device not in {place[0] for place in accepted.refused}])

    def _look_for_damage(self, arrivals: list[Arrival]) -> None:
        """Judge again for the sake of the sentence, with the keys that these very blocks may have taught."""
        keys = load_keys(self.database, {arrival.device for arrival in arrivals})
        for arrival in arrivals:
            judgement = judge(arrival.raw, keys[arrival.device])
            if judgement.verdict is not Verdict.OK and judgement.head is not None:
                self.counts["damaged"] += 1
                head = judgement.head
                self._say(
                    f"block {head.seq} of epoch {head.epoch.hex()} of device {format_device_id(head.device)} is "
                    f"{judgement.verdict}: {judgement.reason}"
                )

    def _reject(self, sentence: str) -> None:
        self.counts["rejected"] += 1
        self._say(sentence)

    def _say(self, sentence: str) -> None:
        if len(self.reasons) < REASONS_MAX and sentence not in self.reasons:
            self.reasons.append(sentence)

    def result(self, broken: str) -> Imported:
        decided = self.decisions
        return Imported(
            blocks=self.counts["blocks"],
            new=decided[DecisionKind.NEW] + decided[DecisionKind.SUPERSEDES],
            held=decided[DecisionKind.DUPLICATE],
            aside=decided[DecisionKind.JUNK] + decided[DecisionKind.CONFLICT],
            refused=self.counts["refused"],
            damaged=self.counts["damaged"],
            rejected=self.counts["rejected"] + decided[DecisionKind.REJECT],
            reasons=tuple(self.reasons),
            receipts=tuple(self.receipts.values()),
            broken=broken,
        )
