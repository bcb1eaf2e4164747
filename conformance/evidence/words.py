"""How checks word what they found: times, endings, and no more than a reader can use.

Pure. Must not judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..model import Finding
from ..wire import EndingKind
from .streams import Stream

_FEW = 5  # findings of one kind that a report can show without drowning the others


def ms(seconds: float) -> str:
    """Word a duration given in seconds as whole milliseconds."""
    return f"{seconds * 1000:.0f} ms"


def ended(seen: Stream) -> str:
    """Word how a response ended."""
    ending = seen.transcript.ending
    detail = f" ({ending.detail})" if ending.detail else ""
    return f"{ending.kind.value.replace('_', ' ')} end{detail}"


def is_given_up(seen: Stream) -> bool:
    """Tell whether our own patience ended the response.

    What is found then is a timed finding: a suite that was late itself, or that kept
    the target from the processor, may have caused it.
    """
    return seen.transcript.ending.kind is EndingKind.DEADLINE


def last_event(seen: Stream) -> str:
    """Word the last event of a response."""
    return seen.events[-1].name if seen.events else "no event"


def few(findings: Sequence[Finding], what: str) -> Iterator[Finding]:
    """Hand on the first findings of a kind; the last one says how many more there are.

    `what` is the plural of the thing in which each finding was found.
    """
    more = len(findings) - _FEW
    for n, finding in enumerate(findings[:_FEW], 1):
        is_cut = n == _FEW and more > 0
        got = (
            f"{finding.got} (and so for {more} more {what})" if is_cut else finding.got
        )
        yield replace(finding, got=got)
