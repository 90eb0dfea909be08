"""The option by which `meter-hub` is told where of one's own network webhooks may go."""

from __future__ import annotations

from typing import Annotated

import typer

WebhookAllow = Annotated[
    list[str] | None,
    typer.Option(
        "--webhook-allow",
        envvar="METER_HUB_WEBHOOK_ALLOW",
        help="A host or network of one's own that webhooks may go to, such as 10.1.0.0/16; only public ones without. "
        "May be given several times.",
    ),
]
