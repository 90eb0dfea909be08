"""One meter counted by its pulses: what a cycle polls beside the meters on buses.

Edges are taken as the kernel reports them, between the polls too; a poll settles what is due, keeps the count durably
and gives it as the reading. So the count on the card is never behind the journal.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edge.bus_errors import NotConnectedError
from edge.metering.outcome import Failed, PollOutcome, Taken
from edge.pulse.contacts import Contacts
from edge.pulse.count_file import CountFile, CountFileError, KeptCount
from edge.pulse.gpio import GpioLines, open_gpio
from edge.pulse.register import PulseRegister, describe_pulses, is_basis_same
from protocol.messages import MeterEvent, MeterEventKind, PollCause

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edge.pulse.contacts import Edge
    from edge.settings import Contact, PulseMeter
    from protocol.messages import Instant, Latest, MeterDescriptor

KEEP_PULSES = 1024
"""So many pulses at most are counted between two durable writes, whatever the interval."""
_NOT_OPEN = Failed(PollCause.NOT_CONNECTED, "the lines are not open")

_log = logging.getLogger(__name__)


class PulseInput(Protocol):
    """Open lines: `edge.pulse.gpio.Gpio`, or a simulated one."""

    def fileno(self) -> int:
        """Return the file descriptor that is readable while there are edges."""
        ...

    def stand(self) -> Mapping[Contact, bool]:
        """Return which contacts are closed now."""
        ...

    def read(self) -> Sequence[Edge]:
        """Return the edges since the last call."""
        ...

    def close(self) -> None:
        """Let go of the lines."""
        ...


@dataclass(frozen=True, slots=True)
class Hardware:
    """How lines are opened, and the clock (ns) by which their edges are stamped."""

    open_lines: Callable[[GpioLines], PulseInput]
    monotonic_ns: Callable[[], int]


LINUX = Hardware(open_gpio, time.monotonic_ns)


@dataclass(frozen=True, slots=True)
class _Count:
    """The open input and what it has said; `pulses` were counted before it was opened."""

    input: PulseInput
    contacts: Contacts
    pulses: int


class PulsePoller:
    """The register of one pulse output. `poll` opens the lines if they are not open yet; `close` keeps the count.

    `last` is the newest reading that the journal holds, (read_at UTC ms, count), None if there is none: the count goes
    on from there if the file that keeps it is gone.
    """

    def __init__(
        self,
        settings: PulseMeter,
        file: CountFile,
        now: Callable[[], Instant],
        last: tuple[int, int] | None = None,
        hardware: Hardware | None = None,
    ) -> None:
        self.settings = settings
        self.answered = True
        self._register = PulseRegister(settings.start_kwh, settings.wh_per_pulse)
        self._descriptor = describe_pulses(settings)
        self._file = file
        self._now = now
        self._last = last
        self._hardware = hardware or LINUX
        self._count: _Count | None = None
        self._events: list[MeterEvent] = []
        self._lost_stated = 0
        self._kept_pulses = -1

    @property
    def bus_name(self) -> str:
        """A name of its own: a count waits for nobody."""
        return f"pulses of meter {self.settings.index}"

    async def poll(self) -> PollOutcome:
        """Return the register as it stands now; what could not be counted comes along as an event."""
        before = self._now()
        try:
            count = self._settled()
        except NotConnectedError as error:
            self.answered = False
            failed = Failed(PollCause.NOT_CONNECTED, str(error))
            return PollOutcome(self.settings.index, before, self._now(), failed)
        self.answered = True
        self._keep(count, before)
        self._state_lost(count, before)
        events, self._events = tuple(self._events), []
        taken = Taken({0: self._register.count(_pulses(count))}, self._descriptor)
        return PollOutcome(self.settings.index, before, self._now(), taken, events)

    async def look(self) -> PollOutcome:
        """Return the register as it stands, without keeping it or telling of anything; lines are opened by polls."""
        now = self._now()
        result: Taken | Failed = _NOT_OPEN
        if self._count is not None:
            result = Taken({0: self._register.count(_pulses(self._count))}, self._descriptor)
        return PollOutcome(self.settings.index, now, now, result)

    async def close(self) -> None:
        """Keep the count and let go of the lines."""
        now_ns = self._hear_waiting()
        if self._count is None:
            return
        self._keep(self._settle(self._count, now_ns), self._now())
        self._let_go()

    def _let_go(self) -> None:
        assert self._count is not None
        asyncio.get_running_loop().remove_reader(self._count.input.fileno())
        self._count.input.close()
        self._count = None

    def _settled(self) -> _Count:
        """Return the count with every edge that is due by now; raises NotConnectedError."""
        now_ns = self._hear_waiting()
        return self._settle(self._count if self._count is not None else self._open(), now_ns)

    def _hear_waiting(self) -> int:
        """Take the edges that the kernel holds, and return until when (ns) they are complete.

        Each may take back the one before: a program that was busy must not count a bounce because time has passed.
        """
        now_ns = self._hardware.monotonic_ns()
        if self._count is not None and _is_readable(self._count.input):
            self._take_edges()
        return now_ns

    def _settle(self, count: _Count, now_ns: int) -> _Count:
        self._count = settled = replace(count, contacts=count.contacts.settle(now_ns))
        return settled

    def _open(self) -> _Count:
        settings = self.settings
        opened = self._hardware.open_lines(GpioLines(self.settings.chip, settings.lines, settings.bias))
        contacts = Contacts(settings.form, settings.debounce_ms * 1_000_000)
        for contact, is_closed in _stand(opened, settings.chip).items():
            contacts = contacts.begin(contact, is_closed=is_closed)
        self._lost_stated = 0
        pulses = self._known_pulses()
        asyncio.get_running_loop().add_reader(opened.fileno(), self._take_edges)
        return _Count(opened, contacts, pulses)

    def _known_pulses(self) -> int:
        """Return how many pulses were counted before, and state since when none could be."""
        try:
            kept = self._file.read(self._register.basis())
        except CountFileError as error:
            _log.error("%s; counting goes on from the journal", error)
            kept = None
        journaled = self._register.pulses(self._last[1]) if self._last is not None else -1
        pulses = max(kept.pulses if kept is not None else 0, journaled)
        since = max(kept.at_ms if kept is not None else 0, self._last[0] if self._last is not None else 0)
        if since:
            now = self._now()
            count = self._register.count(pulses)
            self._events.append(
                MeterEvent(
                    meter=self.settings.index,
                    at=now.wall_ms,
                    kind=MeterEventKind.PULSES_LOST,
                    register=0,
                    before=(since, count),
                    note="the counter was off: whatever was pulsed in this time is missing from the register",
                )
            )
        return pulses

    def _take_edges(self) -> None:
        """Take what the kernel reports; a line that goes away is opened anew at the next poll."""
        assert self._count is not None
        try:
            edges = self._count.input.read()
        except OSError as error:
            _log.error("%s: reading the edges of %s failed: %s", self.settings.name, self.settings.chip, error)
            self._last = (self._now().wall_ms, self._register.count(_pulses(self._count)))
            self._keep(self._count, self._now())
            self._let_go()
            return
        contacts = self._count.contacts
        for edge in edges:
            contacts = contacts.take(edge)
        self._count = replace(self._count, contacts=contacts)
        pulses = _pulses(self._count)
        if pulses - self._kept_pulses >= KEEP_PULSES:
            self._keep(self._count, self._now())
        else:
            self._file.note(KeptCount(pulses, self._now().wall_ms, self._register.basis()))

    def _keep(self, count: _Count, now: Instant) -> None:
        """Write the count durably. Where that fails counting goes on: the journal is behind by one interval at most."""
        self._kept_pulses = _pulses(count)
        try:
            self._file.keep(KeptCount(self._kept_pulses, now.wall_ms, self._register.basis()))
        except CountFileError as error:
            _log.error("%s", error)

    def _state_lost(self, count: _Count, now: Instant) -> None:
        lost = count.contacts.lost_edges - self._lost_stated
        if lost <= 0:
            return
        self._lost_stated = count.contacts.lost_edges
        self._events.append(
            MeterEvent(
                meter=self.settings.index,
                at=now.wall_ms,
                kind=MeterEventKind.PULSES_LOST,
                register=0,
                after=(now.wall_ms, self._register.count(_pulses(count))),
                note=f"the kernel dropped {lost} edges of the line: pulses are missing from the register",
            )
        )


def _stand(lines: PulseInput, chip: str) -> Mapping[Contact, bool]:
    """Return which contacts are closed; raises NotConnectedError, with the lines let go of, if that cannot be read."""
    try:
        return lines.stand()
    except OSError as error:
        lines.close()
        message = f"the lines of {chip} cannot be read: {error.strerror}; check the chip"
        raise NotConnectedError(message) from error


def _is_readable(lines: PulseInput) -> bool:
    ready = select.poll()
    ready.register(lines.fileno(), select.POLLIN)
    return bool(ready.poll(0))


def _pulses(count: _Count) -> int:
    return count.pulses + count.contacts.pulses


def count_pulses(
    meters: Sequence[PulseMeter],
    state_dir: Path,
    now: Callable[[], Instant],
    latest: Mapping[int, Latest],
    descriptors: Mapping[int, MeterDescriptor],
) -> tuple[PulsePoller, ...]:
    """Return the counter of each meter, its count kept in `state_dir` and in systemd's RuntimeDirectory, if any.

    `latest` is the newest good reading of each meter that the journal holds, and `descriptors` what its counts mean: a
    count on another basis, or by another driver, is not gone on from. Nothing is opened before the first poll.
    """
    runtime = os.environ.get("RUNTIME_DIRECTORY")
    counters = []
    for meter in meters:
        name = f"pulses-{meter.index}.count"
        file = CountFile(state_dir / name, Path(runtime) / name if runtime else None)
        known, meaning = latest.get(meter.index), descriptors.get(meter.index)
        is_same = meaning is not None and is_basis_same(meaning, describe_pulses(meter))
        last = (known.read_at, known.registers[0]) if is_same and known is not None else None
        counters.append(PulsePoller(meter, file, now, last))
    return tuple(counters)
