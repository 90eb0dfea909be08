"""What a hub may ask of a device, and what the device answers, as frozen values.

A command is signed by the hub's command key, which is another than its receipt key; a result by the device. `number`
rises strictly for each device, and a device carries out each number at most once: a repeated one is answered with the
result that was stored. Commands wait in the hub's outbox, never in a broker.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocol.identity import DeviceId, Epoch


class Operation(StrEnum):
    """What is asked."""

    STATE = "state"
    RESEND = "resend"
    REPOLL = "repoll"
    SET_CONFIG = "set-config"
    ROTATE_SIGNING_KEY = "rotate-sign-key"
    RESTART_AGENT = "restart-agent"


class ResultStatus(StrEnum):
    """What became of a command. After `accepted` and `running` another result may follow; any other one is the last.

    ACCEPTED: taken, its effect is being tried. DONE, FAILED: carried out, or tried in vain. REJECTED: understood and
    not allowed (wrong version, unknown key or meter). EXPIRED: older than its time to live. DUPLICATE: the number was
    seen before and nothing is known of its result any more.
    """

    ACCEPTED = "accepted"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class AskState:
    """Say hello anew."""


@dataclass(frozen=True, slots=True)
class Resend:
    """Offer blocks `first`..`last` of `epoch` again, as they were signed; also of an epoch that is archived."""

    epoch: Epoch
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Repoll:
    """Read `meter` (its number at the device) once more, now, beside the interval edges."""

    meter: int


@dataclass(frozen=True, slots=True)
class SetConfig:
    """Change settings: whole numbers by name, valid only upon configuration `expected_version`.

    The device goes back to the configuration before if it has not heard its hub within `revert_seconds` of the change.
    """

    patch: Mapping[str, int]
    expected_version: int
    revert_seconds: int


@dataclass(frozen=True, slots=True)
class RotateSigningKey:
    """Make a new signing key, state it in the chain under the old one, and sign with it from then on."""


@dataclass(frozen=True, slots=True)
class RestartAgent:
    """Seal what is open and start anew."""


@dataclass(frozen=True, slots=True)
class UnknownOrder:
    """An order that a newer hub may give and this version does not know: it has a number and can be rejected by it."""

    operation: str
    arguments: Mapping[int, object]


Order = AskState | Resend | Repoll | SetConfig | RotateSigningKey | RestartAgent | UnknownOrder


@dataclass(frozen=True, slots=True)
class Command:
    """One order to one device. `issued_at` is UTC ms, `ttl_seconds` how long it may be begun after that.

    `id` (8 random bytes) names it in the hub's records; protection against replay rests on `number` alone.
    """

    device: DeviceId
    number: int
    order: Order
    issued_at: int
    ttl_seconds: int
    id: bytes


@dataclass(frozen=True, slots=True)
class Result:
    """What became of command `number`; `detail` is a sentence or empty, `config_version` what is in force after it."""

    device: DeviceId
    number: int
    status: ResultStatus
    detail: str
    config_version: int
