"""The options by which `meter-hub` is told how to reach MassCEC's own tracking system."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from hub.config import ForwardSettings, Interface, parse_service_url
from hub.errors import SettingsError

SOAP_URL = "https://ar.masscec-pts.com/pts_ar.asmx"
_SOAP_OPERATIONS = ("postdata", "testpostdata")

Pts = Annotated[
    Interface | None,
    typer.Option(
        "--pts", envvar="METER_HUB_PTS", help="The interface of MassCEC's tracking system; none unless given."
    ),
]
PtsUrl = Annotated[
    str,
    typer.Option(
        "--pts-url",
        envvar="METER_HUB_PTS_URL",
        help=f"Its address: for soap {SOAP_URL} unless given, for json all that stands before the operation.",
    ),
]
PtsCredentials = Annotated[
    Path | None,
    typer.Option(
        "--pts-credentials",
        envvar="METER_HUB_PTS_CREDENTIALS",
        help="File of two lines, readable by its owner only: user and password for soap, subscription key and access "
        "key for json.",
    ),
]
PtsOperations = Annotated[
    str,
    typer.Option(
        "--pts-operations",
        envvar="METER_HUB_PTS_OPERATIONS",
        help="Names of the operations that keep and that only try, such as ARPost,ARPostTest; soap's are known.",
    ),
]


def forward_settings(
    interface: Interface | None, url: str, credentials: Path | None, operations: str
) -> ForwardSettings | None:
    """Return how months are forwarded, None where no interface is named; raises SettingsError for what does not fit."""
    if interface is None:
        return None
    if credentials is None:
        message = "forwarding needs --pts-credentials FILE beside --pts: give it too"
        raise SettingsError(message)
    if interface is Interface.SOAP:
        url = parse_service_url(url or SOAP_URL)
        post, test = _SOAP_OPERATIONS
    else:
        if not url or operations.count(",") != 1:
            message = (
                "the json interface needs --pts-url https://host/environment and --pts-operations KEEP,TRY: give the "
                "address and names that MassCEC gave you"
            )
            raise SettingsError(message)
        url = parse_service_url(url)
        post, test = (one.strip() for one in operations.split(","))
    parts = urlsplit(url)
    return ForwardSettings(interface, url, credentials, f"{parts.scheme}://{parts.netloc}/", post, test)
