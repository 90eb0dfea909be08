"""The options by which `meter-hub` is told how to send mail, shared by the commands that do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.config import MailSettings, parse_pages_url, parse_sender, parse_smtp
from hub.errors import SettingsError

Smtp = Annotated[
    str,
    typer.Option(
        "--smtp",
        envvar="METER_HUB_SMTP",
        help="The mail server: smtp://host:port, with STARTTLS unless it is this machine, or smtps://host:port; "
        "no mail is sent unless given.",
    ),
]
MailFrom = Annotated[
    str, typer.Option("--mail-from", envvar="METER_HUB_MAIL_FROM", help="The address that mail comes from.")
]
Credentials = Annotated[
    Path | None,
    typer.Option(
        "--smtp-credentials",
        envvar="METER_HUB_SMTP_CREDENTIALS",
        help="File with user and password of the mail server on two lines, readable by its owner only.",
    ),
]
PagesUrl = Annotated[
    str, typer.Option("--pages-url", envvar="METER_HUB_PAGES_URL", help="Where people who get a mail find this hub.")
]


def mail_settings(smtp: str, mail_from: str, credentials: Path | None, pages_url: str) -> MailSettings | None:
    """Return how mail is sent, None where no server is named; raises SettingsError for options that do not fit."""
    if not smtp:
        return None
    for value, option in ((mail_from, "--mail-from reminders@example.org"), (pages_url, "--pages-url https://host")):
        if not value:
            message = f"mail needs {option} beside --smtp: give it too"
            raise SettingsError(message)
    server, security = parse_smtp(smtp)
    return MailSettings(server, security, parse_sender(mail_from), parse_pages_url(pages_url), credentials)
