"""A disk that can lose its power, for every test here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.powercut.rig import Disk, mounted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Return an empty medium, mounted; unmounted at the end."""
    with mounted(tmp_path) as disk:
        yield disk
