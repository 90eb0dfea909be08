"""The real edge agent under a simulated clock: what `meter-edge run` does, with time told by the simulator."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from edge.config import load_config
from edge.notify import ServiceManager
from edge.service import run_agent
from simulators.clock import SimulatedClock


def main() -> None:
    """Run the agent with `--config FILE --clock HOST:PORT` until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--clock", required=True, metavar="HOST:PORT")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="edge: %(levelname)s %(message)s", stream=sys.stderr)
    asyncio.run(_run(arguments.config, arguments.clock))


async def _run(config: Path, clock_address: str) -> None:
    host, _, port = clock_address.rpartition(":")
    clock = await SimulatedClock.connect(host, int(port))
    await run_agent(load_config(config), clock, ServiceManager(os.environ))


if __name__ == "__main__":
    main()
