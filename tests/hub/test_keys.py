"""The receipt key file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.errors import SettingsError
from hub.keys import KEY_NAME, ensure_receipt_key, load_receipt_key

if TYPE_CHECKING:
    from pathlib import Path


def test_the_key_is_made_once(tmp_path: Path) -> None:
    """A key, once made, is never replaced, and no draft stays behind."""
    first = ensure_receipt_key(tmp_path / "hub")
    assert ensure_receipt_key(tmp_path / "hub").key_id == first.key_id == load_receipt_key(tmp_path / "hub").key_id
    assert [path.name for path in (tmp_path / "hub").iterdir()] == [KEY_NAME]


@pytest.mark.parametrize("content", [b"", b"not a key"])
def test_a_damaged_key_is_not_replaced(tmp_path: Path, content: bytes) -> None:
    """Devices trust the old key: a damaged file is a person's decision, never a new key."""
    (tmp_path / KEY_NAME).write_bytes(content)
    with pytest.raises(SettingsError, match="restore it from a backup"):
        ensure_receipt_key(tmp_path)
    assert (tmp_path / KEY_NAME).read_bytes() == content
