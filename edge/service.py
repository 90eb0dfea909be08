"""`meter-edge run` itself: the agent as a service, with nothing loaded that only people's commands need.

`edge.__main__` comes here before the command line is built, since that would double the memory the agent lives in.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from edge.agent import run_agents
from edge.bus_errors import BusError
from edge.clock import SystemClock
from edge.config import DEFAULT_CONFIG, ConfigError, load_config
from edge.journal import JournalError
from edge.keys import KeyFileError
from edge.logs import is_journal, priority_mark, set_up_logging
from edge.notify import ServiceManager
from edge.uplink import UplinkError

if TYPE_CHECKING:
    from pathlib import Path

    from edge.clock import Clock
    from edge.config import AgentConfig

EXIT_WRONG_INPUT = 2
WRONG_INPUT = (BusError, ConfigError, JournalError, KeyFileError, UplinkError)
"""What ends the program with one sentence: the world is not as it was told."""


def main(config: Path = DEFAULT_CONFIG) -> None:
    """Run the agent; wrong input ends it with one sentence and exit code 2."""
    try:
        serve(config)
    except WRONG_INPUT as error:
        mark = priority_mark(logging.ERROR) if is_journal(sys.stderr, os.environ) else ""
        sys.stderr.write(f"{mark}meter-edge: {error}\n")
        sys.exit(EXIT_WRONG_INPUT)


def serve(config: Path) -> None:
    """Run the agent of this configuration until SIGTERM or SIGINT; raises what `WRONG_INPUT` lists."""
    set_up_logging(sys.stderr, os.environ, time.monotonic)
    asyncio.run(run_agent(load_config(config), SystemClock(), ServiceManager(os.environ)))


async def run_agent(config: AgentConfig, clock: Clock, manager: ServiceManager | None = None) -> None:
    """Run the agent under `clock` until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # What was made by importing stays for ever: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    await run_agents(config, clock, stop, manager)
