"""What can be asserted over the control API: names and parameters to a judge.

Pure. Must not know how a question arrives or how long it may wait.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from ..calls.asking import Wanted, asked
from ..calls.assertions import (
    Verdict,
    cancelled,
    max_concurrency,
    no_leaked_calls,
    not_cancelled,
    retry_spacing,
)
from ..calls.call import State
from ..errors import RequestError
from .json_answers import MAX_WAIT_MS, check_names, count_of, key_of, timeout_ms_of
from .requests import body_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..calls.call import Call
    from ..calls.journal import Journal

    Judge = Callable[[Sequence[Call]], Verdict]

__all__ = ["ASSERTIONS", "Question", "parse_question"]

# What is to come true gets so long to do so, unless the question says otherwise: a
# FIN is on its way. What is true or not gets none.
PATIENCE_MS: Final = 1000
_DURATION: Final = re.compile(r"\d{1,9}(\.\d{1,9})?")
_MOMENT: Final = re.compile(r"\d{1,12}(\.\d{1,9})?")
_SELECTING: Final = ("key", "turn", "ordinal", "timeout_ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which calls, what of them, and how long the answer may wait to be yes.

    Args:
        key: calls of this key alone; None for those of all.
        turn: of these only the key's n-th call.
        ordinal: only the namespace's n-th call.
    """

    judge: Judge
    timeout_ms: int
    key: str | None = None
    turn: int | None = None
    ordinal: int | None = None

    def answer(self, journal: Journal) -> Verdict:
        """Judge the calls as they are now."""
        calls = [
            call
            for call in journal.calls(self.key)
            if self.turn in {None, call.turn} and self.ordinal in {None, call.ordinal}
        ]
        verdict = self.judge(calls)
        return replace(verdict, expected=f"{self._selection} {verdict.expected}")

    @property
    def _selection(self) -> str:
        of = "" if self.key is None else f" of key {self.key!r}"
        if self.turn is not None:
            return f"call {self.turn}{of}"
        if self.ordinal is not None:
            return f"call {self.ordinal}{of} in the namespace"
        return f"the calls{of}" if of else "all calls"


def parse_question(name: str, query: Mapping[str, str], now: float) -> Question:
    """Read an assertion's name and parameters.

    Raises:
        RequestError: for a name, parameter or value that does not exist.
    """
    if name not in ASSERTIONS:
        raise RequestError(
            f"expected one of {', '.join(ASSERTIONS)}, got {name[:80]!r}",
            status=HTTPStatus.NOT_FOUND,
        )
    parameters, read, patience_ms = ASSERTIONS[name]
    check_names(query, (*_SELECTING, *parameters))
    key, turn = key_of(query), count_of(query, "turn")
    if turn is not None and key is None:
        raise RequestError("expected key beside turn, or ordinal instead of it")
    # An answer that comes before the time is over would be no answer.
    patience_ms = max(patience_ms, ceil(_duration_ms(query, "within_ms") or 0))
    return Question(
        judge=read(query, now),
        key=key,
        turn=turn,
        ordinal=count_of(query, "ordinal"),
        timeout_ms=timeout_ms_of(query, min(patience_ms, MAX_WAIT_MS)),
    )


def _cancelled(query: Mapping[str, str], now: float) -> Judge:
    return partial(
        cancelled,
        within_ms=_duration_ms(query, "within_ms"),
        since=_since(query.get("since")),
        now=now,
    )


def _not_cancelled(_: Mapping[str, str], _now: float) -> Judge:
    return not_cancelled


def _no_leaked_calls(_: Mapping[str, str], _now: float) -> Judge:
    return no_leaked_calls


def _max_concurrency(query: Mapping[str, str], _: float) -> Judge:
    n = count_of(query, "n")
    if n is None:
        raise RequestError("expected n, the number of calls, got nothing")
    start = State.parse(query.get("counted_from", "accepted"))
    return partial(max_concurrency, n=n, counted_from=start)


def _retry_spacing(query: Mapping[str, str], _: float) -> Judge:
    at_least_ms = _duration_ms(query, "at_least_ms")
    at_most_ms = _duration_ms(query, "at_most_ms")
    if at_least_ms is None and at_most_ms is None:
        raise RequestError("expected at_least_ms, at_most_ms or both, got neither")
    return partial(retry_spacing, at_least_ms=at_least_ms, at_most_ms=at_most_ms)


def _asked(query: Mapping[str, str], _: float) -> Judge:
    wanted = Wanted(
        prompt=query.get("prompt"),
        model=query.get("model"),
        tool=query.get("tool"),
        body=_object_of(query.get("body")),
    )
    if wanted == Wanted():
        raise RequestError("expected prompt, model, tool or body, got none of them")
    return partial(asked, wanted=wanted, read=body_of)


def _object_of(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise RequestError(f"expected body to be a JSON object, got {text[:80]!r}")
    return value


def _duration_ms(query: Mapping[str, str], name: str) -> float | None:
    text = query.get(name)
    if text is not None and not _DURATION.fullmatch(text):
        raise RequestError(f"expected {name} to be milliseconds, got {text[:80]!r}")
    return None if text is None else float(text)


def _since(text: str | None) -> float | State | None:
    if text is None:
        return None
    return float(text) if _MOMENT.fullmatch(text) else State.parse(text)


# Parameters, what reads them, and for how long the answer may wait.
ASSERTIONS: Final[
    Mapping[
        str, tuple[tuple[str, ...], Callable[[Mapping[str, str], float], Judge], int]
    ]
] = {
    "cancelled": (("within_ms", "since"), _cancelled, PATIENCE_MS),
    "not_cancelled": ((), _not_cancelled, 0),
    "no_leaked_calls": ((), _no_leaked_calls, PATIENCE_MS),
    "max_concurrency": (("n", "counted_from"), _max_concurrency, 0),
    "asked": (("prompt", "model", "tool", "body"), _asked, PATIENCE_MS),
    "retry_spacing": (("at_least_ms", "at_most_ms"), _retry_spacing, 0),
}
