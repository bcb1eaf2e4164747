"""Did a response end properly, and soon enough after what ends it? Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Finding
from ..wire import EndingKind
from .streams import Stream
from .words import ended, is_given_up, ms


def find_bad_end(
    seen: Stream,
    *,
    since: float,
    event: str,
    within_s: float | None = None,
    what: str = "the response",
) -> Iterator[Finding]:
    """Find what is wrong unless a response ended as HTTP has it, and in time.

    Args:
        seen: the response.
        since: the instant of what ends it, in seconds.
        event: what that is, in words.
        within_s: how long it may take from then on; None for as long as it likes.
        what: which response, in words.
    """
    ending = seen.transcript.ending
    took = ending.at - since
    if ending.kind is not EndingKind.CLEAN:
        yield seen.find(
            f"{what} to end properly after {event}",
            f"{ended(seen)} {ms(took)} after it",
            at=ending.at,
            timed=is_given_up(seen),
        )
    elif within_s is not None and took > within_s:
        yield seen.find(
            f"{what} to end within {ms(within_s)} of {event}",
            f"its end {ms(took)} after it",
            at=ending.at,
            timed=True,
            beyond_s=took - within_s,
        )
