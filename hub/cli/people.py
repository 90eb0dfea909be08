"""`meter-hub account` and `audit`: who there is and what they may, and the log of who did what."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from hub.cli.mail_options import PagesUrl
from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, actor, open_data, plain, print_json, print_table
from hub.clock import now_ms
from hub.config import parse_pages_url
from hub.formats import local_time
from hub.models import people as models
from hub.models.changes import ProvidersJson
from hub.rules.local_times import format_local, parse_local
from hub.rules.permissions import Relation, Role
from hub.services.disable_account import disable_account, enable_account
from hub.services.manage_people import add_account, approve_provider, end_relation, find_account, relate_account
from hub.services.manage_tokens import end_token, issue_token, read_scope
from hub.services.request_link import invite_account
from hub.services.set_password import make_link, take_factor
from hub.services.verify_audit import verify_audit
from hub.store import accounts, audit_log, change_requests, tokens
from hub.store.accounts import Account

EXIT_BROKEN = 1
DAY_MS = 86_400_000

account_app = typer.Typer(no_args_is_help=True, help="Accounts, what they are to systems, and their tokens.")
audit_app = typer.Typer(no_args_is_help=True, help="Audits on site, and the log of who did what.")

Name = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name of the account.")]


@account_app.command("add")
def add(
    name: Name,
    full_name: Annotated[str, typer.Option("--name", help="Full name.")] = "",
    email: Annotated[str, typer.Option(help="Where reminders go.")] = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """Add an account."""
    with open_data(data) as database:
        made = add_account(database, Account(name, full_name, email, now_ms(), actor()))
    typer.echo(plain(f"account {made.name}: it may nothing before `meter-hub account relate` says what it is"))


@account_app.command("relate")
def relate(
    name: Name,
    role: Annotated[Role, typer.Option(help="What it is.")],
    system: Annotated[str, typer.Option(help="To which system; to all of them unless given.")] = "",
    since: Annotated[str, typer.Option("--from", help="From when, such as 2024-01-31 17:30; now unless given.")] = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """Give an account a role."""
    now = now_ms()
    new = Relation(name, role, system or None, parse_local(since) if since else now)
    with open_data(data, create=False) as database:
        held = relate_account(database, new, actor=actor(), now=now)
    typer.echo(f"relation {held.number}: {name} is {role.value} of {system or 'all systems'}")


@account_app.command("end")
def end(
    relation: Annotated[int, typer.Argument(help="Number of the relation.")],
    until: Annotated[str, typer.Option("--at", help="When it ends; now unless given.")] = "",
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """Let a relation end."""
    now = now_ms()
    with open_data(data, create=False) as database:
        until_at = parse_local(until) if until else now
        end_relation(database, relation, until_at, actor=actor(), now=now, reason=reason)
    typer.echo(f"relation {relation} ends {format_local(until_at)}")


@account_app.command("token")
def token(
    name: Name,
    days: Annotated[int, typer.Option(help="How long it is good for.", min=1, max=366)] = 90,
    scope: Annotated[
        str, typer.Option(help="What it is for, such as `view_production`; all that the account may unless given.")
    ] = "",
    label: Annotated[str, typer.Option(help="What it is called in lists.")] = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """Print a new token of an account; it is shown this once."""
    wanted = read_scope(scope)
    with open_data(data, create=False) as database:
        made = issue_token(database, name, days * DAY_MS, actor=actor(), now=now_ms(), scope=wanted, label=label)
    typer.echo(made)


@account_app.command("tokens")
def list_all_tokens(name: Name, data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List the tokens of an account: what each is for, until when, and when it was last used."""
    with open_data(data, create=False) as database, database.read() as connection:
        find_account(connection, name)
        found = tokens.list_tokens(connection, name)
    if as_json:
        print_json(models.TokensJson(tokens=[models.token_json(one) for one in found]))
        return
    rows = [
        (
            *(one.id, one.label, "all" if one.scope is None else " ".join(sorted(one.scope))),
            *(local_time(one.expires_at), "never" if one.used_at is None else local_time(one.used_at)),
            "taken back" if one.ended_at else "",
        )
        for one in found
    ]
    print_table(("Token", "Label", "For", "Until", "Last used", "Stands"), rows)


