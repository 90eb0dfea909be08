"""MQTT topic names and broker permissions, built and parsed in one place.

A topic is `mrc1/{partition}/{device}/{channel}`. The partition is one hexadecimal digit that follows from the device
id, so that workers can share the devices out by plain subscriptions; a topic whose partition does not fit its device
is not ours. The device id is the MQTT client id, the user name and the certificate's common name as well, which lets
a broker hold each device to its own topics.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from protocol.errors import IdentityError, TopicError
from protocol.identity import DeviceId, format_device_id, parse_device_id, partition

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = "mrc1"
PARTITIONS = tuple("0123456789abcdef")

_LEVELS = 4


class Channel(StrEnum):
    """What travels on a topic; block, state, result and live go up to the hub, receipt and command come down."""

    BLOCK = "b"
    STATE = "s"
    RESULT = "r"
    LIVE = "l"
    RECEIPT = "a"
    COMMAND = "c"

    @property
    def qos(self) -> int:
        """The MQTT quality of service: 1, because a PUBACK paces the sender; no promise of ours rests on it."""
        return 0 if self is Channel.LIVE else 1

    @property
    def retained(self) -> bool:
        """Whether the broker keeps the last message for those who subscribe later."""
        return self is Channel.STATE


TO_HUB = (Channel.BLOCK, Channel.STATE, Channel.RESULT)
TO_DEVICE = (Channel.RECEIPT, Channel.COMMAND)
TO_VIEWERS = (Channel.STATE, Channel.LIVE)


@dataclass(frozen=True, slots=True)
class Topic:
    """One channel of one device; `str()` gives the topic as MQTT knows it."""

    device: DeviceId
    channel: Channel

    @classmethod
    def parse(cls, text: str) -> Topic:
        """Return the topic written as `text`; raises TopicError if it is not ours or in a wrong partition."""
        levels = text.split("/")
        if len(levels) != _LEVELS or levels[0] != ROOT:
            message = f"{text!r:.80} is not a topic of ours: expected {ROOT}/partition/device/channel"
            raise TopicError(message)
        try:
            topic = cls(device=parse_device_id(levels[2]), channel=Channel(levels[3]))
        except IdentityError as error:
            message = f"{text!r:.80} is not a topic of ours: {error}"
            raise TopicError(message) from error
        except ValueError as error:
            message = f"{text!r:.80} is not a topic of ours: channel {levels[3]!r} is unknown"
            raise TopicError(message) from error
        if topic.partition != levels[1]:
            message = f"{text!r:.80} lies in the wrong partition: the device belongs to {topic.partition}"
            raise TopicError(message)
        return topic

    @property
    def partition(self) -> str:
        """The device's partition, one hexadecimal digit."""
        return partition(self.device)

    @property
    def device_text(self) -> str:
        """The device id as text: also its MQTT client id and user name."""
        return format_device_id(self.device)

    def __str__(self) -> str:
        """Return the topic name."""
        return f"{ROOT}/{self.partition}/{self.device_text}/{self.channel}"


def device_subscriptions(device: DeviceId) -> tuple[str, ...]:
    """Return the topics on which a device hears its hub."""
    return tuple(str(Topic(device, channel)) for channel in TO_DEVICE)


def hub_subscriptions(channels: Iterable[Channel] = TO_HUB, partitions: Iterable[str] = PARTITIONS) -> tuple[str, ...]:
    """Return the plain patterns of a hub worker that serves these partitions, without wildcards above the device.

    Plain patterns rather than `$share`: not every broker has shared subscriptions, and those that do may hold back or
    lose what a dying worker had not acknowledged.
    """
    channels = tuple(channels)
    return tuple(f"{ROOT}/{one}/+/{channel}" for one in partitions for channel in channels)


def mosquitto_acl(*, hub_user: str = "hub-ingest", view_user: str = "hub-view") -> str:
    """Return the text of a Mosquitto `acl_file` that holds every device to its own topics.

    `pattern` lines apply to all users with %u replaced by the user name (mosquitto.conf(5), acl_file), so the broker
    must take the user name from the certificate (`use_identity_as_username true`) and the client id from the user name
    (`use_username_as_clientid true`), else one device could push another off. The partition is a wildcard here; the
    hub checks it.
    """
    lines = ["# Devices: the user name is the device id."]
    lines += [f"pattern write {ROOT}/+/%u/{channel}" for channel in (*TO_HUB, Channel.LIVE)]
    lines += [f"pattern read {ROOT}/+/%u/{channel}" for channel in TO_DEVICE]
    lines += ["", "# The hub's workers.", f"user {hub_user}"]
    lines += [f"topic read {ROOT}/+/+/{channel}" for channel in TO_HUB]
    lines += [f"topic write {ROOT}/+/+/{channel}" for channel in TO_DEVICE]
    lines += ["", "# Pages that show live values.", f"user {view_user}"]
    lines += [f"topic read {ROOT}/+/+/{channel}" for channel in TO_VIEWERS]
    return "\n".join(lines) + "\n"
