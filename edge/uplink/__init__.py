"""How the edge reaches its hub: over MQTT, or by POST where there is no broker. Carries bytes, knows no meanings.

UplinkError         the session cannot be set up with the files it was given
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.settings import PostSettings
from edge.uplink.mqtt import MqttUplink
from edge.uplink.session import (
    Arrived,
    Broken,
    Connected,
    Disconnected,
    Event,
    Session,
    Uplink,
    UplinkError,
    Woken,
    build_tls,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.settings import BrokerSettings
    from edge.uplink.post import PostUplink
    from protocol.identity import DeviceId

__all__ = [
    "Arrived",
    "Broken",
    "Connected",
    "Disconnected",
    "Event",
    "Session",
    "Uplink",
    "UplinkError",
    "Woken",
    "build_tls",
    "open_uplink",
]


def open_uplink(
    settings: BrokerSettings | PostSettings, device: DeviceId, begin: Callable[[], Session]
) -> MqttUplink | PostUplink:
    """Return the uplink for these settings, to be entered as a context; raises UplinkError.

    `begin` is asked whenever a session is about to start, perhaps in a thread of the carrier's.
    """
    if isinstance(settings, PostSettings):
        # With it comes an HTTP client, which a site with a broker has no use for.
        from edge.uplink.post import PostUplink  # noqa: PLC0415 - loaded only here

        return PostUplink(settings, device, begin)
    return MqttUplink(settings, device, begin)
