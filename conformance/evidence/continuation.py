"""A resumed response held against what it continues: same events, no hole, no repeat.

Pure. Judges one response at a time and knows no probe.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from ..evidence.untestable import Untestable
from ..model import Finding
from ..profiles import Profile
from ..profiles.pointer import lookup, show
from ..profiles.typed import Outcome, TypedEvent, parse_id
from .refusals import described
from .streams import Stream, is_event_stream
from .words import ended, is_given_up, last_event


def rest_of(whole: Stream, id_: str | None) -> tuple[TypedEvent, ...]:
    """Return the events after the one with this id, which the stream must have."""
    ids = [event.id for event in whole.events]
    return whole.events[ids.index(id_) + 1 :]


def identity(event: TypedEvent) -> tuple[str | None, str | None, str, str]:
    """Return all of an event that must be the same at every reading.

    Not the `retry` field: it stands in the first event of every response.
    """
    return event.id, event.type, event.wire.type, event.wire.data


def shown(event: TypedEvent) -> str:
    """Word an event with its data."""
    return f"{event.name} with {show(event.wire.data)}"


def find_differences(
    seen: Stream, rest: Sequence[TypedEvent], *, is_whole: bool = True
) -> Iterator[Finding]:
    """Find the first event in which a resumed response differs from the stored rest.

    With `is_whole` nothing may come after the rest either.
    """
    asked = f"after {seen.resumed_after!r}"
    transcript = seen.transcript
    if not is_event_stream(transcript):
        yield seen.find(
            f"the {len(rest)} events {asked}",
            described(transcript),
            at=transcript.head_at,
            timed=is_given_up(seen),
        )
        return
    for n, wanted in enumerate(rest):
        if n >= len(seen.events):
            yield seen.find(
                f"{len(rest)} events {asked}, the next one {wanted.name}",
                f"{n} events, then {ended(seen)}",
                at=transcript.ending.at,
                timed=is_given_up(seen),
            )
            return
        got = seen.events[n]
        if identity(got) != identity(wanted):
            yield seen.find(
                f"{shown(wanted)} as event {n + 1} {asked}", shown(got), event=got
            )
            return
    if is_whole and len(seen.events) > len(rest):
        extra = seen.events[len(rest)]
        yield seen.find(
            f"nothing more than the {len(rest)} events {asked}",
            extra.name,
            event=extra,
        )


def find_failure(seen: Stream) -> Iterator[Finding]:
    """Find what is wrong unless the response goes on to the terminal success event.

    Raises `Untestable` when the run timed out on its model: that is no fault of a
    resume.
    """
    pass_over_timeout(seen)
    if seen.outcome is not Outcome.SUCCESS:
        yield seen.find(
            "the stream to go on to its terminal success event",
            f"{ended(seen)} after {last_event(seen)}",
            at=seen.transcript.ending.at,
            timed=is_given_up(seen),
        )


def pass_over_timeout(seen: Stream) -> None:
    """Raise `Untestable` when the run timed out on its model.

    The model may be held, or kept from the processor, for longer than the target waits.
    """
    errors, terminal = seen.profile.errors, seen.terminal
    if errors is not None and terminal is not None:
        code = lookup(terminal.data, errors.code)
        if code in errors.upstream.timeout:
            told = f"the run timed out on its model: {terminal.name}"
            raise Untestable(told, timed=True)


def find_gaps(seen: Stream, profile: Profile) -> Iterator[Finding]:
    """Find the first hole or repetition in a resumed response's countable ids.

    The first id must follow the one that the reader came back after. Ids that do not
    count (form `opaque`) cannot show a hole and are passed over.
    """
    texts = [seen.resumed_after, *(event.id for event in seen.events)]
    countable = [
        (text, id_, event)
        for text, event in zip(texts, [None, *seen.events], strict=True)
        if text is not None and (id_ := parse_id(text, profile)) is not None
    ]
    for (before, left, _), (text, right, event) in pairwise(countable):
        if (right.stream, right.n) != (left.stream, left.n + profile.ids.step):
            yield seen.find(
                f"the event that follows {before!r}", repr(text), event=event
            )
            return
