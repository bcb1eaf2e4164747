"""The words of a script that shape the transport and leave the events as they are.

Line ends, comments and the byte order mark after
https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
Pure. Must not know any wire format.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .fields import Milliseconds, Strict

__all__ = ["Drip", "Wire"]

# Ten seconds of a fast model in one write of 500 KB: buffers on the way (nginx: 64 KiB)
# make less of it, and a hundred times as much would keep all other clients waiting.
MAX_COALESCE = 1000


class Wire(Strict):
    """How the bytes of a streamed body are put on the connection.

    Args:
        newline: ends every line of the body; without it the provider's own does.
        bom: a byte order mark opens the body, also where JSON must not have one.
        comment: text of a comment before every event, in a block of its own; refused
            where a stream has none (lines and arrays of JSON).
        coalesce: so many tokens leave in one write and one HTTP chunk; what is kept
            back leaves with whatever comes next that is no token.
        split: every HTTP chunk has at most so many bytes of the body and is a write
            of its own; 1 splits every character of more than one byte.
        pause_ms: from one such write to the next, with `split`; so a character's bytes
            can arrive apart.
        space: whether a space stands behind the colon of a field.
        ids: whether every event has an `id`, numbered from 1.
        event: a name for events that have none.
        remark: text of a comment inside every event, behind its first line.
        framing: HTTP chunks (if the client speaks HTTP/1.1), or a body that ends with
            the connection.
        type: of the content, instead of the right one; of a whole answer too.
    """

    newline: Literal["lf", "crlf", "cr"] | None = None
    bom: bool = False
    comment: Annotated[str, Field(pattern=r"^[^\r\n]{0,200}$")] | None = None
    coalesce: Annotated[int, Field(ge=1, le=MAX_COALESCE)] = 1
    split: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    pause_ms: Annotated[Milliseconds, Field(ge=1)] | None = None
    space: bool = True
    ids: bool = False
    event: Annotated[str, Field(pattern=r"^[^\r\n]{1,200}$")] | None = None
    remark: Annotated[str, Field(pattern=r"^[^\r\n]{0,200}$")] | None = None
    framing: Literal["chunked", "close"] | None = None
    type: Annotated[str, Field(pattern=r"^[\x21-\x7e][\x20-\x7e]{0,127}$")] | None = (
        None
    )

    @model_validator(mode="after")
    def _pauses_between_pieces(self) -> Self:
        if self.pause_ms is not None and self.split is None:
            raise ValueError("expected pause only with split, got none")
        return self


class Drip(Strict):
    """The response leaves in small writes, one after the other, on a fixed schedule.

    Args:
        bytes: of each write, but for the one that ends the head.
        each_ms: from one write to the next.
        of: the response's head only, or all of it.
    """

    bytes: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    each_ms: Annotated[Milliseconds, Field(ge=1)] = 10.0
    of: Literal["head", "all"] = "all"
