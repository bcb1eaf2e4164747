"""Clients of the control API, for tests: sync and async.

    with Client(server.url) as fakes:
        fakes.put_script("k", Script(say=(Say(text="hi"),)))
        …
        fakes.assert_cancelled("k", within_ms=100, since="token:3")

The base URL may lead into a namespace. What is asked and how answers are read is in
`operations`; only sending is here. All methods raise `ScriptError` when the fakes
refuse. Times are seconds on the fakes' monotonic clock.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Self, TypeVar

import httpx

from . import operations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from ..script import Library
    from .operations import AnyScript, Operation
    from .records import CallRecord

    T = TypeVar("T")

__all__ = ["AsyncClient", "Client"]


class Client:
    """Steers and questions fakes from a test without an event loop."""

    def __init__(
        self, base_url: str, transport: httpx.BaseTransport | None = None
    ) -> None:
        """Take where the fakes are; a transport leads to those in this process."""
        self.url = base_url.rstrip("/")
        self._http = httpx.Client(transport=transport, trust_env=False)

    def clock(self) -> float:
        """Return the fakes' time."""
        return self._run(operations.clock())

    def say(self, *texts: str) -> None:
        """Let the next calls say these, one each; the last stays until more is told.

        Calls with a script of their own (put for their key, or in their prompt) follow
        that. So do `call_tool`, `fail` and `add_script`, all in the order of the calls.
        """
        for text in texts:
            self._run(operations.say(text))

    def call_tool(self, name: str, **arguments: object) -> None:
        """Let the next call call a tool; see `say`."""
        self._run(operations.call_tool(name, arguments))

    def fail(
        self,
        status: int,
        *,
        retry_after_s: float | None = None,
        message: str | None = None,
    ) -> None:
        """Let the next call be refused with an HTTP status; see `say`."""
        self._run(operations.fail(status, retry_after_s=retry_after_s, message=message))

    def add_script(self, script: AnyScript) -> int:
        """Let the next call follow a script; count those to come. See `say`."""
        return self._run(operations.add_script(script))

    def put_script(self, key: str, script: AnyScript | Sequence[AnyScript]) -> None:
        """Let the calls of a key follow a script, or several, turn by turn."""
        self._run(operations.put_script(key, script))

    def put_library(self, library: Library | Mapping[str, object]) -> None:
        """Replace the rules of the namespace, and add scripts to its own."""
        self._run(operations.put_library(library))

    def release(self, key: str, turn: int | None = None) -> int:
        """Open the gates of a key; return how many calls were held there."""
        return self._run(operations.release(key, turn))

    def calls(
        self, key: str | None = None, *, events: bool | None = None
    ) -> list[CallRecord]:
        """List the calls of a key with their events, or all without, unless told."""
        found: list[CallRecord] = []
        after: int | None = 0
        while after is not None:
            page = self._run(operations.calls(key, events=events, after=after))
            found += page.calls
            after = page.following
        return found

    def wait_for(
        self,
        key: str | None = None,
        state: str = "ended",
        *,
        turn: int = 1,
        ordinal: int | None = None,
        timeout_s: float = 10.0,
    ) -> CallRecord:
        """Wait until a call of a key, or the n-th call of all, has reached a state.

        Raises:
            AssertionError: it has not within the time, or no longer can.
        """
        return self._run(
            operations.wait_for(
                key, state, turn=turn, ordinal=ordinal, timeout_s=timeout_s
            )
        )

    def forget(self, key: str) -> int:
        """Forget the journal, turns, gates and scripts of a key; count its calls."""
        return self._run(operations.forget(key))

    def reset(self) -> int:
        """Forget everything of the namespace, and count its calls."""
        return self._run(operations.reset())

    def assert_cancelled(
        self,
        key: str | None = None,
        *,
        within_ms: float | None = None,
        since: float | str | None = None,
        turn: int | None = None,
        ordinal: int | None = None,
    ) -> None:
        """Assert that the peer of every call left before its end.

        Args:
            key: the calls of this key alone; None for all.
            within_ms: at most so long after `since`.
            since: a moment, or a state of the call such as `token:3`; None for now.
            turn: of the key only this call.
            ordinal: only this call of the namespace.

        Raises:
            AssertionError: saying which call did what instead.
        """
        self._run(
            operations.check(
                "cancelled",
                key=key,
                turn=turn,
                ordinal=ordinal,
                within_ms=within_ms,
                since=since,
            )
        )

    def assert_asked(  # noqa: PLR0913 -- what can be asked for
        self,
        key: str | None = None,
        *,
        prompt: str | None = None,
        model: str | None = None,
        tool: str | None = None,
        body: Mapping[str, object] | None = None,
        turn: int | None = None,
        ordinal: int | None = None,
    ) -> None:
        """Assert that a call asked for all of this.

        Args:
            key: the calls of this key alone; None for all.
            prompt: a text that one of the request's strings contains.
            model: the model's name, with `*` for any characters.
            tool: the name of a tool that is offered.
            body: fields that the request has with these values; objects may have more.
            turn: of the key only this call.
            ordinal: only this call of the namespace.

        Raises:
            AssertionError: saying what each call asked instead.
        """
        self._run(
            operations.check(
                "asked",
                key=key,
                turn=turn,
                ordinal=ordinal,
                prompt=prompt,
                model=model,
                tool=tool,
                body=None if body is None else json.dumps(body),
            )
        )

    def assert_not_cancelled(
        self,
        key: str | None = None,
        *,
        turn: int | None = None,
        ordinal: int | None = None,
    ) -> None:
        """Assert that no call was left before its end; see `assert_cancelled`."""
        self._run(
            operations.check("not_cancelled", key=key, turn=turn, ordinal=ordinal)
        )

    def assert_no_leaked_calls(self, key: str | None = None) -> None:
        """Assert that all calls have ended, and no model went on without its peer."""
        self._run(operations.check("no_leaked_calls", key=key))

    def assert_max_concurrency(
        self, n: int, key: str | None = None, *, counted_from: str = "accepted"
    ) -> None:
        """Assert that never more than `n` calls were between a state and their end."""
        self._run(
            operations.check("max_concurrency", n=n, key=key, counted_from=counted_from)
        )

    def assert_retry_spacing(
        self,
        key: str | None = None,
        *,
        at_least_ms: float | None = None,
        at_most_ms: float | None = None,
    ) -> None:
        """Assert the pause from the end of each call to the arrival of the next."""
        self._run(
            operations.check(
                "retry_spacing",
                key=key,
                at_least_ms=at_least_ms,
                at_most_ms=at_most_ms,
            )
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _run(self, operation: Operation[T]) -> T:
        response = self._http.request(
            operation.method,
            self.url + operation.path,
            params=dict(operation.query),
            content=operation.body,
            timeout=operation.timeout_s,
        )
        return operation.result(response.status_code, response.content)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


class AsyncClient:
    """Steers and questions fakes without holding up the event loop."""

    def __init__(
        self,
        base_url: str,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        keeps_connections: bool = True,
    ) -> None:
        """Take where the fakes are; a transport leads to those in this process.

        Without kept connections there is nothing to close, in whichever event loop.
        """
        self.url = base_url.rstrip("/")
        limits = httpx.Limits(max_keepalive_connections=20 if keeps_connections else 0)
        self._http = httpx.AsyncClient(
            transport=transport, limits=limits, trust_env=False
        )

    async def clock(self) -> float:
        """Return the fakes' time."""
        return await self._run(operations.clock())

    async def say(self, *texts: str) -> None:
        """Let the next calls say these, one each; the last stays until more is told.

        Calls with a script of their own (put for their key, or in their prompt) follow
        that. So do `call_tool`, `fail` and `add_script`, all in the order of the calls.
        """
        for text in texts:
            await self._run(operations.say(text))

    async def call_tool(self, name: str, **arguments: object) -> None:
        """Let the next call call a tool; see `say`."""
        await self._run(operations.call_tool(name, arguments))

    async def fail(
        self,
        status: int,
        *,
        retry_after_s: float | None = None,
        message: str | None = None,
    ) -> None:
        """Let the next call be refused with an HTTP status; see `say`."""
        await self._run(
            operations.fail(status, retry_after_s=retry_after_s, message=message)
        )

    async def add_script(self, script: AnyScript) -> int:
        """Let the next call follow a script; count those to come. See `say`."""
        return await self._run(operations.add_script(script))

    async def put_script(
        self, key: str, script: AnyScript | Sequence[AnyScript]
    ) -> None:
        """Let the calls of a key follow a script, or several, turn by turn."""
        await self._run(operations.put_script(key, script))

    async def put_library(self, library: Library | Mapping[str, object]) -> None:
        """Replace the rules of the namespace, and add scripts to its own."""
        await self._run(operations.put_library(library))

    async def release(self, key: str, turn: int | None = None) -> int:
        """Open the gates of a key; return how many calls were held there."""
        return await self._run(operations.release(key, turn))

    async def calls(
        self, key: str | None = None, *, events: bool | None = None
    ) -> list[CallRecord]:
        """List the calls of a key with their events, or all without, unless told."""
        found: list[CallRecord] = []
        after: int | None = 0
        while after is not None:
            page = await self._run(operations.calls(key, events=events, after=after))
            found += page.calls
            after = page.following
        return found

    async def wait_for(
        self,
        key: str | None = None,
        state: str = "ended",
        *,
        turn: int = 1,
        ordinal: int | None = None,
        timeout_s: float = 10.0,
    ) -> CallRecord:
        """Wait until a call of a key, or the n-th call of all, has reached a state.

        Raises:
            AssertionError: it has not within the time, or no longer can.
        """
        return await self._run(
            operations.wait_for(
                key, state, turn=turn, ordinal=ordinal, timeout_s=timeout_s
            )
        )

    async def forget(self, key: str) -> int:
        """Forget the journal, turns, gates and scripts of a key; count its calls."""
        return await self._run(operations.forget(key))

    async def reset(self) -> int:
        """Forget everything of the namespace, and count its calls."""
        return await self._run(operations.reset())

    async def assert_cancelled(
        self,
        key: str | None = None,
        *,
        within_ms: float | None = None,
        since: float | str | None = None,
        turn: int | None = None,
        ordinal: int | None = None,
    ) -> None:
        """Assert that the peer of every call left before its end.

        Args:
            key: the calls of this key alone; None for all.
            within_ms: at most so long after `since`.
            since: a moment, or a state of the call such as `token:3`; None for now.
            turn: of the key only this call.
            ordinal: only this call of the namespace.

        Raises:
            AssertionError: saying which call did what instead.
        """
        await self._run(
            operations.check(
                "cancelled",
                key=key,
                turn=turn,
                ordinal=ordinal,
                within_ms=within_ms,
                since=since,
            )
        )

    async def assert_asked(  # noqa: PLR0913 -- what can be asked for
        self,
        key: str | None = None,
        *,
        prompt: str | None = None,
        model: str | None = None,
        tool: str | None = None,
        body: Mapping[str, object] | None = None,
        turn: int | None = None,
        ordinal: int | None = None,
    ) -> None:
        """Assert that a call asked for all of this.

        Args:
            key: the calls of this key alone; None for all.
            prompt: a text that one of the request's strings contains.
            model: the model's name, with `*` for any characters.
            tool: the name of a tool that is offered.
            body: fields that the request has with these values; objects may have more.
            turn: of the key only this call.
            ordinal: only this call of the namespace.

        Raises:
            AssertionError: saying what each call asked instead.
        """
        await self._run(
            operations.check(
                "asked",
                key=key,
                turn=turn,
                ordinal=ordinal,
                prompt=prompt,
                model=model,
                tool=tool,
                body=None if body is None else json.dumps(body),
            )
        )

    async def assert_not_cancelled(
        self,
        key: str | None = None,
        *,
        turn: int | None = None,
        ordinal: int | None = None,
    ) -> None:
        """Assert that no call was left before its end; see `assert_cancelled`."""
        await self._run(
            operations.check("not_cancelled", key=key, turn=turn, ordinal=ordinal)
        )

    async def assert_no_leaked_calls(self, key: str | None = None) -> None:
        """Assert that all calls have ended, and no model went on without its peer."""
        await self._run(operations.check("no_leaked_calls", key=key))

    async def assert_max_concurrency(
        self, n: int, key: str | None = None, *, counted_from: str = "accepted"
    ) -> None:
        """Assert that never more than `n` calls were between a state and their end."""
        await self._run(
            operations.check("max_concurrency", n=n, key=key, counted_from=counted_from)
        )

    async def assert_retry_spacing(
        self,
        key: str | None = None,
        *,
        at_least_ms: float | None = None,
        at_most_ms: float | None = None,
    ) -> None:
        """Assert the pause from the end of each call to the arrival of the next."""
        await self._run(
            operations.check(
                "retry_spacing",
                key=key,
                at_least_ms=at_least_ms,
                at_most_ms=at_most_ms,
            )
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _run(self, operation: Operation[T]) -> T:
        response = await self._http.request(
            operation.method,
            self.url + operation.path,
            params=dict(operation.query),
            content=operation.body,
            timeout=operation.timeout_s,
        )
        return operation.result(response.status_code, response.content)

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        await self.close()
