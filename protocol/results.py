"""The result of a command as a CBOR map. An empty detail is left out."""

from __future__ import annotations

from protocol.commands import Result, ResultStatus
from protocol.fields import COUNT_MAX, NOTE_MAX, VERSION, Fields, integer, member, read_device, read_version, text


def write_result(result: Result) -> dict[int, object]:
    """Return the map that encodes `result`."""
    content: dict[int, object] = {
        0: VERSION,
        1: result.device,
        2: result.number,
        3: result.status,
        5: result.config_version,
    }
    if result.detail:
        content[4] = result.detail
    return content


def read_result(fields: Fields) -> Result:
    """Return the result in these fields; raises MalformedError, or UnsupportedError for an unknown status."""
    read_version(fields)
    return Result(
        device=read_device(fields),
        number=integer(fields.need(2, "number"), "the command's number", 0, COUNT_MAX),
        status=member(fields.need(3, "status"), "the status", ResultStatus),
        detail=text(fields.need(4, "detail"), "the detail", 0, NOTE_MAX) if fields.has(4) else "",
        config_version=integer(fields.need(5, "config version"), "the configuration's version", 0, COUNT_MAX),
    )
