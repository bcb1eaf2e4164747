"""Judges of calls: was it cancelled in time, did anything leak, how many at once.

    verdict = cancelled(calls, within_ms=100.0, since=State.parse("token:3"), now=…)

Pure functions over records. Words follow "expected <which calls> <expected>, got
<got>". Times are seconds on the clock of the records. Must not wait, and must not know
how it is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final

from .call import Event, Outcome, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .call import Call

__all__ = [
    "Verdict",
    "cancelled",
    "max_concurrency",
    "no_leaked_calls",
    "not_cancelled",
    "retry_spacing",
]

# So many calls are described one by one; `Verdict.calls` has them all.
MAX_DESCRIBED: Final = 5
CANCELLED: Final = frozenset(
    {
        Outcome.CANCELLED_BEFORE_HEADERS,
        Outcome.CANCELLED_BEFORE_FIRST_TOKEN,
        Outcome.CANCELLED_MIDSTREAM,
    }
)
_ACCEPTED: Final = State(event=Event.ACCEPTED)
_PEER_GONE: Final = State(event=Event.PEER_GONE)
_ENDED: Final = State(event=Event.ENDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether it holds, in words.

    Args:
        calls: ordinals of those that do not do as expected.
    """

    holds: bool
    expected: str
    got: str
    calls: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offence:
    """What one call did instead."""

    call: Call
    words: str


def cancelled(
    calls: Sequence[Call],
    *,
    within_ms: float | None = None,
    since: float | State | None = None,
    now: float,
) -> Verdict:
    """Judge whether the peer of every call left before its end, and soon enough.

    In time is at most `within_ms` after `since`: a moment (s), a state of each call, or
    by default `now`. Without `within_ms` any time will do.
    """
    moment = now if since is None else since
    expected = "to be cancelled"
    if within_ms is not None:
        expected += f" within {within_ms:g} ms of {'now' if since is None else since}"
    offences = [
        _Offence(call=call, words=words)
        for call in calls
        if (words := _not_cancelled_by(call, within_ms, moment))
    ]
    return _verdict(calls, expected, offences, f"{len(calls)} cancelled")


def not_cancelled(calls: Sequence[Call]) -> Verdict:
    """Judge whether no call's peer has left before the end; it may still run."""
    offences = [
        _Offence(call=call, words=_described(call)) for call in calls if _is_left(call)
    ]
    return _verdict(calls, "not to be cancelled", offences, "none cancelled")


def no_leaked_calls(calls: Sequence[Call]) -> Verdict:
    """Judge whether every call has ended, and no model went on after its peer left.

    Without any call it holds.
    """
    offences = [
        _Offence(call=call, words=words) for call in calls if (words := _leak(call))
    ]
    expected = "to have ended, without tokens generated after the peer left"
    if not calls:
        return Verdict(holds=True, expected=expected, got="no call")
    return _verdict(calls, expected, offences, "none leaked")


def max_concurrency(
    calls: Sequence[Call], *, n: int, counted_from: State = _ACCEPTED
) -> Verdict:
    """Judge whether no more than `n` calls were between a state and their end at once.

    One that ends when another begins does not count beside it. Without a call that
    reached the state it does not hold.
    """
    expected = f"to be at most {n} at once, from {counted_from} on"
    if not any(call.has_reached(counted_from) for call in calls):
        got = f"no call that reached {counted_from}" if calls else "no call"
        return Verdict(holds=False, expected=expected, got=got)
    points = sorted(_turning_points(calls, counted_from))
    counts = list(accumulate(1 if is_start else -1 for _, is_start, _ in points))
    most = max(counts, default=0)
    if most <= n:
        return Verdict(holds=True, expected=expected, got=f"{most} at once")
    beside: set[int] = set()
    for _, is_start, ordinal in points[: counts.index(most) + 1]:
        (beside.add if is_start else beside.remove)(ordinal)
    return Verdict(
        holds=False,
        expected=expected,
        got=f"{most} at once",
        calls=tuple(sorted(beside)),
    )


