"""The JSON API of people: accounts and the audit log, for those who may see them."""

from typing import Annotated

from fastapi import APIRouter, Query

from hub.rules.permissions import Action
from hub.store import accounts, audit_log
from hub.web import models_people as models
from hub.web.actors import ActorOf, demand
from hub.web.context import HubOf

router = APIRouter(prefix="/api/v1", tags=["people"])


@router.get("/accounts")
def list_accounts(hub: HubOf, actor: ActorOf) -> models.AccountsJson:
    """Return every account with what it is to systems; for those who manage accounts."""
    demand(hub, actor, Action.MANAGE_ACCOUNTS)
    with hub.database.read() as connection:
        return models.AccountsJson(
            accounts=[
                models.account_json(one, accounts.list_relations(connection, of_account=one.name))
                for one in accounts.list_accounts(connection)
            ]
        )


@router.get("/audit-log")
def list_audit_log(
    hub: HubOf, actor: ActorOf, subject: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> models.AuditLogJson:
    """Return the latest entries of the audit log, of one subject or of all; for those who may read it."""
    demand(hub, actor, Action.READ_AUDIT_LOG)
    with hub.database.read() as connection:
        entries = audit_log.list_audit(connection, subject=subject or None, limit=limit)
    return models.AuditLogJson(entries=[models.entry_json(entry) for entry in entries])
