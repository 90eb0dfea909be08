"""Serve a made hub as `meter-hub serve` does, but for the clock: it goes on from the instant at which the hub was made.

So a page shows the same whenever it is measured: the same month is open, and devices were heard an hour ago.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.made_devices import NOW
from hub.clock import now_ms
from hub.config import HubSettings, parse_listen
from hub.serve import serve


def main() -> None:
    """Serve until a signal ends it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--listen", required=True)
    arguments = parser.parse_args()
    later_ms = now_ms() - NOW
    settings = HubSettings(arguments.data, broker=None, listen=parse_listen(arguments.listen))
    serve(settings, lambda _: None, lambda: now_ms() - later_ms)


if __name__ == "__main__":
    main()
