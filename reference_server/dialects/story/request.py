"""What a reading app asks for: a chapter, or the chapters that a child has.

Pure. Parameters come from a query, so every value is text at first.
"""

import re
from typing import Annotated

from pydantic import UUID4, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

# As many digits as every database's largest integer has room for.
_NUMBER = re.compile(r"[0-9]{1,18}")


def _check_digits(value: object) -> object:
    # pydantic takes "1.0", "1_0" and " 1" for numbers, too.
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise PydanticCustomError(
            "number", "expected a whole number of 1 to 18 decimal digits"
        )
    return value


Number = Annotated[int, BeforeValidator(_check_digits)]
ChildId = Annotated[Number, Field(ge=1)]


class _Query(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class StoryRequest(_Query):
    """Query of a request for a chapter."""

    child_id: ChildId
    theme: Annotated[str, Field(min_length=1, max_length=200)]
    chapter_number: Annotated[Number, Field(ge=1)] = 1
    title: Annotated[str, Field(max_length=200)] | None = None


class ChaptersRequest(_Query):
    """Query of a request for the chapters of a child."""

    child_id: ChildId
    limit: Annotated[Number, Field(ge=1, le=100)] = 20
    cursor: UUID4 | None = None
