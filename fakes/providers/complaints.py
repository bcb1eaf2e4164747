"""What is wrong with a request: found at the first fault, whatever follows it.

A body of 8 MiB has room for millions of faults, and pydantic keeps each of them with
what was given: a list that is read to its end costs gigabytes. So lists of a request
are `Items`, which stop at the first of theirs, and no model may hold itself, because
every level of a union keeps what was given below it once more.
Must not know any service's words for a complaint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias, TypeVar

from pydantic import Field

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["Items", "Table", "deepest"]

T = TypeVar("T")

Items: TypeAlias = Annotated[list[T], Field(fail_fast=True)]
Table: TypeAlias = Annotated[dict[str, T], Field(fail_fast=True)]


def deepest(error: ValidationError) -> ErrorDetails:
    """Return the complaint to be told: the first of those that lie deepest.

    Where a field may be a string or a list, a mistake inside the list is also one of
    not being a string.
    """
    complaints = error.errors(include_url=False)
    return max(complaints, key=lambda complaint: len(complaint["loc"]))
