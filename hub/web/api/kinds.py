"""The kinds of values that doors of the API share: numbers of rows, and examples of what is sent."""

from typing import Annotated, Any

from fastapi import Header, Path
from pydantic import ConfigDict
from starlette.convertors import Convertor, register_url_convertor

NUMBER_MAX = (1 << 63) - 1
"""The largest number that a row can have; a larger one names nothing, and the database could not look for it."""


class _NumberConvertor(Convertor[int]):
    """A number in an address that stands where words may stand too; what is longer than any number is no such thing."""

    regex = f"[0-9]{{1,{len(str(NUMBER_MAX))}}}"

    def convert(self, value: str) -> int:
        """Return what the address has there."""
        return int(value)

    def to_string(self, value: int) -> str:
        """Return how it stands in an address."""
        return str(value)


register_url_convertor("number", _NumberConvertor())

Number = Annotated[int, Path(ge=1, le=NUMBER_MAX)]
"""The number of something in an address."""

IfMatch = Annotated[
    str, Header(max_length=200, description="The ETag of what one saw: the change is refused if it is another by now.")
]


def with_example(**said: Any) -> ConfigDict:  # noqa: ANN401 - whatever a body holds
    """Return the configuration of a body's model, which shows one example of it in the document."""
    return ConfigDict(json_schema_extra={"examples": [said]})
