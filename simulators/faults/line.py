"""What a fault of the line does to the octets between a meter and whoever asks it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from simulators.bus.answer import refusal
from simulators.bus.exchange import Exchange, Utterance, undisturbed
from simulators.faults.kinds import EXCEPTION_CODES, LINE_KINDS, FaultKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from simulators.faults.plan import FaultPlan

FOREIGN_EVERY_MS = 100
"""How often the second master asks while it talks."""
_READ_PDU = 5
_RUBBISH = bytes((0x55, 0x00, 0xFF, 0x03))
_MUTE_KINDS = frozenset({FaultKind.ROLLBACK})
"""Faults during which a meter has no power."""


class LineFaults:
    """Spoils the exchanges of one bus as a plan says; `names` are the plan's names of the meters by unit id.

    Give it to a bus as its `disturb`. An instant at which no fault is due is a bus without faults.
    """

    def __init__(self, plan: FaultPlan, names: Mapping[int, str]) -> None:
        self._faults = {unit: plan.timeline(name, LINE_KINDS | _MUTE_KINDS) for unit, name in names.items()}

    def __call__(self, exchange: Exchange) -> Sequence[Utterance]:
        """Return what the bus carries after the request; see `simulators.bus.Disturb`."""
        faults = self._faults.get(exchange.request.unit)
        fault = None if faults is None else faults.active(exchange.at_ms)
        if fault is None or exchange.reply is None:
            return undisturbed(exchange)
        return _SPOIL[fault.kind](exchange, exchange.request.frame(exchange.reply), fault.amount)


def _silence(exchange: Exchange, frame: bytes, amount: int) -> Sequence[Utterance]:
    del exchange, frame, amount
    return ()


def _delay(exchange: Exchange, frame: bytes, amount: int) -> Sequence[Utterance]:
    del exchange
    return (Utterance(frame, after_ms=amount),)


def _wrong_unit(exchange: Exchange, frame: bytes, amount: int) -> Sequence[Utterance]:
    del frame
    assert exchange.reply is not None
    return (Utterance(exchange.request.frame(exchange.reply, unit=(exchange.request.unit + amount) % 0x100)),)


def _crc_error(exchange: Exchange, frame: bytes, amount: int) -> Sequence[Utterance]:
    del exchange
    spoilt = bytearray(frame)
    spoilt[-1 - amount] ^= 1
    return (Utterance(bytes(spoilt)),)


def _noise(exchange: Exchange, frame: bytes, amount: int) -> Sequence[Utterance]:
    del exchange
    return (Utterance(bytes((amount,)) + frame),)


def _echo(exchange: Exchange, frame: bytes, amount: int) -> Sequence[Utterance]:
    del amount
    return (Utterance(exchange.request.frame(exchange.request.pdu) + frame),)


def _truncated(exchange: Exchange, frame: bytes, amount: int) -> Sequence[Utterance]:
    del exchange
    return (Utterance(frame[:-amount]),)


def _glued(exchange: Exchange, frame: bytes, amount: int) -> Sequence[Utterance]:
    del exchange
    rubbish = (_RUBBISH * amount)[:amount]
    return (Utterance(frame + (rubbish or frame)),)


def _second_master(exchange: Exchange, frame: bytes, amount: int) -> Sequence[Utterance]:
    """Talk to the same meter about as many words elsewhere: of all foreign talk the hardest to tell from our own."""
    request = exchange.request
    if len(request.pdu) != _READ_PDU:
        return (Utterance(frame),)
    function_code, address, count = struct.unpack(">BHH", request.pdu)
    question = request.frame(struct.pack(">BHH", function_code, (address + count) % 0x10000, count))
    answer = request.frame(struct.pack(f">BB{count}H", function_code, 2 * count, *range(count)))
    talk = [
        Utterance(octets, after_ms)
        for after_ms in range(0, amount + 1, FOREIGN_EVERY_MS)
        for octets in (question, answer)
    ]
    return (*talk[:2], Utterance(frame), *talk[2:])


def _refuse_with(code: int) -> _Spoil:
    def refuse(exchange: Exchange, frame: bytes, amount: int) -> Sequence[Utterance]:
        del frame, amount
        return (Utterance(exchange.request.frame(refusal(exchange.request.pdu[0], code))),)

    return refuse


if TYPE_CHECKING:
    _Spoil = Callable[[Exchange, bytes, int], Sequence[Utterance]]

_SPOIL: Mapping[FaultKind, _Spoil] = {
    FaultKind.SILENCE: _silence,
    FaultKind.ROLLBACK: _silence,
    FaultKind.LATE_REPLY: _delay,
    FaultKind.SLOW_METER: _delay,
    FaultKind.WRONG_UNIT: _wrong_unit,
    FaultKind.CRC_ERROR: _crc_error,
    FaultKind.NOISE: _noise,
    FaultKind.ECHO: _echo,
    FaultKind.TRUNCATED: _truncated,
    FaultKind.GLUED: _glued,
    FaultKind.SECOND_MASTER: _second_master,
} | {kind: _refuse_with(code) for kind, code in EXCEPTION_CODES.items()}
