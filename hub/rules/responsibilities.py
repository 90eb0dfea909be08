"""Who answers for a system's months: what reminders and the Missing Production Report are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.rules.facts import ReportingMode
    from hub.rules.periods import ProductionMonth
    from hub.rules.reported import AcceptedReading


class Duty(StrEnum):
    """In what respect somebody answers for a system's production."""

    PRODUCTION_REPORTER = "production_reporter"
    GIS_ACCOUNT_HOLDER = "gis_account_holder"
    DAS_PROVIDER = "das_provider"


@dataclass(frozen=True, slots=True)
class Responsible:
    """Somebody with a duty to a system, and the e-mail address for it."""

    duty: Duty
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Responsibility:
    """A system, who answers for it, and which of the months asked for nobody has reported.

    `capacity_w_dc` is the nameplate in whole watts, `last` the latest accepted reading of any of its meters,
    None before the first.
    """

    system: str
    name: str
    capacity_w_dc: int
    mode: ReportingMode
    responsible: tuple[Responsible, ...]
    missing: tuple[ProductionMonth, ...]
    last: AcceptedReading | None


@dataclass(frozen=True, slots=True)
class Share:
    """What one person answers for, by system; `recipient` is the address in small letters, by which persons differ."""

    recipient: str
    name: str
    address: str
    systems: tuple[Responsibility, ...]


def share_out(
    responsibilities: Sequence[Responsibility], concerns: Callable[[Responsibility, Duty], bool]
) -> tuple[Share, ...]:
    """Return each person's share of the systems, by address; a system counts once, whatever the duties to it.

    `concerns` says whether a system is the concern of somebody with a duty to it.
    """
    found: dict[str, tuple[Responsible, dict[str, Responsibility]]] = {}
    for one in sorted(responsibilities, key=lambda each: each.system):
        for who in one.responsible:
            if concerns(one, who.duty):
                found.setdefault(who.address.casefold(), (who, {}))[1][one.system] = one
    return tuple(
        Share(recipient, who.name, who.address, tuple(systems.values()))
        for recipient, (who, systems) in sorted(found.items())
    )
