"""From the edges that a GPIO line reports to pulses: debounced, and by the wiring of the output. Pure.

A KYZ output is a change-over contact: K is common, Y and Z close in turn (ANSI C12.1 calls such an initiator form C;
with only K and Y wired it is form A). Times are nanoseconds of the kernel's monotonic clock, as it stamps the edges.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.settings import Contact, PulseForm


@dataclass(frozen=True, slots=True)
class Edge:
    """A contact closed or opened at `at_ns`; `number` counts the edges of its line, so that a lost one shows."""

    contact: Contact
    is_closed: bool
    at_ns: int
    number: int


@dataclass(frozen=True, slots=True)
class _Line:
    """One contact: how it stands once settled, the edge that may change that, and the number of its last edge."""

    is_closed: bool = False
    pending: Edge | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Contacts:
    """What the contacts have said so far. `pulses` only grows; `lost_edges` counts edges that the kernel dropped."""

    form: PulseForm
    debounce_ns: int
    pulses: int = 0
    lost_edges: int = 0
    last_closed: Contact | None = None
    lines: dict[Contact, _Line] = field(default_factory=dict)

    def begin(self, contact: Contact, *, is_closed: bool) -> Contacts:
        """Return the state with a contact found as it stands: what it did before is nobody's pulse."""
        last_closed = contact if is_closed else self.last_closed
        return replace(self, last_closed=last_closed, lines={**self.lines, contact: _Line(is_closed)})

    def take(self, edge: Edge) -> Contacts:
        """Return the state after an edge. A state counts once it has lasted `debounce_ns`: bounce and spikes do not."""
        state = self.settle(edge.at_ns)
        line = state.lines.get(edge.contact, _Line())
        lost = edge.number - line.number - 1 if line.number is not None else 0
        line = replace(line, number=edge.number, pending=edge if edge.is_closed != line.is_closed else None)
        return replace(state, lost_edges=state.lost_edges + max(lost, 0), lines={**state.lines, edge.contact: line})

    def settle(self, now_ns: int) -> Contacts:
        """Return the state at `now_ns`, with every edge taken that has lasted long enough by then, in order of time."""
        state = self
        pending = [line.pending for line in self.lines.values() if line.pending is not None]
        for edge in sorted(pending, key=lambda edge: edge.at_ns):
            if now_ns - edge.at_ns >= self.debounce_ns:
                state = state._change(edge)
        return state

    def _change(self, edge: Edge) -> Contacts:
        line = replace(self.lines[edge.contact], is_closed=edge.is_closed, pending=None)
        return replace(
            self,
            pulses=self.pulses + self._is_pulse(edge),
            last_closed=edge.contact if edge.is_closed else self.last_closed,
            lines={**self.lines, edge.contact: line},
        )

    def _is_pulse(self, edge: Edge) -> bool:
        if self.form == "closings":
            return edge.is_closed
        if self.form == "changes":
            return True
        return edge.is_closed and self.last_closed not in (None, edge.contact)
