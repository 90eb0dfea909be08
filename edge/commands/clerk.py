"""What is to be done about a command, without I/O: time is an argument, the journal is the memory.

Believed is what the hub's command key signed for this device. A number that was taken before gets the result that is
stored, the same bytes; so a command has its effect once, however often it arrives.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.commands.ledger import Ledger, reread
from edge.commands.resends import Resends
from edge.commands.trial import begin_trial, confirm_trial, revert_trial, trial_end
from edge.config import ConfigError, change_config
from edge.custody import Outgoing
from edge.journal import Trial
from edge.metering.outcome import Failed
from protocol import wire
from protocol.commands import (
    AskState,
    Operation,
    Repoll,
    Resend,
    RestartAgent,
    ResultStatus,
    RotateSigningKey,
    SetConfig,
    UnknownOrder,
)
from protocol.custody.sender import RetryPolicy
from protocol.errors import ProtocolError
from protocol.fields import KEY_HISTORY_MAX
from protocol.identity import format_device_id
from protocol.messages import TimeQuality
from protocol.topics import Channel

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.commands.resends import Custody
    from edge.config import AgentConfig
    from edge.custody import Moment
    from edge.journal import Author, Journal, StoredCommand
    from edge.metering.outcome import PollOutcome
    from protocol.commands import Command, Order
    from protocol.cose import VerifyingKey
    from protocol.identity import Epoch

RUNNING_MAX = 32
"""How many polls and resends may wait their turn; a further one is rejected."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RepollOrder:
    """Command `number` wants `meter` read once more."""

    number: int
    meter: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClerkTerms:
    """Whose commands count, and for what: `base` is the configuration file, `config` what is in force with changes."""

    base: AgentConfig
    config: AgentConfig
    command_key: VerifyingKey | None
    kernel_boot_id: bytes


