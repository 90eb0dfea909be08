"""The options by which `meter-hub serve` is told of another house by whose word people sign in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from hub.config import OidcSettings, parse_service_url
from hub.errors import SettingsError

OidcIssuer = Annotated[
    str,
    typer.Option(
        "--oidc-issuer",
        envvar="METER_HUB_OIDC_ISSUER",
        help="The issuer of an OpenID Connect provider by whose word people may sign in; none unless given.",
    ),
]
OidcClient = Annotated[
    str, typer.Option("--oidc-client", envvar="METER_HUB_OIDC_CLIENT", help="What the provider calls this hub.")
]
OidcSecret = Annotated[
    Path | None,
    typer.Option(
        "--oidc-secret-file",
        envvar="METER_HUB_OIDC_SECRET_FILE",
        help="File with this hub's secret at the provider, readable by its owner only.",
    ),
]
OidcName = Annotated[
    str, typer.Option("--oidc-name", envvar="METER_HUB_OIDC_NAME", help="What people call it; its host unless given.")
]


def oidc_settings(issuer: str, client: str, secret: Path | None, name: str) -> OidcSettings | None:
    """Return whose word is taken, None where no issuer is named; raises SettingsError for options that do not fit."""
    if not issuer:
        return None
    if not client or secret is None:
        message = (
            "an OpenID Connect provider needs --oidc-client and --oidc-secret-file beside --oidc-issuer: give both"
        )
        raise SettingsError(message)
    parse_service_url(issuer)
    return OidcSettings(issuer, client, secret, name or urlsplit(issuer).hostname or issuer)
