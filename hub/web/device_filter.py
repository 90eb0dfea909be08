"""Which devices an address names: what a page, a table and the API's list narrow down alike."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query

from hub.fleet.axes import Axis, stand_at
from hub.store.device_list import DeviceFilter
from hub.web.forms import Asked


def take_filter(
    *,
    search: Asked = "",
    version: Asked = "",
    tag: Asked = "",
    axis: Axis | None = None,
    stands: Annotated[str, Query(max_length=40)] = "",
) -> DeviceFilter:
    """Return which devices an address names; raises InputError for what is no word of the axis."""
    return DeviceFilter(search.strip(), version, tag, stand_at(axis, stands))


FilterOf = Annotated[DeviceFilter, Depends(take_filter)]


def query_of(wanted: DeviceFilter) -> str:
    """Return the part of an address that names the devices that are meant."""
    return urlencode(wanted.named())
