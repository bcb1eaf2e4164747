"""What the model provider's journal tells about an exchange: its calls, their phase.

Pure. Must not judge: it finds the calls, and raises `Untestable` where the journal does
not show the situation that a check needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from urllib.parse import unquote

from ..evidence.untestable import Untestable
from ..model import Evidence, Exchange, UpstreamCall
from ..profiles import Profile
from ..steering import is_shown, key_in, watched_call

CLOCK_TOLERANCE_S = 0.05
"""How far the order of two instants from two processes may be off.

Both read one machine's clock, but each notes an instant a little after it happened; a
busy two-core machine delays a process by up to about 10 ms.
"""


class Phase(StrEnum):
    """Where a model call stands when something happens to its run."""

    BEFORE_HEADERS = "before the model's response head"
    BEFORE_FIRST_TOKEN = "before the first token"
    MIDSTREAM = "between two tokens"


def key_of(exchange: Exchange) -> str | None:
    """Return the steering key that the request of this exchange carries, if any."""
    request = exchange.request
    text = unquote(request.path) + "\n" + request.body.decode("utf-8", "replace")
    return key_in(text)


def calls_of(evidence: Evidence, exchange: Exchange) -> tuple[UpstreamCall, ...]:
    """Return the model calls that carry this exchange's key, by turn.

    Raises `Untestable` when the request carries no key, so that its calls could not be
    told from others.
    """
    key = key_of(exchange)
    if key is None:
        raise Untestable(f"the request of {exchange.label!r} carries no steering key")
    return tuple(
        sorted((c for c in evidence.calls if c.key == key), key=lambda c: c.turn)
    )


def first_call(evidence: Evidence, exchange: Exchange) -> UpstreamCall:
    """Return the first model call of this exchange.

    Raises `Untestable` when the journal has none: nothing reached the model.
    """
    return _some_calls(evidence, exchange)[0]


def last_call(evidence: Evidence, exchange: Exchange) -> UpstreamCall:
    """Return the last model call of this exchange; `Untestable` as above."""
    return _some_calls(evidence, exchange)[-1]


def _some_calls(evidence: Evidence, exchange: Exchange) -> tuple[UpstreamCall, ...]:
    calls = calls_of(evidence, exchange)
    if not calls:
        raise Untestable(
            f"no model call of {exchange.label!r} is in the provider's journal; "
            f"it was answered with status {exchange.transcript.status}"
        )
    return calls


def watched(evidence: Evidence, exchange: Exchange, profile: Profile) -> UpstreamCall:
    """Return the model call that the probe disturbed: the first that is shown.

    Where none is shown, the first of all. Raises `Untestable` when the journal does
    not have it.
    """
    wanted = watched_call(profile.steering)
    numbered = _numbered(_some_calls(evidence, exchange))
    tries = [call for number, call in numbered if number == wanted]
    if not tries:
        raise Untestable(
            f"model call {wanted} of {exchange.label!r} is not in the provider's "
            "journal: the run did not get so far"
        )
    return tries[-1]


def shown_calls(
    evidence: Evidence, exchange: Exchange, profile: Profile
) -> tuple[UpstreamCall, ...]:
    """Return the model calls of this exchange whose text its reader should see."""
    return tuple(
        call
        for number, call in _numbered(calls_of(evidence, exchange))
        if is_shown(profile.steering, number)
    )


def _numbered(calls: Iterable[UpstreamCall]) -> Iterator[tuple[int, UpstreamCall]]:
    """Yield the calls with their numbers in the run: one tried again keeps its own."""
    number = 1
    for call in calls:
        yield number, call
        number += call.fault != "fail"


def is_over(call: UpstreamCall, at: float) -> bool:
    """Tell whether the call had come to its end before this instant."""
    ends = (call.at(name) for name in ("terminator_sent", "peer_gone", "ended"))
    known = [end for end in ends if end is not None]
    return bool(known) and min(known) < at - CLOCK_TOLERANCE_S


def phase_at(call: UpstreamCall, at: float) -> Phase | None:
    """Tell where the call stood at this instant; None when it was not under way."""
    if not _before(call.at("accepted"), at) or is_over(call, at):
        return None
    if not _before(call.at("headers_sent"), at):
        return Phase.BEFORE_HEADERS
    if not _before(call.at("token_sent"), at):
        return Phase.BEFORE_FIRST_TOKEN
    return Phase.MIDSTREAM


def under_way(
    evidence: Evidence, exchange: Exchange, at: float, phase: Phase | None = None
) -> UpstreamCall:
    """Return the model call of this exchange that was under way at this instant.

    Raises `Untestable` when none was, or none in this phase.
    """
    calls = _some_calls(evidence, exchange)
    alive = [call for call in calls if phase_at(call, at) is not None]
    # A run may begin its next call before the tolerance for clocks is over.
    alive.sort(key=lambda call: is_over(call, at + CLOCK_TOLERANCE_S))
    for call in alive:
        if phase in (None, phase_at(call, at)):
            return call
    call = (*alive, *calls)[0]
    stood = phase_at(call, at)
    raise Untestable(
        f"expected the model call of {exchange.label!r} to stand "
        f"{phase or 'somewhere before its end'} at that instant, but it stood "
        f"{stood or 'outside of its life'}: {describe(call)}",
        timed=True,
    )


def is_cancelled(call: UpstreamCall) -> bool:
    """Tell whether the provider saw its client leave before the answer was complete."""
    return (call.outcome or "").startswith("cancelled_")


def describe(call: UpstreamCall) -> str:
    """Word a call for a finding: turn, outcome, tokens."""
    outcome = call.outcome or "still open"
    fault = f" by {call.fault}" if call.fault else ""
    return (
        f"model call {call.turn} ({outcome}{fault}, {call.generated} tokens generated)"
    )


def _before(event_at: float | None, at: float) -> bool:
    return event_at is not None and event_at <= at
