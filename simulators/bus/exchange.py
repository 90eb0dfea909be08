"""One request and what comes back over the bus: the place where a fault may put itself in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Request(Protocol):
    """A request in the framing of its bus; `frame` of its own PDU gives the octets it came in."""

    @property
    def unit(self) -> int:
        """The unit id asked."""
        ...

    @property
    def pdu(self) -> bytes:
        """Function code and data."""
        ...

    def frame(self, reply: bytes, unit: int | None = None) -> bytes:
        """Return the PDU `reply` in the frame that answers this request; as from another `unit` if one is given."""
        ...


class Requests(Protocol):
    """Cuts requests out of the octets of a bus, however these were split or glued."""

    def feed(self, octets: bytes) -> Sequence[Request]:
        """Take in `octets` and return the requests completed by them."""
        ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request heard at `at_ms` (UTC ms) and the PDU that the meter answers, None for silence."""

    request: Request
    reply: bytes | None
    at_ms: int


@dataclass(frozen=True, slots=True)
class Utterance:
    """Octets that reach whoever asked, `after_ms` later than the meter's reply would begin."""

    octets: bytes
    after_ms: int = 0


class Disturb(Protocol):
    """What turns the meter's answer into what the bus really carries; `undisturbed` is a bus without faults."""

    def __call__(self, exchange: Exchange) -> Sequence[Utterance]:
        """Return the utterances that follow the request, in the order of their times; none is silence."""
        ...


def undisturbed(exchange: Exchange) -> Sequence[Utterance]:
    """Let the meter's reply through as it is."""
    if exchange.reply is None:
        return ()
    return (Utterance(exchange.request.frame(exchange.reply)),)