def retry_spacing(
    calls: Sequence[Call],
    *,
    at_least_ms: float | None = None,
    at_most_ms: float | None = None,
) -> Verdict:
    """Judge the pauses from the end of each call to the arrival of the next.

    A pause is 0 where a call came before the one before it had ended.
    """
    bounds = [
        f"{words} {bound:g} ms"
        for words, bound in (("at least", at_least_ms), ("at most", at_most_ms))
        if bound is not None
    ]
    expected = f"to follow each other after {' and '.join(bounds) or 'any time'}"
    if len(calls) < 2:  # noqa: PLR2004 -- a pause is between two
        got = "1 call" if calls else "no call"
        return Verdict(holds=False, expected=expected, got=got)
    pauses = [(after, _pause_ms(before, after)) for before, after in pairwise(calls)]
    offences = [
        _Offence(call=call, words=f"call {call.ordinal} after {pause_ms:.1f} ms")
        for call, pause_ms in pauses
        if (at_least_ms is not None and pause_ms < at_least_ms)
        or (at_most_ms is not None and pause_ms > at_most_ms)
    ]
    shown = ", ".join(f"{pause_ms:.1f}" for _, pause_ms in pauses[:MAX_DESCRIBED])
    return _verdict(calls, expected, offences, f"pauses of {shown} ms")


def _is_left(call: Call) -> bool:
    """Tell whether the peer left too early; a model may linger after that."""
    if call.outcome is not None:
        return call.outcome in CANCELLED
    return call.peer is not None and not call.count(Event.TERMINATOR_SENT)


def _not_cancelled_by(
    call: Call, within_ms: float | None, moment: float | State
) -> str | None:
    """Say what is wrong with a call that was to be cancelled."""
    if not _is_left(call):
        return _described(call)
    left = call.time_of(_PEER_GONE)
    since = call.time_of(moment) if isinstance(moment, State) else moment
    if within_ms is None:
        return None
    if left is None or since is None:
        return f"{_described(call)} without ever reaching {moment}"
    taken_ms = (left - since) * 1000
    return (
        f"{_described(call)} after {taken_ms:.1f} ms" if taken_ms > within_ms else None
    )


def _leak(call: Call) -> str | None:
    wasted = call.after_peer_gone
    if wasted:
        return f"call {call.ordinal} with {wasted} tokens generated after its peer left"
    return _described(call) if call.outcome is None else None


def _turning_points(
    calls: Sequence[Call], counted_from: State
) -> Iterator[tuple[float, bool, int]]:
    """Yield when each call begins or ends, which of both, and its ordinal.

    An end sorts before a beginning at the same time.
    """
    for call in calls:
        begun, ended = call.time_of(counted_from), call.time_of(_ENDED)
        # What takes no time is never beside anything.
        if begun is None or begun == ended:
            continue
        yield begun, True, call.ordinal
        if ended is not None:
            yield ended, False, call.ordinal


def _pause_ms(before: Call, after: Call) -> float:
    ended, arrived = before.time_of(_ENDED), after.time_of(_ACCEPTED)
    if ended is None or arrived is None:
        return 0.0
    return max((arrived - ended) * 1000, 0.0)


def _described(call: Call) -> str:
    if call.outcome is not None:
        return f"call {call.ordinal} {call.outcome}"
    is_left = call.peer is not None
    return f"call {call.ordinal} still running{' without its peer' if is_left else ''}"


def _verdict(
    calls: Sequence[Call], expected: str, offences: Sequence[_Offence], fine: str
) -> Verdict:
    """Say what the offenders did; without a call nothing holds."""
    if not calls:
        return Verdict(holds=False, expected=expected, got="no call")
    if not offences:
        return Verdict(holds=True, expected=expected, got=fine)
    words = [offence.words for offence in offences[:MAX_DESCRIBED]]
    left = len(offences) - len(words)
    more = [f"{left} more"] if left else []
    return Verdict(
        holds=False,
        expected=expected,
        got=" and ".join(filter(None, [", ".join(words), *more])),
        calls=tuple(offence.call.ordinal for offence in offences),
    )
