"""A simulated pulse output on simulated GPIO lines: contacts that close, bounce and lie, as a kernel would report them.

It stands in for `edge.pulse.gpio.Gpio`; only the value `Edge` is shared with the edge.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from edge.pulse.contacts import Edge

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from edge.settings import Contact

MS = 1_000_000
"""Nanoseconds in a millisecond."""


class SimulatedContacts:
    """Contacts as open GPIO lines. Times are ns of the monotonic clock and must not go back.

    `chance` decides how often a contact bounces, up to `bounces_max` times within `bounce_ns` after each change.
    """

    def __init__(
        self, contacts: Sequence[Contact] = ("y",), *, chance: random.Random, bounce_ns: int = 0, bounces_max: int = 0
    ) -> None:
        self.is_open = True
        self._states: dict[Contact, bool] = dict.fromkeys(contacts, False)
        self._numbers: dict[Contact, int] = dict.fromkeys(contacts, 0)
        self._edges: list[Edge] = []
        self._chance = chance
        self._bounce_ns = bounce_ns
        self._bounces_max = bounces_max
        self._reader, self._writer = os.pipe()

    def change(self, contact: Contact, at_ns: int, *, is_closed: bool) -> None:
        """Close or open a contact at `at_ns`, with its bouncing after it; nothing happens if it stands so."""
        if self._states[contact] == is_closed:
            return
        self._report(contact, at_ns, is_closed=is_closed)
        bounces = self._chance.randint(0, self._bounces_max)
        moments = sorted(self._chance.randrange(1, self._bounce_ns) for _ in range(2 * bounces))
        for back, again in zip(moments[::2], moments[1::2], strict=True):
            self._report(contact, at_ns + back, is_closed=not is_closed)
            self._report(contact, at_ns + again, is_closed=is_closed)
        self._states[contact] = is_closed

    def pulse(self, at_ns: int, closed_ns: int, contact: Contact = "y") -> None:
        """Close a contact at `at_ns` and open it `closed_ns` later."""
        self.change(contact, at_ns, is_closed=True)
        self.change(contact, at_ns + closed_ns, is_closed=False)

    def spike(self, at_ns: int, lasts_ns: int, contact: Contact = "y") -> None:
        """Report what a coupled-in disturbance looks like: two edges with nothing between them."""
        self.begin_spike(at_ns, contact)
        self.end_spike(at_ns + lasts_ns, contact)

    def begin_spike(self, at_ns: int, contact: Contact = "y") -> None:
        """Report the first edge of a spike only."""
        self._report(contact, at_ns, is_closed=not self._states[contact])

    def end_spike(self, at_ns: int, contact: Contact = "y") -> None:
        """Report the second edge of a spike."""
        self._report(contact, at_ns, is_closed=self._states[contact])

    def drop(self, edges: int) -> None:
        """Lose the newest edges not read yet, as a kernel with a full buffer does; their numbers stay taken."""
        del self._edges[len(self._edges) - edges :]

    def fileno(self) -> int:
        """Return what becomes readable when there are edges."""
        return self._reader

    def stand(self) -> dict[Contact, bool]:
        """Return which contacts are closed."""
        return dict(self._states)

    def read(self) -> Sequence[Edge]:
        """Return the edges since the last call."""
        os.read(self._reader, 65_536)
        edges, self._edges = self._edges, []
        return edges

    def close(self) -> None:
        """Let go of the lines."""
        self.is_open = False
        os.close(self._reader)
        os.close(self._writer)

    def _report(self, contact: Contact, at_ns: int, *, is_closed: bool) -> None:
        self._numbers[contact] += 1
        self._edges.append(Edge(contact, is_closed, at_ns, self._numbers[contact]))
        os.write(self._writer, b".")
