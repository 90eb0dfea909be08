"""The agent's composition root: builds the parts and runs them under one task group.

Three tasks share one journal. *Polling* reads every meter at each interval edge, journals the cycle in one commit and
seals what is due; it never waits for the network. *Custody* offers sealed blocks to the hub and lets go on receipt.
*Commands* does what the hub ordered beside the interval edges, and watches over a configuration on trial.
"""

from __future__ import annotations

import asyncio
import logging
import os
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from edge.author import load_author
from edge.bus import open_bus
from edge.clock import read_instance
from edge.commands import Clerk, ClerkTerms, open_log
from edge.custody import Custodian, Desk, DeskTerms, Moment, SystemChance
from edge.cycle import Cycle
from edge.health import HealthWatch, runtime_folder
from edge.journal import JournalDamagedError, JournalError, set_aside
from edge.judging import Judging, terms_of
from edge.keys import load_hub_key
from edge.machine import read_machine
from edge.notify import ServiceManager
from edge.poll import MeterPoller
from edge.polling import Polling, PollingTerms, Watches
from edge.profiles import load_profile
from edge.space import SpaceWatch
from edge.uplink import UplinkError
from protocol.custody.sender import RetryPolicy
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from edge.clock import Clock
    from edge.commands import RepollOrder
    from edge.config import AgentConfig
    from edge.pulse import PulsePoller

DAY_MS = 86_400_000
DRAIN_SECONDS = 10.0
"""How long a graceful stop waits for the hub's receipt of what it sealed last; the journal keeps the rest."""
TASK_RESTART_SECONDS = 10.0
TRIAL_WATCH_SECONDS = 1.0
STATE_REFRESH_MS = DAY_MS // 4
"""How old the hub's picture of this machine gets at most, and a block of readings more."""

_log = logging.getLogger(__name__)


class Ending(Enum):
    """Why an agent ended: it was told to stop, a command wants it anew, or its journal has to be salvaged."""

    STOPPED = "stopped"
    RESTART = "restart"
    SALVAGE = "salvage"


async def run_agents(
    config: AgentConfig, clock: Clock, stop: asyncio.Event, manager: ServiceManager | None = None
) -> None:
    """Run one agent after another until `stop` is set. The configuration file is not read again in between."""
    while (ending := await Agent(config, clock, stop, manager).run()) is not Ending.STOPPED:
        if ending is Ending.SALVAGE:
            # A medium that damages whatever is written must not be salvaged to without a pause.
            await asyncio.sleep(TASK_RESTART_SECONDS)
        _log.info("the agent starts anew")