@account_app.command("end-token")
def take_token_back(
    name: Name,
    token: Annotated[str, typer.Argument(help="What `account tokens` calls it.")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Take a token back at once."""
    with open_data(data, create=False) as database:
        end_token(database, name, token, actor=actor(), now=now_ms())
    typer.echo(f"token {token} of {name} is taken back")


@account_app.command("link")
def link(name: Name, pages_url: PagesUrl = "", data: Data = DEFAULT_DATA) -> None:
    """Print a link by which an account's password is set, once and within three days."""
    with open_data(data, create=False) as database:
        made = make_link(database, name, actor=actor(), now=now_ms())
    typer.echo(f"{parse_pages_url(pages_url) if pages_url else ''}/welcome/{made}")


@account_app.command("invite")
def invite(name: Name, data: Data = DEFAULT_DATA) -> None:
    """Let the running hub send an account such a link by mail."""
    with open_data(data, create=False) as database:
        invite_account(database, name, actor=actor(), now=now_ms())
    typer.echo(f"a link for {name} waits for the running hub to send it")


@account_app.command("forget-factor")
def forget_factor(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why, such as a lost phone.")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Take an account's second factor away, and end its sessions."""
    with open_data(data, create=False) as database:
        take_factor(database, name, actor=actor(), now=now_ms(), reason=reason)
    typer.echo(f"{name} has no second factor and no session any more")


@account_app.command("disable")
def disable(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why, such as that they left.")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Shut an account out: end its sessions, take its tokens back, and let nobody sign in to it."""
    with open_data(data, create=False) as database:
        disable_account(database, name, actor=actor(), now=now_ms(), reason=reason)
    typer.echo(f"{name} is disabled: `meter-hub account enable {name}` lets it in again")


@account_app.command("enable")
def enable(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why.")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Let a disabled account in again; its tokens stay taken back."""
    with open_data(data, create=False) as database:
        enable_account(database, name, actor=actor(), now=now_ms(), reason=reason)
    typer.echo(f"{name} may sign in again")


@account_app.command("list")
def list_all(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List accounts and what they are."""
    with open_data(data, create=False) as database, database.read() as connection:
        found = [
            models.account_json(one, accounts.list_relations(connection, of_account=one.name))
            for one in accounts.list_accounts(connection)
        ]
    if as_json:
        print_json(models.AccountsJson(accounts=found))
        return
    print_table(
        ("Account", "Name", "E-mail", "Disabled"),
        [(one.account, one.name, one.email, one.disabled_at or "") for one in found],
    )
    print_table(
        ("Relation", "Account", "Role", "System", "From", "Until"),
        [
            (str(held.relation), one.account, held.role, held.system or "all", held.from_at, held.until_at or "")
            for one in found
            for held in one.relations
        ],
    )


@account_app.command("approve-provider")
def approve(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Not any more.")] = False,
) -> None:
    """Let an account be chosen as a data acquisition provider."""
    with open_data(data, create=False) as database:
        approve_provider(database, name, is_approved=not withdraw, actor=actor(), now=now_ms(), reason=reason)
    typer.echo(f"{name} is {'no more' if withdraw else 'now'} an approved data acquisition provider")


@account_app.command("providers")
def list_providers(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List the data acquisition providers that may be chosen."""
    with open_data(data, create=False) as database, database.read() as connection:
        found = change_requests.list_providers(connection)
    if as_json:
        print_json(ProvidersJson(providers=list(found)))
        return
    print_table(("Provider",), [(one,) for one in found])


@audit_app.command("log")
def log(
    subject: Annotated[str, typer.Option(help="Only what was done to this: a PTS id, month or account.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Show the latest entries, the latest first."""
    with open_data(data, create=False) as database, database.read() as connection:
        entries = audit_log.list_audit(connection, subject=subject or None)
    if as_json:
        print_json(models.AuditLogJson(entries=[models.entry_json(entry) for entry in entries]))
        return
    print_table(
        ("Number", "At", "Actor", "Action", "Subject", "After", "Reason"),
        [
            (str(one.number), format_local(one.at), one.actor, one.action, one.subject, one.after, one.reason)
            for one in entries
        ],
    )


@audit_app.command("verify")
def verify(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Check the log's chain from its first entry on; exit code 1 and where, if it is broken."""
    with open_data(data, create=False) as database:
        with database.read() as connection:
            total = audit_log.count_audit(connection)
        with Progress(console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task("verify the audit log", total=total)
            verified = verify_audit(database, lambda entries: bars.advance(task, entries))
    if as_json:
        print_json(models.audit_verified_json(verified))
    else:
        whole = f"{verified.entries} entries, whole; the last is sealed as {verified.head or 'nothing'}"
        typer.echo(verified.broken or whole)
    if verified.broken is not None:
        raise typer.Exit(EXIT_BROKEN)
