"""The words of a script that shape the transport and leave the events as they are.

Line ends, comments and the byte order mark after
https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
Pure. Must not know any wire format.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

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
        framing: HTTP chunks (if the client speaks HTTP/1.1), or a body that ends with
            the connection.
        type: of the content, instead of the right one; of a whole answer too.
    """

    newline: Literal["lf", "crlf", "cr"] | None = None
    bom: bool = False
    comment: Annotated[str, Field(pattern=r"^[^\r\n]{0,200}$")] | None = None
    coalesce: Annotated[int, Field(ge=1, le=MAX_COALESCE)] = 1
    split: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    framing: Literal["chunked", "close"] | None = None
    type: Annotated[str, Field(pattern=r"^[\x21-\x7e][\x20-\x7e]{0,127}$")] | None = (
        None
    )


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
