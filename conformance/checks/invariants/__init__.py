"""The profile's invariants over one stream: the interpreter of `profile.invariants`.

Pure. Knows the kinds of invariants, none of the protocols that declare them. A resumed
response lacks its beginning, so kinds that speak of a whole stream skip it. Of an event
that lacks the value nothing is said here: its schema does that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from ...evidence.streams import Stream
from ...model import Finding
from ...profiles.invariants import (
    Bracketed,
    Constant,
    Count,
    Equal,
    Final,
    Followed,
    Invariant,
    Joined,
    Length,
    Mapping,
    Marked,
    Monotonic,
    Placed,
    Returned,
    Sequence,
    Sum,
    Within,
    Words,
)
from . import counts, neighbours, texts, values

__all__ = ["violations"]

_OF_WHOLE_STREAMS = (Sequence, Bracketed, Joined, Words, Sum, Count, Marked, Within)


def violations(invariant: Invariant, stream: Stream) -> Iterator[Finding]:
    """Find what contradicts one invariant in one stream."""
    if stream.resumed_after is None or not isinstance(invariant, _OF_WHOLE_STREAMS):
        yield from _violations(invariant, stream)


def _violations(  # noqa: C901, PLR0912 -- one line for each kind
    invariant: Invariant, stream: Stream
) -> Iterator[Finding]:
    match invariant:
        case Sequence():
            yield from values.judge_sequence(invariant, stream)
        case Equal():
            yield from values.judge_equal(invariant, stream)
        case Mapping():
            yield from values.judge_mapping(invariant, stream)
        case Monotonic():
            yield from values.judge_monotonic(invariant, stream)
        case Constant():
            yield from values.judge_constant(invariant, stream)
        case Bracketed():
            yield from values.judge_bracketed(invariant, stream)
        case Final():
            yield from values.judge_final(invariant, stream)
        case Followed():
            yield from neighbours.judge_followed(invariant, stream)
        case Returned():
            yield from neighbours.judge_returned(invariant, stream)
        case Placed():
            yield from neighbours.judge_placed(invariant, stream)
        case Within():
            yield from neighbours.judge_within(invariant, stream)
        case Joined():
            yield from texts.judge_joined(invariant, stream)
        case Marked():
            yield from texts.judge_marked(invariant, stream)
        case Words():
            yield from counts.judge_words(invariant, stream)
        case Sum():
            yield from counts.judge_sum(invariant, stream)
        case Count():
            yield from counts.judge_count(invariant, stream)
        case Length():
            yield from counts.judge_length(invariant, stream)
        case _:  # pragma: no cover -- mypy proves that there is no other kind
            assert_never(invariant)
