"""Sealed messages put in order: blocks by device, epoch and seq, receipts beside them, whatever order they came in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocol import cose, wire
from protocol.errors import ProtocolError
from protocol.messages import Genesis

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from protocol.identity import DeviceId, Epoch
    from protocol.messages import Block

Stream = tuple["DeviceId", "Epoch"]


@dataclass(frozen=True, slots=True)
class Shelf:
    """Messages by what they claim to be; nothing is verified yet.

    `blocks` holds for each device and epoch the different bytes that claim each seq. `strange` has one sentence for
    each message that is neither block nor receipt.
    """

    blocks: Mapping[Stream, Mapping[int, tuple[bytes, ...]]]
    receipts: tuple[bytes, ...]
    strange: tuple[str, ...]

    @property
    def block_count(self) -> int:
        """How many different blocks there are."""
        return sum(len(copies) for seqs in self.blocks.values() for copies in seqs.values())

    def first_blocks(self) -> dict[Stream, Block]:
        """Return the block 0 of each epoch that has one which can be read, unverified."""
        found: dict[Stream, Block] = {}
        for stream, seqs in self.blocks.items():
            for raw in seqs.get(0, ()):
                block = _read(raw)
                if block is not None:
                    found.setdefault(stream, block)
        return found

    def in_order(self) -> list[Stream]:
        """Return the epochs, device by device, each after the one that its genesis names as its predecessor.

        Those without such a tie stand in the order in which they were begun, as far as their clocks can say.
        """
        first = self.first_blocks()

        def begun(stream: Stream) -> tuple[bytes, int, bytes]:
            device, epoch = stream
            return device, first[stream].sealed.wall_ms if stream in first else -1, epoch

        ordered: dict[Stream, None] = {}
        for stream in sorted(self.blocks, key=begun):
            # Back to the first that is not in its place yet, or around a circle of epochs that name each other.
            line: dict[Stream, None] = {}
            at: Stream | None = stream
            while at is not None and at in self.blocks and at not in ordered and at not in line:
                line[at] = None
                at = _predecessor(at, first)
            ordered |= dict.fromkeys(reversed(line))
        return sorted(ordered, key=lambda stream: stream[0])


@dataclass(slots=True)
class _Arranging:
    blocks: dict[Stream, dict[int, dict[bytes, None]]] = field(default_factory=dict)
    receipts: list[bytes] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)

    def put(self, number: int, raw: bytes) -> None:
        try:
            envelope = cose.open_envelope(raw)
        except ProtocolError as error:
            self.strange.append(f"message {number} cannot be read: {error}")
            return
        try:
            head = wire.decode_head(envelope.payload)
        except ProtocolError as no_block:
            try:
                wire.decode_receipt(envelope.payload)
            except ProtocolError:
                self.strange.append(f"message {number} is neither a block nor a receipt: {no_block}")
            else:
                self.receipts.append(raw)
            return
        self.blocks.setdefault((head.device, head.epoch), {}).setdefault(head.seq, {})[raw] = None


def arrange(messages: Iterable[bytes]) -> Shelf:
    """Return sealed messages in order; the same bytes count once."""
    shelf = _Arranging()
    for number, raw in enumerate(messages, start=1):
        shelf.put(number, raw)
    blocks = {
        stream: {seq: tuple(copies) for seq, copies in sorted(seqs.items())} for stream, seqs in shelf.blocks.items()
    }
    return Shelf(blocks, tuple(dict.fromkeys(shelf.receipts)), tuple(shelf.strange))


def _predecessor(stream: Stream, first: Mapping[Stream, Block]) -> Stream | None:
    genesis = first[stream].frames[0] if stream in first else None
    if not isinstance(genesis, Genesis) or genesis.predecessor is None:
        return None
    before = (stream[0], genesis.predecessor[0])
    return None if before == stream else before


def _read(raw: bytes) -> Block | None:
    try:
        return wire.read_block(raw)[0]
    except ProtocolError:
        return None
