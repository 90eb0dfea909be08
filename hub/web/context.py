"""What a request may use of the hub."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Protocol

from fastapi import Depends, Request

if TYPE_CHECKING:
    from hub.chores import Chores
    from hub.clock import Now
    from hub.config import HubSettings
    from hub.counting import Counting
    from hub.exchange.oidc import OidcProvider
    from hub.exchange.pts import PtsDoor
    from hub.exchange.webhooks import Webhooks
    from hub.sealing import Sealer
    from hub.services.accept_blocks import Terms
    from hub.store.database import Database
    from hub.web.feed import Feed
    from protocol.cose import SigningKey


class Ingesting(Protocol):
    """What the web asks of, and the application does with, whatever brings blocks in."""

    @property
    def connected(self) -> bool:
        """Whether blocks can arrive now."""
        ...

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self) -> None:
        """End."""
        ...


@dataclass(frozen=True, slots=True)
class Hub:
    """The parts of a running hub. `ingest` is None where it hears no broker; then custody is taken by HTTPS only.

    `pts` is the door to MassCEC's own tracking system, None where the hub was not told of it. `metrics_token` lets
    programs of other machines read `/metrics`; None: those of this machine only. `oidc` is the house by whose word
    people may sign in, None for none.
    """

    settings: HubSettings
    database: Database
    feed: Feed
    ingest: Ingesting | None
    now: Now
    terms: Terms
    receipt_key: SigningKey
    counting: Counting
    chores: Chores
    sealer: Sealer
    webhooks: Webhooks
    pts: PtsDoor | None = None
    oidc: OidcProvider | None = None
    metrics_token: str | None = field(default=None, repr=False)

    @property
    def broker_connected(self) -> bool | None:
        """Whether blocks can arrive now; None where the hub takes none."""
        return None if self.ingest is None else self.ingest.connected


def get_hub(request: Request) -> Hub:
    """Return the hub that this application was built around."""
    hub: Hub = request.app.state.hub
    return hub


HubOf = Annotated[Hub, Depends(get_hub)]
