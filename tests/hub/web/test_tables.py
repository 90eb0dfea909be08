"""A table to be saved begins once something of it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.web.tables import save_table
from tests.hub.web.conftest import wait_for_jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi.testclient import TestClient

    from hub.web.context import Hub


@pytest.mark.parametrize(
    ("address", "table"),
    [
        ("/audit.csv", "audit_entry"),
        ("/devices.csv?axis=link&stands=late", "device_axes"),
        ("/months/2016-07.csv", "system_month"),
        ("/missing.csv", "system_version"),
    ],
)
def test_a_store_that_cannot_be_read_is_told_of_in_its_place(
    filled: TestClient, hub: Hub, address: str, table: str
) -> None:
    """With what to do, and no file that looks as if it were all."""
    wait_for_jobs(hub)
    assert filled.get(address).headers["content-disposition"].startswith("attachment")
    with hub.database.write() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO lost")
    answer = filled.get(address)
    assert answer.status_code == 503
    assert "content-disposition" not in answer.headers


def test_a_table_is_read_no_further_than_it_is_taken() -> None:
    """Its first part alone before the answer begins; a table without parts is its heading."""
    read: list[int] = []

    def parts() -> Iterator[str]:
        for number in range(3):
            read.append(number)
            yield f"{number}\n"

    save_table("a.csv", "heading\n", parts())
    assert read == [0]
    save_table("a.csv", "heading\n", iter(()))
