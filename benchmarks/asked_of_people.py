"""By which addresses the other pages are asked for: what is reported and what waits, months, people and their own."""

from __future__ import annotations

from urllib.parse import urlencode

from benchmarks.asked import Asked, Marks, Pages
from benchmarks.made_lists import OVER, WAITING
from benchmarks.made_months import MONTH, system_name
from benchmarks.made_people import (
    ACCOUNTS,
    AUDIT_ENTRIES,
    HALFWAY,
    INSTALLER,
    NOBODY,
    OWNER,
    PROVIDER,
    REPORTER,
    SINGLE,
    account_name,
    number_of,
)
from hub.rules.quarters import quarter_of


def pages_of_people(marks: Marks) -> Pages:
    """Return what is asked for of them."""
    return (
        _reporting(marks)
        | _waiting(marks)
        | _months(marks)
        | _exports(marks)
        | _users(marks)
        | _own(marks)
        | _account(marks)
        | _signing_in(marks)
    )


def _reporting(marks: Marks) -> Pages:
    report = f"/systems/{marks.open_system}/report"
    typed = urlencode({"kwh": marks.register_kwh, "at": "2027-06-30T10:00"})
    return {
        "/systems/{pts_id}/report": (Asked("a report", report, REPORTER),),
        "/systems/{pts_id}/report/check": (Asked("a report checked", f"{report}/check?{typed}", REPORTER),),
        "/systems/{pts_id}/report/{month}/experience": (Asked("experience", f"{report}/{MONTH}/experience", REPORTER),),
        "/systems/{pts_id}/report/{month}": (Asked("a report sent", f"{report}/{MONTH}", REPORTER),),
    }


def _waiting(marks: Marks) -> Pages:
    over, waiting = marks.part(OVER), marks.part(WAITING)
    first, middle = over + 1, over + waiting // 2
    return {
        "/reviews": (Asked("reviews", "/reviews"),),
        "/reviews/{number}/photo": (Asked("a photo", f"/reviews/{first}/photo"),),
        "/exchanges": (Asked("exchanges", "/exchanges", far=f"/exchanges?after={middle}"),),
        "/exchanges/{number}/evidence": (Asked("an exchange's proof", f"/exchanges/{first}/evidence"),),
        "/changes": (
            Asked("change requests", "/changes", far=f"/changes?after={middle}"),
            Asked("change requests, all", "/changes?every=true", far=f"/changes?every=true&after={over // 2}"),
            Asked("change requests", "/changes", OWNER),
        ),
        "/changes/{number}": (Asked("a change request", f"/changes/{first}"),),
        "/changes/{number}/documents/{name}": (Asked("its document", f"/changes/{first}/documents/{marks.document}"),),
        "/systems/{pts_id}/changes/new": (Asked("a new change", f"/systems/{system_name(0)}/changes/new", OWNER),),
    }


def _months(marks: Marks) -> Pages:
    month, system = f"/months/{MONTH}", system_name(marks.middle)
    missing = f"{month}?state=missing"
    return {
        "/months": (Asked("months", "/months"),),
        "/months/{month}": (
            Asked("a month", month, far=f"{month}?after={system}"),
            Asked("a month, missing", missing, far=f"{missing}&after={system}"),
            Asked("a month, estimated", f"{month}?state=estimated"),
        ),
        "/months/{month}.csv": (Asked("a month, saved", f"{month}.csv"),),
    }


def _exports(marks: Marks) -> Pages:
    quarter, system = quarter_of(MONTH), system_name(marks.middle)
    return {
        "/exports": (Asked("exports", "/exports"),),
        "/exports/{number}": (Asked("an export", "/exports/1"), Asked("a verification file", "/exports/2")),
        "/exports/{number}/content": (
            Asked("an export, saved", "/exports/1/content"),
            Asked("a verification, saved", "/exports/2/content"),
        ),
        "/missing": (
            Asked("missing", f"/missing?quarter={quarter}", far=f"/missing?quarter={quarter}&after={system}"),
            Asked("missing", "/missing", PROVIDER),
        ),
        "/missing.csv": (Asked("missing, saved", f"/missing.csv?quarter={quarter}"),),
    }


def _users(marks: Marks) -> Pages:
    accounts, last = marks.part(ACCOUNTS), marks.part(ACCOUNTS) - 1
    owned = accounts + number_of(marks.devices, OWNER)
    entries = AUDIT_ENTRIES if accounts == ACCOUNTS else 10 * accounts
    return {
        "/users": (
            Asked("users", "/users", far=f"/users?after={account_name(accounts // 2)}"),
            Asked("users, the large ones", f"/users?after={account_name(last)}"),
            Asked("users, searched", f"/users?search={account_name(last)}"),
        ),
        "/users/new": (Asked("a new user", "/users/new"),),
        "/users/{account}": (
            Asked("a user", f"/users/{account_name(0)}"),
            Asked("a large owner", f"/users/{OWNER}", far=f"/users/{OWNER}?after={owned}"),
            Asked("a large provider", f"/users/{PROVIDER}"),
        ),
        "/users/{account}/relations/new": (Asked("a new role", f"/users/{OWNER}/relations/new"),),
        "/users/{account}/tokens/new": (Asked("a new token", f"/users/{OWNER}/tokens/new"),),
        "/audit": (
            Asked("audit log", "/audit", far=f"/audit?before={entries // 2}"),
            Asked("audit log, of one", f"/audit?actor={account_name(1)}"),
            Asked("audit log, of nobody", "/audit?subject=nobody"),
        ),
        "/audit.csv": (Asked("audit log, saved", "/audit.csv"),),
    }


def _own(marks: Marks) -> Pages:
    owned = system_name(number_of(marks.devices, OWNER) // 2)
    jobs = system_name(number_of(marks.devices, INSTALLER) // 2)
    return {
        "/mine": (
            Asked("my systems", "/mine", OWNER),
            Asked("one of my systems", f"/mine?system={owned}", OWNER),
            Asked("my system", "/mine", SINGLE),
        ),
        "/certificates": (
            Asked("certificates", "/certificates", OWNER, far=f"/certificates?after={owned}"),
            Asked("certificates", "/certificates", far=f"/certificates?after={system_name(marks.middle)}"),
        ),
        "/systems/{pts_id}/certificates": (Asked("an asset", f"/systems/{owned}/certificates", OWNER),),
        "/jobs": (Asked("jobs", "/jobs", INSTALLER, far=f"/jobs?after={jobs}"),),
    }


def _account(marks: Marks) -> Pages:
    owned = marks.part(ACCOUNTS) + number_of(marks.devices, OWNER)
    return {
        "/account": (
            Asked("my account", "/account"),
            Asked("my account", "/account", OWNER, far=f"/account?after={owned}"),
        ),
        "/account/password": (Asked("a new password", "/account/password"),),
        "/account/email": (Asked("a new mail address", "/account/email"),),
        "/account/second-factor": (Asked("a second factor", "/account/second-factor"),),
        "/account/second-factor/forget": (Asked("no second factor", "/account/second-factor/forget"),),
    }


def _signing_in(marks: Marks) -> Pages:
    return {
        "/sign-in": (Asked("sign in", "/sign-in", NOBODY),),
        "/sign-in/code": (Asked("a code", "/sign-in/code", HALFWAY),),
        "/forgot": (Asked("forgot", "/forgot", NOBODY),),
        "/welcome/{token}": (Asked("welcome", f"/welcome/{marks.link}", NOBODY),),
    }
