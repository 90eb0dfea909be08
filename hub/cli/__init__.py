"""`meter-hub`, the hub's command line; every command takes `--json`."""

from hub.cli.main import app, main

__all__ = ["app", "main"]
