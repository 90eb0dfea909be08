"""The embedded MQTT broker as a program: `python -m simulators.embedded_broker --port N`, on 127.0.0.1, for anyone.

amqtt (https://amqtt.readthedocs.io/) stands in where Mosquitto is not installed. It keeps nothing over a restart, and
needs not: no guarantee rests on a broker's memory. Version 0.12.1, as observed, delivers a retained message twice to a
new subscriber, once at QoS 0; queues nothing for an absent client with a persistent session; and leaves such a client
deaf if it comes back before its old connection is closed. Clients with clean sessions that bear duplicates are well
served.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType


def broker_config(port: int) -> BrokerConfig:
    """Return the configuration of a broker for this machine only that asks nobody who they are.

    Without the plugins that amqtt loads by default: those log every packet and publish statistics.
    """
    return BrokerConfig(
        listeners={"default": ListenerConfig(type=ListenerType.TCP, bind=f"127.0.0.1:{port}")},
        plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    )


async def serve(port: int) -> None:
    """Run the broker on 127.0.0.1 until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    broker = Broker(broker_config(port))
    await broker.start()
    await stopping.wait()
    await broker.shutdown()


def main() -> None:
    """Run the broker as told on the command line."""
    parser = argparse.ArgumentParser(description="An MQTT broker for the simulation, on 127.0.0.1.")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    # A client that was killed is an error to amqtt, and an everyday event to the simulation.
    logging.basicConfig(level=logging.CRITICAL, format="embedded broker: %(levelname)s %(message)s")
    asyncio.run(serve(arguments.port))


if __name__ == "__main__":
    main()
