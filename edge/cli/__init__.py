"""`meter-edge`, the device's command line; every command that answers takes `--json`."""

from edge.cli.main import app, main

__all__ = ["app", "main"]
