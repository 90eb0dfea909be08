"""The JSON API of people: accounts, what they are to systems, their tokens, and the audit log."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, StrictBool, StrictInt

from hub.errors import InputError
from hub.models import people as models
from hub.rules.local_times import parse_local
from hub.rules.permissions import Action, Relation, Role
from hub.services.disable_account import disable_account, enable_account
from hub.services.manage_people import add_account, approve_provider, end_relation, find_account, relate_account
from hub.services.manage_tokens import end_token, issue_token
from hub.services.request_link import invite_account
from hub.services.sign_in import end_all_sessions
from hub.services.verify_audit import verify_audit
from hub.store import accounts, audit_log, tokens
from hub.store.accounts import Account
from hub.web.actors import ActorOf, demand, demand_own
from hub.web.api.kinds import Number, with_example
from hub.web.api.paging import PageBack, PageByName
from hub.web.context import HubOf

router = APIRouter(prefix="/api/v1", tags=["people"])


DAY_MS = 86_400_000


class NewAccountBody(BaseModel):
    """Somebody, or a program; `email` is where reminders go."""

    model_config = with_example(account="ann", name="Ann Lee", email="ann@example.org")

    account: str = Field(max_length=40)
    name: str = Field("", max_length=100)
    email: str = Field("", max_length=254)


class RelationBody(BaseModel):
    """What an account is to a system, or with an empty one to all; from now on unless said otherwise."""

    model_config = with_example(role="reporter", system="SLF-AB1234-00001", from_at="2024-01-31 17:30")

    role: Role
    system: str = Field("", max_length=40)
    from_at: str = Field("", max_length=40)


class EndBody(BaseModel):
    """When a relation ends, now unless said otherwise, and why."""

    model_config = with_example(until_at="2024-03-01 00:00", reason="sold the system")

    until_at: str = Field("", max_length=40)
    reason: str = Field(max_length=100)


class TokenBody(BaseModel):
    """How long a token is good for, what it is called, and for which actions it is: null for all that one may."""

    model_config = with_example(days=90, label="billing", scope=["view_production"])

    days: StrictInt = Field(90, ge=1, le=366)
    label: str = Field("", max_length=100)
    scope: list[Action] | None = Field(None, min_length=1, max_length=len(Action))


class TokenJson(BaseModel):
    """A new token: it is shown this once."""

    token: str


class ApprovalBody(BaseModel):
    """Whether an account may be chosen as a data acquisition provider, and why."""

    model_config = with_example(approved=True, reason="its contract was looked at")

    approved: StrictBool
    reason: str = Field(max_length=100)


class DisabledBody(BaseModel):
    """Whether an account is disabled, and why."""

    model_config = with_example(disabled=True, reason="left the company")

    disabled: StrictBool
    reason: str = Field(max_length=100)


class SessionsEndedJson(BaseModel):
    """How many sessions ended."""

    ended: int


@router.get("/accounts")
def list_accounts(
    hub: HubOf, actor: ActorOf, page: PageByName, search: Annotated[str, Query(max_length=100)] = ""
) -> models.AccountsJson:
    """Return accounts, or those that contain a text, by name with what they are to systems; for who manages them."""
    demand(hub, actor, Action.MANAGE_ACCOUNTS)
    with hub.database.read() as connection:
        found = accounts.list_accounts(connection, after=page.cursor or "", search=search.strip(), limit=page.limit)
        shown = [models.account_json(one, accounts.list_relations(connection, of_account=one.name)) for one in found]
    return models.AccountsJson(accounts=shown, next=page.next(found, lambda one: one.name))


@router.get("/audit-log")
def list_audit_log(  # noqa: PLR0913, PLR0917 - by what it is narrowed down
    hub: HubOf, actor: ActorOf, page: PageBack, subject: str = "", by: str = "", action: str = ""
) -> models.AuditLogJson:
    """Return the latest entries of the audit log, of a subject, by somebody or of an action; for who may read it."""
    demand(hub, actor, Action.READ_AUDIT_LOG)
    with hub.database.read() as connection:
        entries = audit_log.list_audit(
            connection,
            subject=subject or None,
            actor=by or None,
            action=action or None,
            before=page.cursor,
            limit=page.limit,
        )
    following = page.next(entries, lambda one: one.number)
    return models.AuditLogJson(entries=[models.entry_json(entry) for entry in entries], next=following)


@router.get("/audit-log/verification")
def verify_audit_log(hub: HubOf, actor: ActorOf) -> models.AuditVerifiedJson:
    """Check the log's chain from its first entry on."""
    demand(hub, actor, Action.READ_AUDIT_LOG)
    return models.audit_verified_json(verify_audit(hub.database))


