"""Client of the upstream model: one streamed answer, with retries and time limits.

Shell: owns the HTTP calls and their timers. It must not know about nodes, runs or
readers, and no exception that leaves it may carry an address or words of the provider.
Only failures before the first byte of an answer are tried again: a drop after tokens
were passed on can not be repaired without saying them twice.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict, cast

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError

from ..streams.events import FailureCode
from .body import EventBody
from .openai_chat import BrokenStreamError, ChatStream
from .retry import RetryPolicy, RetrySchedule, parse_retry_after

_log = logging.getLogger(__name__)

_RATE_LIMITED = 429
# 529 is what Anthropic and its proxies answer when they are overloaded.
_OVERLOADED = frozenset({_RATE_LIMITED, 503, 529})

# After [DONE] only the end of the body is missing. Reading it gives the connection back
# to the pool and spares the provider a client that seems to leave; a provider that
# does not end its body in this time is left.
_TAIL_S = 1.0
# One read of the socket may hold thousands of pieces. A session sends twice as many
# events a turn of the loop, so no run can outpace a reader that keeps up.
_PIECES_PER_TURN = 16
# An error's body is read for the same reason, as long as it is a reasonable one.
_MAX_ERROR_BYTES = 64 * 1024

_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "text/event-stream",
    "Accept-Encoding": "identity",
}


class Message(TypedDict):
    """One message of a chat."""

    role: str
    content: str


class UpstreamError(Exception):
    """The model gave no usable answer."""

    def __init__(self, code: FailureCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class _OverloadedError(Exception):
    """The provider asked for patience."""

    def __init__(self, status: int, retry_after_s: float | None) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """Which model, and how long to wait for it."""

    model: str
    first_token_timeout_s: float
    total_timeout_s: float
    retry: RetryPolicy


class ModelClient:
    """Calls an OpenAI-compatible chat completions endpoint.

    Args:
        http: client with the provider's base URL and credentials; without time limits
            of its own, and not over HTTP/2, where httpx tells nobody that it left.
        options: model and limits.
        now: wall clock, for a `Retry-After` that is a date.
        jitter: random number from 0 to 1.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        options: ModelOptions,
        *,
        now: Callable[[], datetime],
        jitter: Callable[[], float],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._options = options
        self._now = now
        self._jitter = jitter
        self._pause = pause

    async def answer(
        self,
        messages: Sequence[Message],
        on_text: Callable[[str], None],
        *,
        max_chars: int,
    ) -> str:
        """Stream one answer, passing on each piece as it arrives; return all of it.

        Args:
            messages: what the model is asked.
            on_text: takes a piece.
            max_chars: longest answer.

        Raises:
            UpstreamError: there was no complete answer.
        """
        request = {"model": self._options.model, "messages": messages, "stream": True}
        # Escaped to ASCII: an earlier answer may hold half of a surrogate pair.
        content = json.dumps(request).encode()
        schedule = RetrySchedule(self._options.retry)
        while True:
            try:
                return await self._attempt(content, on_text, ChatStream(max_chars))
            except _OverloadedError as overload:
                pause_s = schedule.next_pause_s(overload.retry_after_s, self._jitter())
                if pause_s is None:
                    raise _give_up(overload) from overload
                _log.info(
                    "model overloaded (%s), next try in %.2f s", overload, pause_s
                )
            await self._pause(pause_s)

    async def _attempt(
        self, content: bytes, on_text: Callable[[str], None], chat: ChatStream
    ) -> str:
        options = self._options
        try:
            async with (
                asyncio.timeout(options.total_timeout_s),
                asyncio.timeout(options.first_token_timeout_s) as first_token,
                self._http.stream(
                    "POST", "chat/completions", content=content, headers=_HEADERS
                ) as response,
            ):
                await self._check_status(response)
                await _read_answer(response, chat, on_text, first_token)
                return chat.close()
        except TimeoutError as error:
            raise UpstreamError(
                FailureCode.UPSTREAM_TIMEOUT, "no answer in time"
            ) from error
        except (httpx.HTTPError, SSEError, BrokenStreamError) as error:
            # The class is enough for our log: texts of httpx contain addresses.
            raise UpstreamError(
                FailureCode.UPSTREAM_ERROR, type(error).__name__
            ) from error

    async def _check_status(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == httpx.codes.OK:
            _check_encoding(response)
            return
        await _discard_body(response)
        if status in _OVERLOADED:
            retry_after = response.headers.get("retry-after")
            raise _OverloadedError(status, parse_retry_after(retry_after, self._now()))
        raise UpstreamError(FailureCode.UPSTREAM_ERROR, f"status {status}")


def _check_encoding(response: httpx.Response) -> None:
    # A few packed bytes may be gigabytes; nobody packs a stream that was asked not to.
    encoding = response.headers.get("content-encoding", "identity")
    if encoding.strip().lower() != "identity":
        raise BrokenStreamError(f"expected no encoding, got {encoding!r}")


async def _read_answer(
    response: httpx.Response,
    chat: ChatStream,
    on_text: Callable[[str], None],
    first_token: asyncio.Timeout,
) -> None:
    pieces = 0
    # Always the asynchronous kind from an AsyncClient.
    body = EventBody(cast(httpx.AsyncByteStream, response.stream))
    response.stream = body
    async with aclosing(EventSource(response).aiter_sse()) as events:
        async for event in events:
            body.end_event()
            piece = chat.feed(event.data)
            if piece:
                first_token.reschedule(None)
                on_text(piece)
                pieces += 1
                if pieces % _PIECES_PER_TURN == 0:
                    await asyncio.sleep(0)
            if chat.is_terminated:
                first_token.reschedule(None)
                await _read_tail(events)
                return


async def _read_tail(events: AsyncIterator[ServerSentEvent]) -> None:
    with suppress(TimeoutError, httpx.HTTPError, BrokenStreamError):
        async with asyncio.timeout(_TAIL_S):
            async for _ in events:
                pass


async def _discard_body(response: httpx.Response) -> None:
    # The status is known; a body that stalls or breaks must not hide it.
    size = 0
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_TAIL_S):
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > _MAX_ERROR_BYTES:
                    return


def _give_up(overload: _OverloadedError) -> UpstreamError:
    if overload.status == _RATE_LIMITED:
        return UpstreamError(FailureCode.UPSTREAM_RATE_LIMITED, str(overload))
    return UpstreamError(FailureCode.UPSTREAM_ERROR, str(overload))
