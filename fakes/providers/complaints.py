"""What is wrong with a request: found at the first fault, whatever follows it.

A body of 8 MiB has room for millions of faults, and pydantic keeps each of them with
what was given: a list that is read to its end costs gigabytes. So lists of a request
are `Items`, which stop at the first of theirs, and no model may hold itself, because
every level of a union keeps what was given below it once more. Nor may there be
millions of what is right: `read` counts the objects of one request.
Must not know any service's words for a complaint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Self, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["MAX_ITEMS", "Counted", "Items", "Table", "deepest", "read"]

# Of a list, and of the objects in all lists together. To read so many takes 50 ms, in
# which nobody else is heard; no conversation has as many turns.
MAX_ITEMS: Final = 10_000

# Kinds of complaints about a list that is one.
OF_LISTS: Final = frozenset({"too_long", "too_short"})

T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=BaseModel)


class _Count:
    """How many objects one request may still have."""

    def __init__(self) -> None:
        self.left = MAX_ITEMS


class Counted(BaseModel):
    """An object of a request, one of so many."""

    @model_validator(mode="after")
    def _count(self, info: ValidationInfo) -> Self:
        if isinstance(info.context, _Count):
            info.context.left -= 1
            if info.context.left < 0:
                raise _too_many()
        return self


def _check_size(value: object) -> object:
    """Refuse a table before its values are looked at: all may be right."""
    if isinstance(value, dict) and len(value) > MAX_ITEMS:
        raise _too_many()
    return value


def _too_many() -> PydanticCustomError:
    return PydanticCustomError(
        "too_many",
        "Request should have at most {most} items in all its lists",
        {"most": MAX_ITEMS},
    )


Items: TypeAlias = Annotated[list[T], Field(max_length=MAX_ITEMS, fail_fast=True)]
Table: TypeAlias = Annotated[
    dict[str, T], Field(fail_fast=True), BeforeValidator(_check_size)
]


def read(model: type[ModelT], body: bytes) -> ModelT:
    """Read a JSON body as what it is to be.

    Raises:
        ValidationError: for the first of each kind of fault, or too many items.
    """
    return model.model_validate_json(body, context=_Count())


def deepest(error: ValidationError) -> ErrorDetails:
    """Return the complaint to be told: the first of those that lie deepest.

    Where a field may be a string or a list, a mistake of or inside the list is also one
    of not being a string.
    """
    return max(
        error.errors(include_url=False),
        key=lambda complaint: (len(complaint["loc"]), complaint["type"] in OF_LISTS),
    )
