"""The AsyncAPI document says of channels, messages and MQTT what the code and the grammar say."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import yaml
from cddl_verifier import Validator

from protocol.fields import VERSION
from protocol.identity import parse_device_id
from protocol.topics import PARTITIONS, TO_DEVICE, TO_HUB, Channel, Topic
from tests.protocol.vectors import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

SPEC = FOLDER.parents[1]
DOCUMENT = yaml.safe_load((SPEC / "asyncapi.yaml").read_text())
GRAMMAR = (SPEC / "mrc1.cddl").read_text()
DEVICE = parse_device_id("ubiig7mfa4cyfthx")
NAMES = [channel.name.lower() for channel in Channel]
MESSAGES_BY_CHANNEL = {
    Channel.BLOCK: {"block"},
    Channel.STATE: {"birth", "death"},
    Channel.RESULT: {"result"},
    Channel.LIVE: set(),
    Channel.RECEIPT: {"receipt"},
    Channel.COMMAND: {"command"},
}


def _follow(node: object) -> object:
    """Return what a node means: itself, or what its local reference leads to."""
    while isinstance(node, dict) and "$ref" in node:
        target: object = DOCUMENT
        assert node["$ref"].startswith("#/"), node
        for step in node["$ref"][2:].split("/"):
            assert isinstance(target, dict)
            assert step in target, node["$ref"]
            target = target[step]
        node = target
    return node


def _at(*path: str) -> object:
    node: object = DOCUMENT
    for step in path:
        node = _follow(node)
        assert isinstance(node, dict)
        node = node[step]
    return _follow(node)


def _nodes(node: object) -> Iterator[dict[str, object]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from _nodes(value)


def _map(*path: str) -> dict[str, object]:
    node = _at(*path)
    assert isinstance(node, dict)
    return node


def test_document_is_asyncapi_3_of_this_version() -> None:
    """The document names the standard it follows and the version of MRC/1 it describes."""
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert _map("info")["version"] == str(VERSION)
    assert set(DOCUMENT) == {
        "asyncapi", "info", "defaultContentType", "servers", "channels", "operations", "components"
    }  # fmt: skip


def test_every_reference_leads_somewhere() -> None:
    """No reference in the document is left hanging, and there is no component that nothing refers to."""
    references = {str(node["$ref"]) for node in _nodes(DOCUMENT) if "$ref" in node}
    for reference in references:
        assert _follow({"$ref": reference}) is not None
    for family, members in _map("components").items():
        assert isinstance(members, dict)
        assert {f"#/components/{family}/{name}" for name in members} <= references


@pytest.mark.parametrize("channel", Channel, ids=NAMES)
def test_addresses_are_the_topics(channel: Channel) -> None:
    """With a device and its partition filled in, each address is the topic that the code builds."""
    topic = Topic(DEVICE, channel)
    described = _map("channels", channel.name.lower())
    address = str(described["address"])
    assert address.format(partition=topic.partition, device=topic.device_text) == str(topic)
    assert _map("channels", channel.name.lower(), "parameters").keys() == set(re.findall(r"{(\w+)}", address))
    assert _at("components", "parameters", "partition", "enum") == list(PARTITIONS)


def test_channels_are_all_and_carry_their_messages() -> None:
    """There is a channel for each that the code knows and no other, with the messages that travel on it."""
    assert _map("channels").keys() == set(NAMES)
    for channel, messages in MESSAGES_BY_CHANNEL.items():
        assert _map("channels", channel.name.lower(), "messages").keys() == messages


@pytest.mark.parametrize("channel", Channel, ids=NAMES)
def test_operations_use_the_quality_and_retention_of_the_code(channel: Channel) -> None:
    """Each channel has one operation, up or down as in the code, with the QoS and retention the code publishes with."""
    reference = {"$ref": f"#/channels/{channel.name.lower()}"}
    operations = [
        name for name, node in _map("operations").items() if isinstance(node, dict) and node["channel"] == reference
    ]
    assert len(operations) == 1
    operation = _map("operations", operations[0])
    mqtt = _map("operations", operations[0], "bindings", "mqtt")
    assert (mqtt["qos"], mqtt["retain"]) == (channel.qos, channel.retained)
    assert (operation["action"] == "receive") == (channel in TO_DEVICE)
    assert (operation["action"] == "send") == (channel in (*TO_HUB, Channel.LIVE))


def test_will_is_a_state() -> None:
    """The last will goes where states go, kept as states are, within a session that leaves nothing behind."""
    mqtt = _map("servers", "broker", "bindings", "mqtt")
    will = _map("servers", "broker", "bindings", "mqtt", "lastWill")
    assert will["topic"] == _map("channels", "state")["address"]
    assert (will["qos"], will["retain"]) == (Channel.STATE.qos, Channel.STATE.retained)
    assert mqtt["cleanSession"] is True
    assert mqtt["clientId"] == "{device}"


@pytest.mark.parametrize("name", sorted(_map("components", "messages")))
def test_messages_name_rules_of_the_grammar(name: str) -> None:
    """Each message is a COSE_Sign1 by its content type, its payload a rule of the grammar that vectors fit."""
    message = _map("components", "messages", name)
    assert message["contentType"] == DOCUMENT["defaultContentType"] == 'application/cose; cose-type="cose-sign1"'
    payload = _map("components", "messages", name, "payload")
    file, rule = str(payload["schema"]).split("#")
    assert payload["schemaFormat"] == "application/cddl"
    assert re.search(rf"^{rule} = #6\.18\(", (SPEC / file).read_text(), re.MULTILINE)
    kind = rule.removeprefix("sealed-")
    fitting = [path.read_bytes() for path in FOLDER.glob(f"{kind}_*.cbor")]
    assert fitting
    assert all(Validator(GRAMMAR).validate(raw, root_type=rule).valid for raw in fitting)


def test_document_is_plain_data() -> None:
    """Nothing in the document depends on YAML beyond what JSON can say."""
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT
