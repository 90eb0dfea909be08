"""Who there is around the fleet: an account for every role, and what each is to which systems."""

from __future__ import annotations

from dataclasses import dataclass

from hub.rules.permissions import Relation, Role

ADMIN, FIRST_OPERATOR, SECOND_OPERATOR = "sam", "olga", "pete"


@dataclass(frozen=True, slots=True)
class Person:
    """An account; `everywhere` is its role for all systems, None for one that is related to single ones."""

    name: str
    full_name: str
    everywhere: Role | None = None

    @property
    def email(self) -> str:
        """A mail address that nobody has (RFC 2606)."""
        return f"{self.name}@example.org"


STAFF = (
    Person(ADMIN, "Sam Adler", Role.SECURITY_ADMIN),
    Person(FIRST_OPERATOR, "Olga Petrov", Role.OPERATOR),
    Person(SECOND_OPERATOR, "Pete Morgan", Role.OPERATOR),
    Person("aud", "Audrey Lin", Role.AUDITOR),
    Person("gis", "Greenfield Aggregation", Role.GIS_ACCOUNT_HOLDER),
)
OWNERS = (
    Person("owen", "Owen Hale"),
    Person("lowell-coop", "Lowell Food Cooperative"),
    Person("town-of-salem", "Town of Salem"),
    Person("mills", "Holyoke Mills"),
    Person("ruth", "Ruth Lee"),
)
REPORTERS = (Person("ann", "Ann Baker"), Person("ben", "Ben Ortiz"))
PROVIDER = Person("meterline", "Meterline data acquisition")
REC_BUYER = Person("rita", "Rita Solar Certificates")
FITTER = Person("ian", "Ian Fitter")
FITTED_FIRST = 4
"""How many of the first systems the fitter installed."""
PEOPLE = (*STAFF, *OWNERS, *REPORTERS, PROVIDER, REC_BUYER, FITTER)


def related(place: int, system: str, *, is_automatic: bool, is_exchanged: bool, from_at: int) -> tuple[Relation, ...]:
    """Return who is what to the system at this place of the fleet, from an instant (UTC ms) on.

    The fitter is installer of the first ones, and of those whose meter they exchange.
    """
    owner = OWNERS[place % len(OWNERS)]
    reporter = PROVIDER if is_automatic else REPORTERS[place % len(REPORTERS)]
    role = Role.DAS_PROVIDER if is_automatic else Role.REPORTER
    held = [Relation(owner.name, Role.SYSTEM_OWNER, system, from_at), Relation(reporter.name, role, system, from_at)]
    if place % 3 == 0:
        held.append(Relation(REC_BUYER.name, Role.REC_OWNER, system, from_at))
    if place < FITTED_FIRST or is_exchanged:
        held.append(Relation(FITTER.name, Role.INSTALLER, system, from_at))
    return tuple(held)