@router.post("/accounts", status_code=201)
def add(hub: HubOf, actor: ActorOf, body: NewAccountBody) -> models.AccountJson:
    """Add an account; it may nothing before it is related to something."""
    demand(hub, actor, Action.MANAGE_ACCOUNTS)
    made = add_account(hub.database, Account(body.account, body.name, body.email, hub.now(), actor.name))
    with hub.database.read() as connection:
        return models.account_json(made, accounts.list_relations(connection, of_account=made.name))


@router.post("/accounts/{account}/relations", status_code=201)
def relate(hub: HubOf, actor: ActorOf, account: str, body: RelationBody) -> models.RelationJson:
    """Give an account a role, for a system or for all."""
    demand(hub, actor, Action.MANAGE_ACCOUNTS)
    now = hub.now()
    new = Relation(account, body.role, body.system or None, parse_local(body.from_at) if body.from_at else now)
    return models.relation_json(relate_account(hub.database, new, actor=actor.name, now=now))


@router.post("/relations/{number}/end", status_code=201)
def end(hub: HubOf, actor: ActorOf, number: Number, body: EndBody) -> models.RelationJson:
    """Let a relation end."""
    demand(hub, actor, Action.MANAGE_ACCOUNTS)
    now = hub.now()
    until_at = parse_local(body.until_at) if body.until_at else now
    ended = end_relation(hub.database, number, until_at, actor=actor.name, now=now, reason=body.reason)
    return models.relation_json(ended)


@router.post("/accounts/{account}/tokens", status_code=201)
def make_token(hub: HubOf, actor: ActorOf, account: str, body: TokenBody) -> TokenJson:
    """Return a new token of an account."""
    demand(hub, actor, Action.MANAGE_ACCOUNTS)
    token = issue_token(
        hub.database,
        account,
        body.days * DAY_MS,
        actor=actor.name,
        now=hub.now(),
        scope=None if body.scope is None else frozenset(body.scope),
        label=body.label,
    )
    return TokenJson(token=token)


@router.get("/accounts/{account}/tokens")
def list_tokens(hub: HubOf, actor: ActorOf, account: str) -> models.TokensJson:
    """Return the tokens of an account: one's own, or any for those who manage accounts."""
    demand_own(hub, actor, Action.MANAGE_ACCOUNTS, account)
    with hub.database.read() as connection:
        find_account(connection, account)
        return models.TokensJson(tokens=[models.token_json(one) for one in tokens.list_tokens(connection, account)])


@router.post("/accounts/{account}/tokens/{token}/end", status_code=204)
def take_token_back(hub: HubOf, actor: ActorOf, account: str, token: str) -> None:
    """Take a token back at once: one's own, or any for those who manage accounts."""
    demand_own(hub, actor, Action.MANAGE_ACCOUNTS, account)
    end_token(hub.database, account, token, actor=actor.name, now=hub.now())


@router.post("/accounts/{account}/invitation", status_code=202)
def invite(hub: HubOf, actor: ActorOf, account: str) -> None:
    """Have a link sent by mail by which the account sets its password; nobody else sees it."""
    demand(hub, actor, Action.MANAGE_ACCOUNTS)
    if hub.settings.mail is None:
        message = "this hub sends no mail: start it with --smtp, or run `meter-hub account link`"
        raise InputError(message)
    invite_account(hub.database, account, actor=actor.name, now=hub.now())


@router.post("/accounts/{account}/sessions/end", status_code=201)
def end_sessions(hub: HubOf, actor: ActorOf, account: str) -> SessionsEndedJson:
    """End every session in a browser: of one's own account, or of any for those who manage accounts."""
    if actor.name != account:
        demand(hub, actor, Action.MANAGE_ACCOUNTS)
    return SessionsEndedJson(ended=end_all_sessions(hub.database, account, actor=actor.name, now=hub.now()))


@router.post("/accounts/{account}/disabled", status_code=201)
def disable(hub: HubOf, actor: ActorOf, account: str, body: DisabledBody) -> models.AccountJson:
    """Shut an account out, which ends its sessions and tokens, or let it in again; for those who manage accounts."""
    demand(hub, actor, Action.MANAGE_ACCOUNTS)
    say = disable_account if body.disabled else enable_account
    said = say(hub.database, account, actor=actor.name, now=hub.now(), reason=body.reason)
    with hub.database.read() as connection:
        return models.account_json(said, accounts.list_relations(connection, of_account=account))


@router.post("/accounts/{account}/provider", status_code=201)
def approve(hub: HubOf, actor: ActorOf, account: str, body: ApprovalBody) -> ApprovalBody:
    """Say whether an account may be chosen as a data acquisition provider; for those who decide on changes."""
    demand(hub, actor, Action.DECIDE_CHANGE)
    approve_provider(
        hub.database, account, is_approved=body.approved, actor=actor.name, now=hub.now(), reason=body.reason
    )
    return body
