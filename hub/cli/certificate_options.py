"""The options that name certificates and the revocation list whose end the hub watches."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

WatchCertificate = Annotated[
    list[str] | None,
    typer.Option(
        "--watch-certificate",
        envvar="METER_HUB_WATCH_CERTIFICATE",
        help="Tell when the certificate in a file ends, written use=path, such as pages=/etc/ssl/hub.pem; repeatable.",
    ),
]
WatchRevocations = Annotated[
    Path | None,
    typer.Option(
        "--watch-crl",
        envvar="METER_HUB_WATCH_CRL",
        help="Tell when the broker's revocation list (CRL) in this file has to be renewed.",
    ),
]