class Agent:
    """One device's agent. `run` ends when `stop` is set: polling stops, what is open is sealed and offered.

    `config` is what the file says; the agent runs under what the hub made of it by command. `manager` is told of every
    committed cycle. Raises KeyFileError and JournalError.
    """

    def __init__(
        self, config: AgentConfig, clock: Clock, stop: asyncio.Event, manager: ServiceManager | None = None
    ) -> None:
        author = load_author(config.key_path, config.journal_path)
        hub_key = load_hub_key(config.hub_key)
        command_key = None
        if config.command_key is not None:
            command_key = load_hub_key(config.command_key, "meter-hub key --command")
        self._clock = clock
        self._stop = stop
        self._manager = manager or ServiceManager({})
        self._restart = asyncio.Event()
        self._work = asyncio.Event()
        log = open_log(config, author, clock, self._moment().steady_ms, os.urandom)
        self._author, self._journal, self._config = log.author, log.journal, log.config
        self._buses = {bus.name: open_bus(bus) for bus in log.config.buses}
        self._counters = self._count_pulses()
        self._terms = DeskTerms(
            hub_key=hub_key,
            command_key=command_key,
            retry=RetryPolicy(base_ms=log.config.resend_seconds * 1000, max_ms=log.config.resend_seconds_max * 1000),
            retention_ms=log.config.retention_days * DAY_MS,
            refresh_ms=STATE_REFRESH_MS,
        )
        clerk_terms = ClerkTerms(
            base=config, config=log.config, command_key=command_key, kernel_boot_id=clock.kernel_boot_id
        )
        self._clerk = Clerk(self._journal, self._author, clerk_terms, self._work.set)
        self._custodian: Custodian | None = None
        self._desk: Desk | None = None
        self._health = HealthWatch(
            log.config.health_seconds * 1000,
            runtime_folder(os.environ),
            format_device_id(self._author.device),
            lambda: {name: bus.tally for name, bus in self._buses.items()},
        )
        self._space = SpaceWatch(log.config.state_dir, log.config.disk_reserve_mib << 20)
        self._polling = self._begin_polling()

    def _count_pulses(self) -> tuple[PulsePoller, ...]:
        config = self._config
        if not config.pulses:
            return ()
        # Most devices have no pulse input, and small machines no memory to spare for one.
        from edge.pulse import count_pulses  # noqa: PLC0415 - loaded only here

        known = (self._journal.latest(), self._journal.descriptors())
        return count_pulses(config.pulses, config.state_dir, self._clock.now, *known)

    def _begin_polling(self) -> Polling:
        config = self._config
        profiles = {meter.index: load_profile(meter.profile) for meter in config.meters}
        pollers = [
            MeterPoller(meter, profiles[meter.index], self._buses[meter.bus], self._clock.now)
            for meter in config.meters
        ]
        cycle = Cycle([*pollers, *self._counters], self._clock.now, seconds_max=config.interval_seconds / 2)
        judging = Judging(
            {meter.index: terms_of(meter, profiles[meter.index]) for meter in config.meters},
            self._clock.boot_id,
            self._journal.memories(),
        )
        terms = PollingTerms(
            interval_ms=self._interval_ms,
            seal_ms=config.seal_seconds * 1000,
            meters=[meter.index for meter in config.everything_read],
        )
        watches = Watches(self._space, self._health, self._manager, self._make_room, self._seal)
        ends = (self._stop, self._restart)
        return Polling(terms, self._clock, self._journal, watches, cycle=cycle, judging=judging, ends=ends)

    async def run(self) -> Ending:
        """Poll, seal, keep custody and do what is ordered, until `stop` is set or a command wants the agent anew."""
        _log.info(
            "device %s reads %d meters every %d s; its hub is reached through %s:%d",
            format_device_id(self._author.device),
            len(self._config.meters),
            self._config.interval_seconds,
            self._config.uplink.host,
            self._config.uplink.port,
        )
        self._manager.ready(f"reading {len(self._config.everything_read)} meters", self._interval_ms)
        is_damaged = False
        try:
            async with asyncio.TaskGroup() as tasks:
                beside = [
                    tasks.create_task(self._keep_going("custody", self._run_custody), name="custody"),
                    tasks.create_task(self._keep_going("commands", self._run_commands), name="commands"),
                ]
                await self._polling.run()
                if self._stop.is_set():
                    self._manager.stopping()
                self._seal_last()
                if self._stop.is_set():
                    await self._drain()
                for task in beside:
                    task.cancel()
        except* JournalDamagedError as damage:
            _log.error("%s", damage.exceptions[0])
            is_damaged = True
        finally:
            for bus in self._buses.values():
                await bus.close()
            for counter in self._counters:
                await counter.close()
            self._journal.close()
        if is_damaged:
            set_aside(self._config.journal_path, self._clock.now())
            return Ending.SALVAGE
        return Ending.STOPPED if self._stop.is_set() else Ending.RESTART

    async def _keep_going(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Keep a task going beside polling. A fault of ours there is logged in full but never stops polling."""
        while True:
            task = asyncio.ensure_future(run())
            try:
                await asyncio.wait({task})
            finally:
                task.cancel()
                await asyncio.wait({task})
            error = task.exception()
            if isinstance(error, JournalDamagedError):
                raise error
            if isinstance(error, JournalError):
                _log.error("%s waits for the journal: %s", name, error)
            elif isinstance(error, UplinkError):
                _log.error("the hub cannot be reached, and is tried again with the same files: %s", error)
            else:
                _log.critical("%s failed; polling goes on, and %s starts anew", name, name, exc_info=error)
            await asyncio.sleep(TASK_RESTART_SECONDS)

    # Custody.

    async def _run_custody(self) -> None:
        desk = Desk(
            self._journal,
            self._author,
            self._terms,
            SystemChance(),
            self._clock.kernel_boot_id,
            instance=read_instance(),
            commands=self._clerk,
            health=self._tell_health,
        )
        self._clerk.custody = self._desk = desk
        self._custodian = Custodian(desk, self._config.uplink, self._author.device, self._clock)
        await self._custodian.run()

    def _tell_health(self) -> dict[str, int]:
        return {
            "config_version": self._clerk.config_version,
            "seal_seconds": self._config.seal_seconds,
            **self._health.numbers(),
            **read_machine(self._config.state_dir),
        }

    async def _drain(self) -> None:
        """Give the hub a moment to acknowledge what was sealed last, if it can be reached at all."""
        if self._custodian is None or not self._custodian.online:
            return
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._custodian.settled.wait()
        except TimeoutError:
            _log.info("stopping while the hub has not acknowledged everything; the journal keeps it for the next start")

    # Commands.

    async def _run_commands(self) -> None:
        """Do what commands want of the agent, and see to it that a trial ends in time, whatever custody does."""
        while True:
            self._work.clear()
            self._clerk.watch(self._moment())
            while (order := self._clerk.next_repoll()) is not None:
                await self._repoll(order)
            if self._clerk.restart_wanted:
                self._restart.set()
            try:
                async with asyncio.timeout(TRIAL_WATCH_SECONDS if self._clerk.on_trial else None):
                    await self._work.wait()
            except TimeoutError:
                continue

    async def _repoll(self, order: RepollOrder) -> None:
        await self._polling.poll_meter(order.meter, partial(self._clerk.repolled, order))
        if self._custodian is not None:
            self._custodian.wake()

    @property
    def _interval_ms(self) -> int:
        return self._config.interval_seconds * 1000

    def _moment(self) -> Moment:
        return Moment(int(asyncio.get_running_loop().time() * 1000), self._clock.now())

    # Room and blocks, for polling.

    def _make_room(self) -> None:
        """Let go of what is safe at the hub."""
        if self._desk is None:
            self._journal.release(self._clock.now(), 0)
        else:
            self._desk.make_room(self._moment())

    def _seal_last(self) -> None:
        """Seal what is open when polling has ended; what cannot be sealed now is sealed at the next start."""
        try:
            self._seal()
        except JournalDamagedError:
            raise
        except JournalError as error:
            _log.error("what is open stays so until the next start: %s", error)

    def _seal(self) -> None:
        while (seq := self._journal.seal(self._clock.now())) is not None:
            if self._custodian is not None:
                self._custodian.sealed(seq)
