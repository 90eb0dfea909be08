"""The trial of a configuration that the hub ordered: it stays if the hub is heard under it, else it is reverted.

Each end of a trial is one transaction: which configuration is in force, the command's final result, and a statement in
the chain with the hash of what is in force then.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

from protocol import cbor
from protocol.commands import Operation, ResultStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.commands.ledger import Ledger
    from edge.config import AgentConfig
    from edge.journal import Trial
    from protocol.commands import Command

CONFIG_HASH_LENGTH = 8
REVERTED = "reverted"

_log = logging.getLogger(__name__)


def hash_config(text: str, changes: Mapping[str, int]) -> bytes:
    """Return what a command event calls this configuration by.

    The first 8 bytes of SHA-256 over the CBOR list of two: SHA-256 over the configuration file, and the changes to it
    by name.
    """
    parts = [hashlib.sha256(text.encode("utf-8")).digest(), dict(changes)]
    return hashlib.sha256(cbor.encode(parts)).digest()[:CONFIG_HASH_LENGTH]


def spell_changes(changes: Mapping[str, int]) -> str:
    """Return changes as one would write them into the file."""
    return ", ".join(f"{name} = {value}" for name, value in changes.items()) or "as the file says"


def begin_trial(ledger: Ledger, command: Command, raw: bytes, changed: AgentConfig, trial: Trial) -> bytes:
    """Put `changed` in force, on trial, and return the result that says so."""
    with ledger.atomic():
        version = ledger.book.try_configuration(command.number, changed.changes, trial)
        result = ledger.take(command, raw, ResultStatus.RUNNING, "on trial until the hub is heard under it")
        _state(ledger, command.number, ResultStatus.ACCEPTED, changed)
    _log.info("configuration %d is on trial: %s", version, spell_changes(changed.changes))
    return result


def confirm_trial(ledger: Ledger, base: AgentConfig) -> bytes:
    """Keep the configuration on trial, and return the command's final result."""
    tried = ledger.book.configuration()
    with ledger.atomic():
        ledger.book.confirm_configuration()
        result = ledger.finish(tried.command, ResultStatus.DONE)
        _state(ledger, tried.command, ResultStatus.DONE, base)
    _log.info("the hub was heard: configuration %d stays", tried.version)
    return result


def revert_trial(ledger: Ledger, base: AgentConfig, why: str) -> None:
    """Go back to the configuration before the one on trial, which is the command's final result."""
    tried = ledger.book.configuration()
    with ledger.atomic():
        ledger.book.revert_configuration()
        ledger.finish(tried.command, ResultStatus.FAILED, f"reverted: {why}")
        _state(ledger, tried.command, REVERTED, base)
    _log.warning("back from configuration %d to %d: %s", tried.version, ledger.book.configuration().version, why)


def drop_changes(ledger: Ledger, base: AgentConfig, why: str) -> None:
    """Go back to the configuration file alone: what the hub had changed does not fit into it any more."""
    dropped = ledger.book.configuration()
    with ledger.atomic():
        ledger.book.drop_configuration()
        if dropped.trial is not None:
            ledger.finish(dropped.command, ResultStatus.FAILED, f"reverted: {why}")
        _state(ledger, dropped.command, REVERTED, base)
    _log.warning("what the hub changed is dropped, the configuration file alone counts: %s", why)


def trial_end(trial: Trial, kernel_boot_id: bytes, steady_ms: int) -> str:
    """Return why a trial is over, empty if it is not: its time ran out, or the machine was started anew during it."""
    if trial.boot_id != kernel_boot_id:
        return "the machine was started anew before the hub was heard"
    return "the hub was not heard in time" if steady_ms >= trial.deadline_ms else ""


def _state(ledger: Ledger, number: int, outcome: str, config: AgentConfig) -> None:
    """Say in the chain what became of a change, and what is in force after it."""
    changes = ledger.book.configuration().changes
    note, config_hash = spell_changes(changes), hash_config(config.text, changes)
    ledger.state(number, Operation.SET_CONFIG, outcome, note, config_hash)
