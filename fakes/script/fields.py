"""What every word of a script is made of: strictness, kinds of values, their bounds.

Pure. Must not know any word.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = [
    "MAX_TOKENS",
    "Count",
    "Milliseconds",
    "Name",
    "Position",
    "Several",
    "Strict",
    "Text",
]

# A plan is walked lazily but its texts are held while the call runs: 100 000
# short words are about 6 MB, and longer than any answer a model gives.
MAX_TOKENS = 100_000
# Ten characters per token of the longest answer.
MAX_TEXT = 10 * MAX_TOKENS
# One day: longer than any test waits, small enough that no timer overflows.
MAX_MS = 86_400_000.0
# No model reads or writes as much; it still fits every client's integer.
MAX_COUNT = 1_000_000_000

Position = Annotated[int, Field(ge=0, le=MAX_TOKENS)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]
Milliseconds = Annotated[float, Field(ge=0, le=MAX_MS, allow_inf_nan=False)]


class Strict(BaseModel):
    """Frozen, no unknown keys, no silent conversion between types."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _is_several(value: object) -> object:
    """Say what is to be written where one stands alone."""
    if isinstance(value, BaseModel | dict | str):
        one = f"{type(value).__name__}(…)" if isinstance(value, BaseModel) else "one"
        raise ValueError(  # noqa: TRY004 -- pydantic wants it
            f"expected several, got {one} alone; write a tuple or a list, ({one},)"
        )
    return value


T = TypeVar("T")
# A list in JSON and TOML, a tuple or a list in Python.
Several: TypeAlias = Annotated[
    tuple[T, ...], BeforeValidator(_is_several), Field(strict=False)
]
