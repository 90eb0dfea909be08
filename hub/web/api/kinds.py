"""The kinds of values that doors of the API share: numbers of rows, and examples of what is sent."""

from typing import Annotated, Any

from fastapi import Header, Path
from pydantic import ConfigDict

NUMBER_MAX = (1 << 63) - 1
"""The largest number that a row can have; a larger one names nothing, and the database could not look for it."""

Number = Annotated[int, Path(ge=1, le=NUMBER_MAX)]
"""The number of something in an address."""

IfMatch = Annotated[
    str, Header(max_length=200, description="The ETag of what one saw: the change is refused if it is another by now.")
]


def with_example(**said: Any) -> ConfigDict:  # noqa: ANN401 - whatever a body holds
    """Return the configuration of a body's model, which shows one example of it in the document."""
    return ConfigDict(json_schema_extra={"examples": [said]})
