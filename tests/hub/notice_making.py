"""What tests of notices share: a stated fleet, the windows of the regulator, and a clock that a test sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hub.rules.facts import ReportingMode
from hub.rules.instants import parse_instant
from hub.rules.periods import parse_month
from hub.rules.responsibilities import Duty, Responsibility, Responsible
from hub.services.queue_notices import Sources
from tests.hub.rules.test_reminders import make_window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.rules.periods import ProductionMonth

OCTOBER = parse_month("2023-10")
OPENS = "2023-10-27T00:00:00-04:00"
FIVE_DAYS = "2023-11-01T00:00:00-04:00"
ONE_DAY = "2023-11-05T00:00:00-04:00"
SIX_HOURS = "2023-11-05T18:00:00-05:00"
CLOSES = "2023-11-06T00:00:00-05:00"
REOPENS = "2023-11-26T00:00:00-05:00"


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    at: int = parse_instant(OPENS)

    def __call__(self) -> int:
        """Return what it shows (UTC ms)."""
        return self.at

    def set(self, text: str) -> None:
        """Let it show this instant."""
        self.at = parse_instant(text)


@dataclass
class Fleet:
    """Systems by hand, each with the addresses of its reporters; none has reported but those in `reported`."""

    reporters: dict[str, tuple[str, ...]]
    reported: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)

    @property
    def sources(self) -> Sources:
        """Return the fleet and the windows as notices are made from them."""
        return Sources(make_window, self.load)

    def load(self, _connection: Connection, months: Sequence[ProductionMonth]) -> tuple[Responsibility, ...]:
        """Return who answers for what, as it is now."""
        return tuple(
            Responsibility(
                system=system,
                name="Barn roof",
                capacity_w_dc=7500,
                mode=ReportingMode.MANUAL,
                responsible=tuple(
                    Responsible(Duty.PRODUCTION_REPORTER, self.names.get(each, "Ann"), each) for each in addresses
                ),
                missing=() if system in self.reported else tuple(months),
                last=None,
            )
            for system, addresses in self.reporters.items()
        )
