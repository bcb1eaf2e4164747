"""What a model allows in a window of time, and what is left of it.

A window opens with the first call and again with the first after its end. A refused
call costs nothing. Bounded: windows of `MAX_MODELS` models; of those without a running
call, the one that opened first leaves.
Times are seconds and come in as parameters. Must not know sockets or wire formats.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from ..content import Limits, Quantity
from ..script import Fail

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..script import Quota

__all__ = ["Charge", "Quotas"]

# Far more than any test names; windows beyond it are those of long ago.
MAX_MODELS: Final = 1_000
TOO_MANY_REQUESTS: Final = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What a call is told of its quota.

    Args:
        limits: for the header fields of its answer.
        refusal: the HTTP error it gets instead, if there was too little left.
        leave: to be called at its end, so that it no longer counts as running.
    """

    limits: Limits
    refusal: Fail | None
    leave: Callable[[], None]


class _Window:
    """What the calls of one model used since the window opened."""

    __slots__ = ("opened", "requests", "running", "tokens")

    def __init__(self, opened: float) -> None:
        self.running = 0
        self.open(opened)

    def open(self, at: float) -> None:
        self.opened = at
        self.requests = 0
        self.tokens = 0

    def lacks(self, quota: Quota, tokens: int) -> Quantity | None:
        """Name what there is too little of for one more call."""
        if quota.concurrency is not None and self.running >= quota.concurrency:
            return Quantity.CONCURRENCY
        if quota.requests is not None and self.requests >= quota.requests:
            return Quantity.REQUESTS
        if quota.tokens is not None and self.tokens + tokens > quota.tokens:
            return Quantity.TOKENS
        return None


class Quotas:
    """The windows of all models."""

    def __init__(self, *, max_models: int = MAX_MODELS) -> None:
        """Start with everything unused."""
        self._max_models = max_models
        self._windows: dict[str, _Window] = {}

    def charge(self, model: str, quota: Quota, *, tokens: int, at: float) -> Charge:
        """Count one call that reads and makes so many tokens, or refuse it."""
        window = self._window(model, quota, at)
        exceeded = window.lacks(quota, tokens)
        if exceeded is None:
            window.requests += 1
            window.tokens += tokens
            window.running += 1
        rest_ms = max(quota.window_ms - (at - window.opened) * 1000, 0.0)
        return Charge(
            limits=_limits(quota, window, rest_ms, exceeded),
            refusal=None if exceeded is None else _refusal(exceeded, rest_ms),
            leave=_nothing if exceeded is not None else _once(window),
        )

    def _window(self, model: str, quota: Quota, at: float) -> _Window:
        window = self._windows.get(model)
        if window is None:
            self._make_room()
            window = self._windows[model] = _Window(at)
        elif (at - window.opened) * 1000 >= quota.window_ms:
            window.open(at)
            # Windows stand in the order in which they opened.
            self._windows[model] = self._windows.pop(model)
        return window

    def _make_room(self) -> None:
        if len(self._windows) >= self._max_models:
            idle = (model for model, one in self._windows.items() if not one.running)
            # Without an idle one, there are no more than there are running calls.
            self._windows.pop(next(idle, ""), None)


def _once(window: _Window) -> Callable[[], None]:
    """Return what ends one running call."""

    def leave() -> None:
        window.running -= 1

    return leave


def _nothing() -> None:
    """Do nothing: a refused call never ran."""


def _limits(
    quota: Quota, window: _Window, rest_ms: float, exceeded: Quantity | None
) -> Limits:
    return Limits(
        requests=quota.requests,
        requests_left=_left(quota.requests, window.requests),
        tokens=quota.tokens,
        tokens_left=_left(quota.tokens, window.tokens),
        reset_ms=rest_ms,
        exceeded=exceeded,
    )


def _left(allowed: int | None, used: int) -> int | None:
    """Subtract; scripts with different quotas may have used more than this one has."""
    return None if allowed is None else max(allowed - used, 0)


def _refusal(exceeded: Quantity, rest_ms: float) -> Fail:
    """Tell when to come back; when a running call will end is not known."""
    if exceeded is Quantity.CONCURRENCY:
        return Fail(status=TOO_MANY_REQUESTS)
    return Fail(status=TOO_MANY_REQUESTS, retry_after_s=ceil(rest_ms) / 1000)
