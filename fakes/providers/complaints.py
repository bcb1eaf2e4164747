"""What is wrong with a request: found at the first fault, whatever follows it.

A body of 8 MiB has room for millions of faults, and pydantic keeps each of them with
what was given: a list that is read to its end costs gigabytes. So lists of a request
are `Items`, which stop at the first of theirs, and no model may hold itself, because
every level of a union keeps what was given below it once more. Nor may there be
millions of what is right: `read` counts the objects of a body before it reads them.
Must not know any service's words for a complaint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from ..errors import RequestError

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["MAX_OBJECTS", "Items", "Table", "deepest", "read"]

# To read so many takes 100 ms, in which no other client is heard; no chat has as
# many turns, and no set of tools as many schemas.
MAX_OBJECTS: Final = 20_000

# All bytes but quotation marks and braces.
_OTHERS: Final = bytes(set(range(256)) - set(b'"{'))

T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=BaseModel)


def _check_size(value: object) -> object:
    """Refuse a table before its values are looked at: all may be right."""
    if isinstance(value, dict) and len(value) > MAX_OBJECTS:
        raise PydanticCustomError(
            "too_many", "Input should have at most {most} items", {"most": MAX_OBJECTS}
        )
    return value


Items: TypeAlias = Annotated[list[T], Field(fail_fast=True)]
Table: TypeAlias = Annotated[
    dict[str, T], Field(fail_fast=True), BeforeValidator(_check_size)
]


def read(model: type[ModelT], body: bytes) -> ModelT:
    """Read a JSON body as what it is to be.

    Raises:
        ValidationError: for the first of each kind of fault.
        RequestError: 400 for more than `MAX_OBJECTS`.
    """
    # Most have fewer braces; those in texts are told from the others only if need be.
    if body.count(b"{") > MAX_OBJECTS and _objects_in(body) > MAX_OBJECTS:
        raise RequestError(
            f"expected at most {MAX_OBJECTS} objects in a request, got more"
        )
    return model.model_validate_json(body)


def _objects_in(body: bytes) -> int:
    """Count the braces outside of strings."""
    unescaped = body.replace(rb"\\", b"").replace(rb"\"", b"")
    outside = unescaped.translate(None, delete=_OTHERS).split(b'"')[::2]
    return b"".join(outside).count(b"{")


def deepest(error: ValidationError) -> ErrorDetails:
    """Return the complaint to be told: the first of those that lie deepest.

    Where a field may be a string or a list, a mistake inside the list is also one of
    not being a string.
    """
    complaints = error.errors(include_url=False)
    return max(complaints, key=lambda complaint: len(complaint["loc"]))
