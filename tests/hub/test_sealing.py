"""Secrets at rest: readable by the hub that sealed them, at the place that they were sealed for."""

from __future__ import annotations

import pytest

from hub.errors import SettingsError
from hub.sealing import Sealer
from tests.hub.making import make_key


def test_a_secret_opens_where_it_was_sealed_only() -> None:
    """Not elsewhere, not with another key, not with one bit changed; and no two seals are alike."""
    sealer = Sealer(make_key(1))
    sealed = sealer.seal(b"secret", "channel 1")
    assert Sealer(make_key(1)).open(sealed, "channel 1") == b"secret"
    assert b"secret" not in sealed
    assert sealer.seal(b"secret", "channel 1") != sealed
    changed = bytes([*sealed[:-1], sealed[-1] ^ 1])
    for by, what, place in (
        (sealer, sealed, "channel 2"),
        (Sealer(make_key(2)), sealed, "channel 1"),
        (sealer, changed, "channel 1"),
    ):
        with pytest.raises(SettingsError, match=f"secret of {place} cannot be read"):
            by.open(what, place)
