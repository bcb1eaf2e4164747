"""What a model's answer must be: one exercise programme as JSON.

Pure. Members beyond those that are named here are kept as they came.
"""

import json
import re
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

# A fence of Markdown around all of it, with or without a word for the language.
_FENCE = re.compile(
    r"\s*(?P<fence>`{3,}|~{3,})[^\n]*\n(?P<inside>.*)(?P=fence)\s*", re.DOTALL
)


class _Exercise(BaseModel):
    model_config = ConfigDict(strict=True)

    name: str
    sets: Annotated[int, Field(ge=1)]
    reps: Annotated[int, Field(ge=1)]
    # A default that is no text: null is none either.
    instructions: str = ""


class _Programme(BaseModel):
    model_config = ConfigDict(strict=True)

    exercises: Annotated[list[_Exercise], Field(min_length=1)]
    title: str = ""
    notes: str = ""


class InvalidProgrammeError(Exception):
    """An answer is no programme; the text says where, and nothing of what is there."""


def read_programme(answer: str) -> dict[str, Any]:
    """Return the programme in an answer, as it stands there.

    Raises:
        InvalidProgrammeError: there is none, or something is wrong with it.
    """
    fenced = _FENCE.fullmatch(answer)
    try:
        document = json.loads(
            fenced["inside"] if fenced else answer, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise InvalidProgrammeError("expected JSON") from error
    if not isinstance(document, dict):
        raise InvalidProgrammeError("expected an object")
    try:
        _Programme.model_validate(document)
    except ValidationError as error:
        raise InvalidProgrammeError(_locate(error)) from error
    return document


def _refuse_constant(name: str) -> NoReturn:
    # NaN and Infinity are numbers for Python and none for JSON (RFC 8259, section 6).
    raise ValueError(f"expected a number of JSON, got {name}")


def _locate(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['type']}"
