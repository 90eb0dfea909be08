"""A bus under a seeded plan of faults: whatever the wire does, a read gives the words asked for or says why not."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest

from edge.bus import BusError
from edge.metering.words import Span
from tests.edge.fake_meter import FakeMeter, Reply, framed, truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.settings import BusKind

SHORT = 0.15
BOUND = 60.0
REQUESTS = 40
EXCEPTIONS = (2, 4, 6, 11)


class Faults:
    """What goes wrong with each reply, drawn from a seed; half of the replies are good."""

    def __init__(self, kind: BusKind, seed: int) -> None:
        self._kind = kind
        self._chance = random.Random(seed)  # noqa: S311 - a plan of faults, not a secret
        self._plan: tuple[Callable[[bytes], Reply | None], ...] = (
            lambda _: None,
            lambda body: Reply(truth(body).body, after_seconds=SHORT * self._chance.uniform(1.1, 1.5)),
            lambda body: Reply(bytes([body[0] + 1]) + truth(body).body[1:]),
            lambda body: Reply(truth(bytes([body[0], 7 - body[1]]) + body[2:]).body),
            lambda body: Reply(bytes([body[0], body[1] | 0x80, self._chance.choice(EXCEPTIONS)])),
            lambda body: self._frame(b"\x00", body),
            lambda body: self._frame(framed(self._kind, body), body),
            lambda body: Reply(b"", frame=self._whole(body)[: self._chance.randrange(1, 7)]),
            lambda body: Reply(b"", frame=self._whole(body) * 2),
            self._damage,
        )
        self.drawn: list[int] = []

    def __call__(self, _: int, body: bytes) -> Reply | None:
        """Return the reply to a request, good or not."""
        if self._chance.random() < 0.5:
            return truth(body)
        self.drawn.append(self._chance.randrange(len(self._plan)))
        return self._plan[self.drawn[-1]](body)

    def _whole(self, body: bytes) -> bytes:
        return framed(self._kind, truth(body).body)

    def _frame(self, before: bytes, body: bytes) -> Reply:
        return Reply(b"", frame=before + self._whole(body))

    def _damage(self, body: bytes) -> Reply:
        """Flip a bit anywhere; over TCP, where no check sum is ours to judge, in the head."""
        frame = bytearray(self._whole(body))
        frame[self._chance.randrange(7 if self._kind == "tcp" else len(frame))] ^= 1 << self._chance.randrange(5)
        return Reply(b"", frame=bytes(frame))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", ["rtu", "ascii", "tcp", "rtu-tcp"])
async def test_no_fault_gives_other_words(kind: BusKind, seed: int) -> None:
    """Every word that a read gives is one that was asked for, and after the faults the bus is as good as new."""
    fake = FakeMeter(kind)
    await fake.start()
    bus = fake.bus()
    fake.script = faults = Faults(kind, seed)
    chance = random.Random(seed)  # noqa: S311 - a plan of requests, not a secret
    good = 0
    async with asyncio.timeout(BOUND):
        for _ in range(REQUESTS):
            address, count = chance.randrange(1000), chance.choice((2, 2, 4))
            try:
                words = await bus.read(1, Span(chance.choice((3, 4)), address, count), timeout_seconds=SHORT)
            except BusError:
                continue
            assert words == tuple(range(address, address + count)), f"seed {seed}, faults {faults.drawn}"
            good += 1
        fake.script = lambda _, body: truth(body)
        assert await bus.read(1, Span(3, 5000, 2), timeout_seconds=SHORT) == (5000, 5001)
    tally = bus.tally
    assert good >= REQUESTS // 4
    assert len(set(faults.drawn)) > 1
    assert tally.requests == tally.replies + tally.timeouts + tally.check_sums + tally.strangers + tally.lost
    assert tally.replies == good + tally.refusals + 1
    await bus.close()
    await fake.stop()
