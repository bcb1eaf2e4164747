"""What a model's answer must be: one exercise programme as JSON.

Pure. Members beyond those that are named here are kept as they came.
"""

import json
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError


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
    try:
        document = json.loads(_unfence(answer), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidProgrammeError("expected JSON") from error
    if not isinstance(document, dict):
        raise InvalidProgrammeError("expected an object")
    try:
        _Programme.model_validate(document)
    except ValidationError as error:
        raise InvalidProgrammeError(_locate(error)) from error
    return document


def _unfence(answer: str) -> str:
    """Take a fence of Markdown off, with or without a word for the language.

    Without a regular expression: one takes seconds to see that thousands of backticks
    are none.
    """
    first, _, rest = answer.strip().partition("\n")
    mark = first[:1]
    inside = rest.rstrip(mark)
    opening, closing = len(first) - len(first.lstrip(mark)), len(rest) - len(inside)
    is_fenced = mark in ("`", "~") and 3 <= opening <= closing  # noqa: PLR2004 -- Markdown
    return inside if is_fenced else answer


def _refuse_constant(name: str) -> NoReturn:
    # NaN and Infinity are numbers for Python and none for JSON (RFC 8259, section 6).
    raise ValueError(f"expected a number of JSON, got {name}")


def _locate(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['type']}"
