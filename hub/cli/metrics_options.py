"""The option that names the token of `/metrics`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MetricsToken = Annotated[
    Path | None,
    typer.Option(
        "--metrics-token-file",
        envvar="METER_HUB_METRICS_TOKEN_FILE",
        help="File with a token, readable by its owner only, that lets programs of other machines read /metrics.",
    ),
]
