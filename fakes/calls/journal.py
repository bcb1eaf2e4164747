"""The calls of one namespace, and the waits for them.

Bounded: at most `MAX_CALLS` calls and `MAX_EVENTS` events of ended calls; the oldest
ended calls leave first. Of requests `MAX_REQUEST_BYTES` are kept in all, none of more
than `MAX_BODY_KEPT`; the oldest are forgotten first, and their calls stay.
Must not read a clock, touch a socket, or know a provider.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

from .call import Call, Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..net.http1 import Request
    from .call import State

__all__ = ["Address", "Journal", "Watch"]

# Which call is meant: the n-th of a key, or without a key the n-th of all.
Address: TypeAlias = tuple[str | None, int]

MAX_CALLS: Final = 10_000
# 18 MB of events in all: a load test of long answers costs its oldest calls.
MAX_EVENTS: Final = 2_000_000
# A prompt of 200 000 words; 32 such, or 10 000 of 3 KB each.
MAX_BODY_KEPT: Final = 1024 * 1024
MAX_REQUEST_BYTES: Final = 32 * 1024 * 1024
# What a request holds beside its body, with about 15 header fields.
HEAD_BYTES: Final = 2048


class Watch:
    """A wait for a state of one call, which may not have arrived yet."""

    __slots__ = ("_journal", "_settle", "address", "call", "state")

    def __init__(
        self,
        journal: Journal,
        address: Address,
        state: State,
        settle: Callable[[Watch, bool], None],
    ) -> None:
        """Remember what is waited for, and the callback to call once."""
        self._journal = journal
        self._settle = settle
        self.address = address
        self.state = state
        self.call: Call | None = None

    def look(self, call: Call) -> None:
        """Settle if the call has reached the state, or cannot any more."""
        self.call = call
        if call.has_reached(self.state):
            self.settle(reached=True)
        elif call.outcome is not None:
            self.settle(reached=False)

    def settle(self, *, reached: bool) -> None:
        """Stop watching and tell the answer."""
        self.cancel()
        self._settle(self, reached)

    def cancel(self) -> None:
        """Stop watching."""
        self._journal.forget_watch(self)


class Journal:
    """The calls of one namespace, in order of arrival.

    The journal also numbers the turns of a key; the count starts again at 1 once
    the key's last call has left the journal.
    """

    def __init__(
        self,
        *,
        max_calls: int = MAX_CALLS,
        max_events: int = MAX_EVENTS,
        max_request_bytes: int = MAX_REQUEST_BYTES,
    ) -> None:
        """Start empty."""
        self._max_request_bytes = max_request_bytes
        # Calls whose requests are kept, and what each is counted as.
        self._requests: OrderedDict[int, int] = OrderedDict()
        self._request_bytes = 0
        self._max_calls = max_calls
        self._max_events = max_events
        self._calls: dict[int, Call] = {}
        self._by_key: dict[str, dict[int, Call]] = {}
        # For calls that are here and calls still to come.
        self._watches: dict[Address, list[Watch]] = {}
        self._listeners: dict[Callable[[], object], None] = {}
        self._ordinal = 0
        self._ended_events = 0
        self._running = 0

    def __len__(self) -> int:
        """Count the calls that are kept."""
        return len(self._calls)

    @property
    def ended_events(self) -> int:
        """Events kept of calls that have ended."""
        return self._ended_events

    @property
    def request_bytes(self) -> int:
        """About how many bytes of requests are kept."""
        return self._request_bytes

    @property
    def is_busy(self) -> bool:
        """Whether a call is running or a wait for one is open."""
        return bool(self._running or self._watches or self._listeners)

    def begin(
        self,
        *,
        key: str | None,
        provider: str | None,
        model: str | None,
        stream: bool,
        at: float,
        request: Request | None = None,
    ) -> Call:
        """Open the record of a call that has just arrived, and number its turn."""
        self._ordinal += 1
        self._running += 1
        turns = self._by_key.setdefault(key, {}) if key is not None else {}
        turn = next(reversed(turns), 0) + 1
        call = Call(
            key=key,
            turn=turn,
            ordinal=self._ordinal,
            provider=provider,
            model=model,
            stream=stream,
            on_end=self._ended,
        )
        turns[turn] = call
        self._calls[call.ordinal] = call
        if request is not None:
            self._keep(request, call)
        self._watch_while_asked(call)
        call.note(Event.ACCEPTED, at)
        self._make_room()
        return call

    def calls(self, key: str | None = None) -> list[Call]:
        """List the calls of one key, or all."""
        if key is None:
            return list(self._calls.values())
        return list(self._by_key.get(key, {}).values())

    def forget(self, key: str) -> int:
        """Drop the calls of one key; a watch on them is settled as not reached."""
        calls = self.calls(key)
        for call in calls:
            self._drop(call)
        return len(calls)

    def clear(self) -> int:
        """Drop all calls and count from 1 again; every watch is settled."""
        calls = self.calls()
        for call in calls:
            self._drop(call)
        for watches in tuple(self._watches.values()):
            for watch in tuple(watches):
                watch.settle(reached=False)
        self._ordinal = 0
        return len(calls)

    def watch(
        self,
        address: Address,
        state: State,
        settle: Callable[[Watch, bool], None],
    ) -> Watch:
        """Tell `settle` once the call reaches the state or can no longer do so.

        It may be told before this returns.
        """
        watch = Watch(self, address, state, settle)
        self._watches.setdefault(address, []).append(watch)
        call = self._at(address)
        if call is not None:
            self._watch_while_asked(call)
            watch.look(call)
        elif self._has_left(address):
            watch.settle(reached=False)
        return watch

    def forget_watch(self, watch: Watch) -> None:
        """Drop a watch; harmless if it is settled."""
        watches = self._watches.get(watch.address, [])
        if watch in watches:
            watches.remove(watch)
        if not watches:
            self._watches.pop(watch.address, None)
        if watch.call is not None:
            self._watch_while_asked(watch.call)

    def listen(self, listener: Callable[[], object]) -> None:
        """Tell of the end of every call, until `ignore`."""
        self._listeners[listener] = None

    def ignore(self, listener: Callable[[], object]) -> None:
        """Tell no more; harmless if it was never told."""
        self._listeners.pop(listener, None)

    def _at(self, address: Address) -> Call | None:
        key, number = address
        if key is None:
            return self._calls.get(number)
        return self._by_key.get(key, {}).get(number)

    def _has_left(self, address: Address) -> bool:
        """Tell whether the call was here; turns of a key that left come again."""
        key, number = address
        return key is None and number <= self._ordinal

    def _watch_while_asked(self, call: Call) -> None:
        """Let a call tell of its events only while a wait for one is open."""
        is_here = self._calls.get(call.ordinal) is call
        is_asked = is_here and any(one in self._watches for one in _addresses(call))
        call.on_change = self._look if is_asked else None

    def _look(self, call: Call) -> None:
        for watch in self._watches_of(call):
            watch.look(call)

    def _watches_of(self, call: Call) -> list[Watch]:
        return [
            watch
            for address in _addresses(call)
            for watch in self._watches.get(address, ())
        ]

    def _ended(self, call: Call) -> None:
        self._running -= 1
        # A call forgotten while it ran no longer counts.
        if self._calls.get(call.ordinal) is call:
            self._ended_events += call.events
            self._make_room()
        for listener in tuple(self._listeners):
            listener()

    def _make_room(self) -> None:
        """Drop the oldest ended calls while a bound is passed."""
        while len(self._calls) > self._max_calls or (
            self._ended_events > self._max_events
        ):
            ended = (call for call in self._calls.values() if call.outcome is not None)
            oldest = next(ended, None)
            if oldest is None:
                return
            self._drop(oldest)

    def _keep(self, request: Request, call: Call) -> None:
        """Keep what was asked, and forget the oldest requests while it is too much."""
        size = len(request.body)
        if size > MAX_BODY_KEPT:
            request, call.request_left_out, size = replace(request, body=b""), size, 0
        call.request = request
        self._requests[call.ordinal] = size + HEAD_BYTES
        self._request_bytes += size + HEAD_BYTES
        while self._request_bytes > self._max_request_bytes:
            self._forget_request(self._calls[next(iter(self._requests))])

    def _forget_request(self, call: Call) -> None:
        self._request_bytes -= self._requests.pop(call.ordinal, 0)
        call.request = None

    def _drop(self, call: Call) -> None:
        self._forget_request(call)
        del self._calls[call.ordinal]
        if call.outcome is not None:
            self._ended_events -= call.events
        if call.key is not None:
            turns = self._by_key[call.key]
            del turns[call.turn]
            if not turns:
                del self._by_key[call.key]
        # It may run on, but cannot be found by `key` and `turn` any more.
        call.on_change = None
        for watch in self._watches_of(call):
            watch.settle(reached=False)


def _addresses(call: Call) -> tuple[Address, ...]:
    """List what a call can be called."""
    if call.key is None:
        return ((None, call.ordinal),)
    return ((None, call.ordinal), (call.key, call.turn))
