"""The words of a script that make an answer wrong, each at an exact place.

Pure. Must not know any wire format, or how a fault is made.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ..content import Omission
from .fields import MAX_MS, Position, Strict, Text

__all__ = [
    "ENDINGS",
    "Drop",
    "Fail",
    "Fault",
    "Garble",
    "Garbling",
    "InStreamError",
    "Omit",
    "Page",
    "Truncate",
]

# A call has at most one of them.
ENDINGS = ("fail", "page", "error", "drop", "truncate")

# A frame is never longer than its token, its padding and some ids.
Bytes = Annotated[int, Field(ge=0, le=1_000_000)]


# `-0.0` would be sent as `-0`.
Seconds = Annotated[
    float, Field(ge=0, le=MAX_MS / 1000, allow_inf_nan=False), AfterValidator(abs)
]


class Fault(StrEnum):
    """The scripted fault that ended a call, or that it had from end to end."""

    FAIL = "fail"
    PAGE = "page"
    QUOTA = "quota"
    ERROR = "error"
    DROP = "drop"
    TRUNCATE = "truncate"
    GARBLE = "garble"
    OMIT = "omit"


class Fail(Strict):
    """An HTTP error instead of the stream."""

    status: Annotated[int, Field(ge=400, le=599)]
    retry_after_s: Seconds | None = None
    message: str | None = None


class Page(Strict):
    """A response that is none of the service's, as from a proxy in between."""

    status: Annotated[int, Field(ge=200, le=599)] = 200
    type: Annotated[str, Field(pattern=r"^[\x21-\x7e][\x20-\x7e]{0,127}$")] = (
        "text/html; charset=utf-8"
    )
    text: Text = "<!doctype html><title>Sign in</title><p>Please sign in.</p>\n"


class InStreamError(Strict):
    """An error object in the stream after a number of content tokens.

    Args:
        after: number of content tokens before it.
        message: what it says; default: the provider's words.
        type: the provider's word for its kind.
        shape: of OpenAI's `error` event: `nested` as the service sends it, or `flat` as
            its reference documents it.
    """

    after: Position
    message: str | None = None
    type: str | None = None
    shape: Literal["nested", "flat"] = "nested"


class Drop(Strict):
    """The connection is cut after that many content tokens were delivered.

    Args:
        bytes: and so many of what comes after them in the body, so that the cut is
            inside a frame.
        how: a FIN and no more (`half_close` reads on until the client closes too), or
            a reset.
    """

    after: Position
    bytes: Bytes = 0
    how: Literal["fin", "rst", "half_close"] = "fin"


class Truncate(Strict):
    """The body ends cleanly after that many content tokens, without a terminator.

    Args:
        bytes: and so many of what comes after them in the body.
    """

    after: Position
    bytes: Bytes = 0


class Garbling(StrEnum):
    """What can be wrong with a frame."""

    BAD_JSON = "bad_json"
    EMPTY = "empty"
    DUPLICATE = "duplicate"
    UNKNOWN = "unknown"


class Garble(Strict):
    """One wrong frame; the stream goes on as if it were right.

    A whole answer is one frame, whichever token it is. A token that comes with later
    ones (a fragment of a call that is sent whole) shares their frame.

    Args:
        at: token, from 1. `bad_json` breaks the token's own frame, `duplicate` sends
            it twice; `empty` and `unknown` send a frame of their own before it (and
            before what opens its block).
    """

    at: Annotated[Position, Field(ge=1)]
    how: Annotated[Garbling, Field(strict=False)]


class Omit(Strict):
    """Something that belongs to every answer is left out of this one."""

    what: Annotated[Omission, Field(strict=False)]
