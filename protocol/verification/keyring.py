"""Which keys are a device's: learned from what certifies itself, and from nothing else.

A device id is a hash over its enrolment key, so a key that hashes to it needs no witness; every further key is stated
by the one before it (`protocol.key_statement`). Whose block brought a statement does not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol.cose import VerifyingKey
from protocol.errors import ProtocolError
from protocol.identity import derive_device_id, derive_key_id
from protocol.key_statement import read_key_statement
from protocol.messages import Genesis, KeyEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from protocol.identity import DeviceId, KeyId
    from protocol.messages import Block


class Keyring:
    """The keys of every device met, and which followed which."""

    def __init__(self, enrolment_keys: Iterable[VerifyingKey] = ()) -> None:
        self._keys: dict[DeviceId, dict[KeyId, VerifyingKey]] = {}
        self._before: dict[tuple[DeviceId, KeyId], KeyId] = {}
        for key in enrolment_keys:
            self._keys.setdefault(derive_device_id(key.spki), {})[key.key_id] = key

    def keys(self, device: DeviceId) -> Mapping[KeyId, VerifyingKey]:
        """Return the keys known for a device so far."""
        return self._keys.setdefault(device, {})

    def learn(self, block: Block) -> None:
        """Take over the keys that a block's own words prove to be its device's; its signature need not be good."""
        for frame in block.frames:
            if isinstance(frame, Genesis):
                if derive_device_id(frame.signing_key_spki) == block.device:
                    self._add_enrolment(block.device, frame.signing_key_spki)
                for statement in frame.key_history:
                    self.follow(block.device, statement)
            elif isinstance(frame, KeyEvent):
                self.follow(block.device, frame.statement)

    def follow(self, device: DeviceId, raw: bytes) -> VerifyingKey | str:
        """Return the key that a sealed statement hands over to, known from now on; or why it hands over nothing."""
        try:
            statement = read_key_statement(raw)
        except ProtocolError as error:
            return str(error)
        if statement.device != device:
            return "it is a key statement of another device"
        if derive_device_id(statement.old_spki) == device:
            self._add_enrolment(device, statement.old_spki)
        old, new = derive_key_id(statement.old_spki), VerifyingKey.from_spki(statement.new_spki)
        known = self._keys.setdefault(device, {})
        if old not in known:
            return f"it leads on from key {old.hex()}, which is not known for this device"
        known[new.key_id] = new
        self._before.setdefault((device, new.key_id), old)
        return new

    def descends(self, device: DeviceId, key: KeyId, ancestor: KeyId) -> bool:
        """Return whether `key` is `ancestor` or followed it."""
        seen: set[KeyId] = set()
        at: KeyId | None = key
        while at is not None and at not in seen:
            if at == ancestor:
                return True
            seen.add(at)
            at = self._before.get((device, at))
        return False

    def _add_enrolment(self, device: DeviceId, spki: bytes) -> None:
        try:
            key = VerifyingKey.from_spki(spki)
        except ProtocolError:
            # Not a key that can sign: whatever it is said to have sealed stays unverified.
            return
        self._keys.setdefault(device, {})[key.key_id] = key
