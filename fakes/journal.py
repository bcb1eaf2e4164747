"""The calls of one server, and who waits for them.

Bounded: at most `MAX_CALLS` calls and `MAX_EVENTS` events of ended calls; the oldest
ended calls leave first. Must not read a clock, touch a socket, or know a provider.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .call import Call, Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from .call import State

__all__ = ["Journal", "Watch"]

MAX_CALLS: Final = 10_000
# 18 MB of events in all: a load test of long answers costs its oldest calls.
MAX_EVENTS: Final = 2_000_000


class Watch:
    """Somebody waits for a state of one call, which may not have arrived yet."""

    __slots__ = ("_journal", "_settle", "call", "key", "state", "turn")

    def __init__(
        self,
        journal: Journal,
        key: str,
        turn: int,
        state: State,
        settle: Callable[[Watch, bool], None],
    ) -> None:
        """Remember what is waited for and whom to tell, once."""
        self._journal = journal
        self._settle = settle
        self.key = key
        self.turn = turn
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
    """The calls of one server, in order of arrival.

    The journal also numbers the turns of a key; the count starts again at 1 once
    the key's last call has left the journal.
    """

    def __init__(
        self, *, max_calls: int = MAX_CALLS, max_events: int = MAX_EVENTS
    ) -> None:
        """Start empty."""
        self._max_calls = max_calls
        self._max_events = max_events
        self._calls: dict[int, Call] = {}
        self._by_key: dict[str, dict[int, Call]] = {}
        # By key and turn, for calls that are here and calls still to come.
        self._watches: dict[tuple[str | None, int], list[Watch]] = {}
        self._ordinal = 0
        self._ended_events = 0

    def begin(
        self,
        *,
        key: str | None,
        provider: str,
        model: str | None,
        stream: bool,
        at: float,
    ) -> Call:
        """Open the record of a call that has just arrived, and number its turn."""
        self._ordinal += 1
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
        if key is not None:
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

    def watch(
        self,
        key: str,
        turn: int,
        state: State,
        settle: Callable[[Watch, bool], None],
    ) -> Watch:
        """Tell `settle` once the call reaches the state or can no longer do so.

        It may be told before this returns.
        """
        watch = Watch(self, key, turn, state, settle)
        self._watches.setdefault((key, turn), []).append(watch)
        call = self._by_key.get(key, {}).get(turn)
        if call is not None:
            self._watch_while_asked(call)
            watch.look(call)
        return watch

    def forget_watch(self, watch: Watch) -> None:
        """Drop a watch; harmless if it is settled."""
        watches = self._watches.get((watch.key, watch.turn), [])
        if watch in watches:
            watches.remove(watch)
        if not watches:
            self._watches.pop((watch.key, watch.turn), None)
        if watch.call is not None:
            self._watch_while_asked(watch.call)

    def _watch_while_asked(self, call: Call) -> None:
        """Let a call tell of its events only while somebody waits for one."""
        is_here = call.ordinal in self._calls
        is_asked = is_here and (call.key, call.turn) in self._watches
        call.on_change = self._look if is_asked else None

    def _look(self, call: Call) -> None:
        for watch in tuple(self._watches.get((call.key, call.turn), ())):
            watch.look(call)

    def _ended(self, call: Call) -> None:
        # A call forgotten while it ran no longer counts.
        if self._calls.get(call.ordinal) is call:
            self._ended_events += call.events
            self._make_room()

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

    def _drop(self, call: Call) -> None:
        del self._calls[call.ordinal]
        if call.outcome is not None:
            self._ended_events -= call.events
        if call.key is not None:
            turns = self._by_key[call.key]
            del turns[call.turn]
            if not turns:
                del self._by_key[call.key]
        # It may run on, but is nobody's `key` and `turn` any more.
        call.on_change = None
        for watch in tuple(self._watches.get((call.key, call.turn), ())):
            watch.settle(reached=False)
