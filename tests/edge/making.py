"""Logs to test with: one device's key, its meters, what they gave, and its log as an auditor sees it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.journal import Author, adopt_journal, in_memory
from edge.metering.outcome import Failed, PollOutcome, Taken
from protocol.chain import Verdict, begins, describes, follows, judge
from protocol.cose import SigningKey, VerifyingKey
from protocol.identity import BootId, derive_device_id, hash_block
from protocol.messages import Instant, MeterDescriptor, Readings, Register, TimeQuality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from edge.journal import Journal
    from protocol.identity import DescriptorId, Epoch
    from protocol.messages import Block

BOOT = BootId(b"boot")
KEY = SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
AUTHOR = Author(derive_device_id(KEY.spki), KEY, "0.0.test")
MINUTE_MS = 60_000
START_MS = 1_467_331_200_000
REGISTER = Register("1-0:2.8.0", "Wh", 2, 32, "s", 10**9, 3, 1206, "little")


def instant(minute: int) -> Instant:
    """Return the instant so many minutes after the start, synchronised."""
    return Instant(START_MS + minute * MINUTE_MS, minute * MINUTE_MS, TimeQuality.SYNCHRONISED)


def descriptor(meter: int, exponent: int = 2) -> MeterDescriptor:
    """Return a meter's descriptor; another exponent makes it another one."""
    registers = {0: replace(REGISTER, scale_exponent=exponent)}
    return MeterDescriptor(meter, "Maker", "Model", f"S{meter}", "1", (1, 1), "rtu", meter, registers)


def good(meter: int, minute: int, count: int, exponent: int = 2) -> PollOutcome:
    """Return a poll that gave a reading."""
    return PollOutcome(meter, instant(minute), instant(minute), Taken({0: count}, descriptor(meter, exponent)))


def failed(meter: int, minute: int, cause: str = "timeout") -> PollOutcome:
    """Return a poll that gave none."""
    return PollOutcome(meter, instant(minute), instant(minute), Failed(cause, "no reply"))


def draw(size: int) -> bytes:
    """Return the same bytes for every new epoch: chance is an argument."""
    return bytes(range(size))


def drawing() -> Callable[[int], bytes]:
    """Return a source of bytes that never gives the same twice."""
    drawn = 0

    def draw_next(size: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return drawn.to_bytes(size, "big")

    return draw_next


def journal_in_memory(
    image: bytes | None = None, *, minute: int = 0, boot: BootId = BOOT, draw: Callable[[int], bytes] = draw
) -> Journal:
    """Return a journal that lives in memory, new or as it was in `image`."""
    return adopt_journal(in_memory(image), AUTHOR, boot, instant(minute), draw, begun_before=False)


def judged(raw: bytes) -> Block:
    """Return a sealed block that is found good."""
    judgement = judge(raw, {KEY.key_id: VerifyingKey.from_spki(KEY.spki)})
    assert judgement.verdict is Verdict.OK, judgement.reason
    assert judgement.block is not None
    return judgement.block


def audit(journal: Journal, epoch: Epoch) -> list[Block]:
    """Return the held blocks of an epoch, each good, chained to the one before, and with its meters described.

    The chain goes through released blocks by their hashes; meters may be described in one of those.
    """
    found: list[Block] = []
    known: dict[DescriptorId, MeterDescriptor] = {}
    head, floor = journal.db.execute("select head, floor from epoch where epoch = ?", [epoch]).fetchone()
    for seq in range(floor, head + 1):
        raw = journal.block(seq, epoch)
        assert raw is not None, f"block {seq} is not held"
        assert hash_block(raw) == journal.hash_of(seq, epoch)
        block = judged(raw)
        assert block.epoch == epoch
        if seq == 0:
            assert begins(block) is None
        elif found:
            assert follows(found[-1], journal.hash_of(seq - 1, epoch) or found[-1].previous, block) is None
        else:
            assert journal.hash_of(seq - 1, epoch) in {None, block.previous}, "version 1 kept no hash"
        known, findings = describes(block, known)
        assert floor or not findings, findings
        found.append(block)
    return found


def readings_of(blocks: Iterable[Block]) -> list[tuple[BootId, int, int, int, int]]:
    """Return (boot, meter, wall ms, boottime ms, count) of each reading in these blocks."""
    return [
        (frame.boot_id or block.boot_id, frame.meter, at, at - offset, count)
        for block in blocks
        for frame in block.frames
        if isinstance(frame, Readings)
        for at, offset, count in zip(frame.read_at, frame.offset_ms, frame.registers[0], strict=True)
    ]
