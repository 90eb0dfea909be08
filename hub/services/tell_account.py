"""Have people told that the way into their account was changed: if it was not them, they are the first to know."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.services.queue_dispatches import make_event
from hub.store import dispatches
from hub.store.dispatches import Dispatch, Kind

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.store.accounts import Account

USEFUL_MS = 5 * 86_400_000


class WayIn(StrEnum):
    """What was changed."""

    PASSWORD = "password"  # noqa: S105 - the word for it
    EMAIL = "mail address"
    FACTOR = "second factor"
    ELSEWHERE = "sign-in elsewhere"


def tell_account(connection: Connection, account: Account, what: WayIn, now: int) -> None:
    """Have word sent to the address that an account had until now (UTC ms); to nobody where it had none."""
    if account.email:
        body = json.dumps({"to": account.email, "what": what.value}, ensure_ascii=False)
        dispatches.add_dispatch(
            connection, Dispatch(None, account.name, Kind.CHANGED, make_event(), body, now, now + USEFUL_MS)
        )
