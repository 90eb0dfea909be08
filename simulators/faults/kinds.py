"""Every kind of fault there is, what it does, and what its amount means."""

from __future__ import annotations

from enum import StrEnum


class FaultKind(StrEnum):
    """One kind of fault. A fault of a line or a meter has a meter for its target, one of an adapter a bus."""

    SILENCE = "silence"
    """The meter does not answer."""
    LATE_REPLY = "late-reply"
    """The reply comes so many ms late: after the reader's time-out, if that is shorter."""
    SLOW_METER = "slow-meter"
    """The reply comes so many ms late, but within the time-out."""
    WRONG_UNIT = "wrong-unit"
    """The reply, whole and with a right check sum, bears another unit id: so much higher."""
    CRC_ERROR = "crc-error"
    """A bit of the reply is wrong: in the octet so many places before the last. For a bus with check sums."""
    NOISE = "noise"
    """An octet of this value comes right before the reply."""
    ECHO = "echo"
    """The adapter hears itself: the request comes back before the reply."""
    TRUNCATED = "truncated"
    """So many octets are missing at the end of the reply."""
    GLUED = "glued"
    """So many octets of rubbish hang at the end of the reply; 0: the reply comes twice."""
    EXCEPTION_2 = "exception-2"
    EXCEPTION_4 = "exception-4"
    EXCEPTION_6 = "exception-6"
    EXCEPTION_11 = "exception-11"
    """The meter, or a gateway before it, refuses with this exception."""
    SECOND_MASTER = "second-master"
    """Somebody else asks the same meter for other words and is answered, before our reply and for so many ms after."""
    FROZEN = "frozen"
    """The meter answers, but nothing in it moves."""
    ZERO_AT_BOOT = "zero-at-boot"
    """The meter answers before it has loaded its registers: what it measures is zero."""
    ALL_ONES_AT_BOOT = "all-ones-at-boot"
    """As before, with all bits set."""
    WORD_SWAP = "word-swap"
    """The words of what it measures come in the opposite order, as after a change of its settings."""
    ROLLOVER = "rollover"
    """The register passes its largest value at the beginning of the fault."""
    ROLLBACK = "rollback"
    """The meter loses power and is silent; then it goes on from what it saved last, every so many minutes."""
    RESET = "reset"
    """Somebody sets the register to so many Wh."""
    EXCHANGE = "exchange"
    """Another meter is in its place, with the next serial number and so many Wh in its register."""
    CT_CHANGE = "ct-change"
    """The current transformers are configured anew: so many per cent of the true energy count from now on."""
    PORT_RENUMBERING = "port-renumbering"
    """The adapter comes back under another device name, and the link to it follows."""
    ADAPTER_SWAP = "adapter-swap"
    """Another adapter, with other meters behind it, has the name for a while."""
    CLOCK_STEP = "clock-step"
    """The machine's wall clock is so many ms ahead, or behind if negative, and not synchronised."""


EXCEPTION_CODES = {
    FaultKind.EXCEPTION_2: 2,
    FaultKind.EXCEPTION_4: 4,
    FaultKind.EXCEPTION_6: 6,
    FaultKind.EXCEPTION_11: 11,
}
LINE_KINDS = frozenset(
    {
        FaultKind.SILENCE,
        FaultKind.LATE_REPLY,
        FaultKind.SLOW_METER,
        FaultKind.WRONG_UNIT,
        FaultKind.CRC_ERROR,
        FaultKind.NOISE,
        FaultKind.ECHO,
        FaultKind.TRUNCATED,
        FaultKind.GLUED,
        FaultKind.SECOND_MASTER,
        *EXCEPTION_CODES,
    }
)
"""Faults that change the octets between a meter and whoever asks it."""
WORD_KINDS = frozenset({FaultKind.FROZEN, FaultKind.ZERO_AT_BOOT, FaultKind.ALL_ONES_AT_BOOT, FaultKind.WORD_SWAP})
"""Faults in which a meter shows for a while what its register does not hold."""
LIFE_KINDS = frozenset(
    {FaultKind.ROLLOVER, FaultKind.ROLLBACK, FaultKind.RESET, FaultKind.EXCHANGE, FaultKind.CT_CHANGE}
)
"""Faults after which the register itself holds something else than energy alone would explain."""
ADAPTER_KINDS = frozenset({FaultKind.PORT_RENUMBERING, FaultKind.ADAPTER_SWAP})
"""Faults of the adapter between a line and the machine; their target is a bus."""