class Clerk:
    """Takes commands for one agent, from its start to its end.

    `notify` is called when there is something for the agent to do: `next_repoll`, or to end for a restart. `custody` is
    set once there is a desk, since the desk asks the clerk as well.
    """

    def __init__(self, journal: Journal, author: Author, terms: ClerkTerms, notify: Callable[[], None]) -> None:
        self.custody: Custody | None = None
        self.restart_wanted = False
        self._journal = journal
        self._author = author
        self._ledger = Ledger(journal, author)
        self._terms = terms
        self._notify = notify
        self._in_force = self._ledger.book.configuration()
        self._results: deque[bytes] = deque()
        self._repolls: deque[RepollOrder] = deque()
        self._resends = Resends()
        for stored in self._ledger.book.running():
            self._resume(stored)
        # It may be the one that asked for this start, and then nobody has heard of it yet.
        newest = self._ledger.book.find(self._ledger.book.last_number())
        if newest is not None:
            self._results.append(newest.result)

    @property
    def config_version(self) -> int:
        """The version of the configuration that this agent runs under."""
        return self._in_force.version

    # For the custody desk.

    def heard(self, raw: bytes, moment: Moment) -> list[Outgoing]:
        """Take a sealed command, not verified yet, and return what is to be said at once."""
        command = self._believe(raw)
        if command is None or self.restart_wanted:
            # What arrives on the eve of a restart is asked again in the session after it.
            return []
        if command.number <= self._ledger.book.last_number():
            return [Outgoing(Channel.RESULT, self._repeat(command))]
        self.hub_heard(moment)
        return self._begin(command, raw, moment)

    def due(self, moment: Moment) -> list[Outgoing]:
        """Return what is to be said now: results, and blocks that are wanted again; nothing without a session."""
        if self.custody is None or not self.custody.online:
            return []
        blocks, finished = self._resends.step(self.custody, moment)
        if finished is not None:
            self._results.append(self._ledger.finish(finished.number, ResultStatus.DONE, finished.detail))
            self._resends.drop()
        results = [Outgoing(Channel.RESULT, raw) for raw in self._results]
        self._results.clear()
        return [*blocks, *results]

    def next_wakeup(self, steady_ms: int) -> int | None:
        """Return from when on `due` has something to say, at least `steady_ms`; None if something must happen first."""
        if self.custody is None or not self.custody.online:
            return None
        from_ms = steady_ms if self._results else self._resends.from_ms
        return None if from_ms is None else max(steady_ms, from_ms)

    def hub_heard(self, moment: Moment) -> None:  # noqa: ARG002 - the custody desk says when; a trial asks only whether
        """Take note that the hub has just said something that it could not have said before."""
        if self._in_force.trial is None or self.restart_wanted:
            return
        self._results.append(confirm_trial(self._ledger, self._terms.base))
        self._in_force = self._ledger.book.configuration()

    # For the agent.

    @property
    def on_trial(self) -> bool:
        """Whether `watch` has to be asked now and then."""
        return self._in_force.trial is not None and not self.restart_wanted

    def watch(self, moment: Moment) -> None:
        """Go back to the configuration before, if the hub was not heard in time under the one on trial."""
        trial = self._in_force.trial
        if trial is None or self.restart_wanted:
            return
        if why := trial_end(trial, self._terms.kernel_boot_id, moment.steady_ms):
            revert_trial(self._ledger, self._terms.base, why)
            self._restart()

    def next_repoll(self) -> RepollOrder | None:
        """Return which meter to read once more now; the same until `repolled` is told of it."""
        return self._repolls[0] if self._repolls else None

    def repolled(self, order: RepollOrder, outcome: PollOutcome) -> None:
        """Take what the extra poll gave into the journal, in one commit with the command's result."""
        status, detail = ResultStatus.DONE, ""
        if isinstance(outcome.result, Failed):
            status, detail = ResultStatus.FAILED, outcome.result.note
        with self._ledger.atomic():
            self._journal.record_beside(outcome, self._terms.config.interval_seconds * 1000)
            self._ledger.state(order.number, Operation.REPOLL, status, f"meter {order.meter}")
            result = self._ledger.finish(order.number, status, detail)
        self._repolls.remove(order)
        self._results.append(result)

    # Reading commands.

    def _believe(self, raw: bytes) -> Command | None:
        """Return the command if the hub's key signed it for this device."""
        if self._terms.command_key is None:
            _log.warning("a command was rejected: no command_key of the hub is configured in [hub]")
            return None
        try:
            command = wire.read_command(raw, self._terms.command_key)
        except ProtocolError as error:
            _log.warning("a command was ignored: %s", error)
            return None
        if command.device != self._author.device:
            _log.warning("a command was ignored: it is for device %s", format_device_id(command.device))
            return None
        return command

    def _repeat(self, command: Command) -> bytes:
        """Return the result of a number that was taken before, if it was taken by the same command."""
        stored = self._ledger.book.find(command.number)
        if stored is not None and stored.id == command.id:
            return stored.result
        detail = "another command had this number" if stored else "what came of it is not known any more"
        return self._ledger.seal_result(command.number, ResultStatus.DUPLICATE, detail)

    def _resume(self, stored: StoredCommand) -> None:
        """Go on with a command that was running when the agent ended."""
        match reread(stored):
            case Repoll(meter=meter) if self._has_meter(meter):
                self._queue_repoll(stored.number, meter)
            case Resend() as wanted:
                self._resends.add(stored.number, wanted, self._head_of(wanted.epoch))
            case SetConfig() if self._in_force.trial is not None and self._in_force.command == stored.number:
                pass
            case _:
                self._ledger.finish(stored.number, ResultStatus.FAILED, "it cannot be finished after a restart")

    # Carrying them out.

    def _begin(self, command: Command, raw: bytes, moment: Moment) -> list[Outgoing]:
        """Carry out a command, or the part of it that can be done at once; the rest is durable and follows."""
        refusal = self._refuse(command, moment)
        if refusal is not None:
            return [self._answer(command, raw, *refusal)]
        said: list[Outgoing] = []
        match command.order:
            case AskState():
                said = self.custody.say_hello(moment) if self.custody else []
                said.append(self._answer(command, raw, ResultStatus.DONE))
            case Resend() as wanted:
                said.append(self._answer(command, raw, ResultStatus.RUNNING))
                self._resends.add(command.number, wanted, self._head_of(wanted.epoch))
            case Repoll(meter=meter):
                said.append(self._answer(command, raw, ResultStatus.RUNNING))
                self._queue_repoll(command.number, meter)
            case SetConfig() as order:
                said.append(self._set_config(command, order, raw, moment))
            case RotateSigningKey():
                said.append(self._answer(command, raw, ResultStatus.RUNNING))
                self._restart()
            case RestartAgent():
                with self._ledger.atomic():
                    said.append(self._answer(command, raw, ResultStatus.DONE))
                    self._ledger.state(command.number, Operation.RESTART_AGENT, ResultStatus.DONE)
                self._restart()
        return said

    def _refuse(self, command: Command, moment: Moment) -> tuple[ResultStatus, str] | None:
        """Return why a command is not carried out, None if it is."""
        age_ms = moment.now.wall_ms - command.issued_at
        if moment.now.quality >= TimeQuality.SYNCHRONISED and age_ms > command.ttl_seconds * 1000:
            return ResultStatus.EXPIRED, f"it was issued {age_ms // 1000} s ago and had {command.ttl_seconds} s to live"
        return self._refuse_order(command.order)

    def _refuse_order(self, order: Order) -> tuple[ResultStatus, str] | None:
        """Return why an order cannot be carried out here, None if it can."""
        match order:
            case UnknownOrder(operation=operation):
                return ResultStatus.REJECTED, f"this agent does not know how to {operation}"
            case Repoll(meter=meter) if not self._has_meter(meter):
                return ResultStatus.REJECTED, f"there is no meter {meter} here"
            case Resend(epoch=epoch) if not self._journal.has_epoch(epoch):
                return ResultStatus.REJECTED, f"this log has no epoch {epoch.hex()}"
            case Repoll() | Resend() if len(self._repolls) + len(self._resends) >= RUNNING_MAX:
                return ResultStatus.REJECTED, f"{RUNNING_MAX} commands are waiting their turn"
            case RotateSigningKey() if len(self._author.key_history) >= KEY_HISTORY_MAX:
                return ResultStatus.REJECTED, f"the key was rotated {KEY_HISTORY_MAX} times, which is the limit"
        return None

    def _answer(self, command: Command, raw: bytes, status: ResultStatus, detail: str = "") -> Outgoing:
        _log.info("command %d is %s%s", command.number, status, detail and f": {detail}")
        with self._ledger.atomic():
            return Outgoing(Channel.RESULT, self._ledger.take(command, raw, status, detail))

    def _set_config(self, command: Command, order: SetConfig, raw: bytes, moment: Moment) -> Outgoing:
        if order.expected_version != self.config_version:
            detail = f"version {self.config_version} is in force, not {order.expected_version}"
            return self._answer(command, raw, ResultStatus.REJECTED, detail)
        if not order.revert_seconds:
            return self._answer(command, raw, ResultStatus.REJECTED, "it gives the hub no time to be heard")
        try:
            changed = change_config(self._terms.base, {**self._in_force.changes, **order.patch})
        except ConfigError as error:
            return self._answer(command, raw, ResultStatus.REJECTED, str(error))
        trial = Trial(self._terms.kernel_boot_id, moment.steady_ms + order.revert_seconds * 1000)
        result = begin_trial(self._ledger, command, raw, changed, trial)
        self._restart()
        return Outgoing(Channel.RESULT, result)

    def _has_meter(self, meter: int) -> bool:
        return any(known.index == meter for known in self._terms.config.everything_read)

    def _head_of(self, epoch: Epoch) -> int:
        return self._journal.sender(RetryPolicy(), epoch).head

    def _queue_repoll(self, number: int, meter: int) -> None:
        self._repolls.append(RepollOrder(number, meter))
        self._notify()

    def _restart(self) -> None:
        self.restart_wanted = True
        self._notify()
