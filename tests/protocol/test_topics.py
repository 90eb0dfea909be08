"""Topics are built and parsed in one form, and permissions hold each device to its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import TopicError
from protocol.identity import DeviceId, parse_device_id
from protocol.topics import Channel, Topic, device_subscriptions, hub_subscriptions, mosquitto_acl
from tests.protocol.strategies import devices

DEVICE = parse_device_id("ubiig7mfa4cyfthx")


@given(devices, st.sampled_from(Channel))
def test_round_trip(device: DeviceId, channel: Channel) -> None:
    """A topic parses to what it was built from, and fits exactly one plain pattern of the hub's or a device's."""
    topic = Topic(device, channel)
    assert Topic.parse(str(topic)) == topic
    fitting = [pattern for pattern in hub_subscriptions(Channel) if _fits(pattern, str(topic))]
    assert len(fitting) == 1


@given(
    st.text(max_size=40) | st.lists(st.sampled_from(["mrc1", "c", "+", "#", "b", "", "ubiig7mfa4cyfthx"])).map("/".join)
)
def test_parsing_anything_raises_only_topic_errors(text: str) -> None:
    """A text is a topic in its one form, or a TopicError."""
    try:
        topic = Topic.parse(text)
    except TopicError:
        return
    assert str(topic) == text


@pytest.mark.parametrize(
    "text",
    [
        "mrc1/0/ubiig7mfa4cyfthx/b",
        "mrc2/c/ubiig7mfa4cyfthx/b",
        "mrc1/c/ubiig7mfa4cyfthx/x",
        "mrc1/c/UBIIG7MFA4CYFTHX/b",
        "mrc1/c/+/b",
        "mrc1/c/ubiig7mfa4cyfthx/b/",
        "/mrc1/c/ubiig7mfa4cyfthx/b",
    ],
)
def test_foreign_topics_are_refused(text: str) -> None:
    """Another root, partition, channel, spelling or depth is not ours."""
    assert str(Topic(DEVICE, Channel.BLOCK)) == "mrc1/c/ubiig7mfa4cyfthx/b"
    with pytest.raises(TopicError):
        Topic.parse(text)


def test_subscriptions() -> None:
    """A worker for one partition hears that partition only; a device hears itself only."""
    assert hub_subscriptions((Channel.BLOCK, Channel.STATE), "c") == ("mrc1/c/+/b", "mrc1/c/+/s")
    assert len(hub_subscriptions((Channel.BLOCK,))) == 16
    assert device_subscriptions(DEVICE) == ("mrc1/c/ubiig7mfa4cyfthx/a", "mrc1/c/ubiig7mfa4cyfthx/c")


def test_permissions() -> None:
    """Devices write up and read down under their own name; the hub does the reverse; viewers never see evidence."""
    lines = mosquitto_acl(hub_user="hub", view_user="view").splitlines()
    devices_part = lines[: lines.index("user hub")]
    hub_part = lines[lines.index("user hub") : lines.index("user view")]
    view_part = lines[lines.index("user view") :]
    assert [line for line in devices_part if "%u" in line and line.startswith("pattern ")] == [
        "pattern write mrc1/+/%u/b",
        "pattern write mrc1/+/%u/s",
        "pattern write mrc1/+/%u/r",
        "pattern write mrc1/+/%u/l",
        "pattern read mrc1/+/%u/a",
        "pattern read mrc1/+/%u/c",
    ]
    assert {"topic read mrc1/+/+/b", "topic write mrc1/+/+/a"} <= set(hub_part)
    assert not any("write" in line or line.endswith("/b") for line in view_part)


def _fits(pattern: str, topic: str) -> bool:
    pairs = zip(pattern.split("/"), topic.split("/"), strict=True)
    return all(level in ("+", name) for level, name in pairs)
