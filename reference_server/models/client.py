"""Client of the upstream model: one answer, with retries and time limits.

Shell: owns the HTTP calls and their timers. It must not know about nodes, runs or
readers, and no exception that leaves it may carry an address or words of the provider.
Only failures before the first byte of an answer are tried again: a drop after tokens
were passed on can not be repaired without saying them twice.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

import httpx

from .event_stream import EventStream
from .fault import ModelError, ModelFault, broken, fault_of_status, is_overload
from .provider import Answer, AnswerReader, Message, Provider
from .reading import parse_object
from .retry import Retry, RetryPolicy, RetrySchedule, parse_retry_after

_log = logging.getLogger(__name__)

# What comes after the terminator, and the body of an error, are read to their end: that
# gives the connection back to the pool, and spares the provider a client that seems to
# leave. A provider that does not come to its end within these is left.
_TAIL_S = 1.0
_MAX_TAIL_BYTES = 64 * 1024
# A whole answer in one event, which some proxies send, is some 300 kB of it. What is
# counted are bytes from the network, so a body must not be compressed.
_MAX_EVENT_BYTES = 512 * 1024
# One read of the socket may hold thousands of pieces. A response sends twice as many
# events a turn of the loop, so no run can outpace a reader that keeps up.
_PIECES_PER_TURN = 16

_EVENT_STREAM = "text/event-stream"
_JSON = "application/json"
_HEADERS = {"Content-Type": _JSON, "Accept-Encoding": "identity"}


class _OverloadedError(Exception):
    """The provider asked for patience."""

    def __init__(self, status: int, retry_after_s: float | None) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """Which model of whose, and how long to wait for it; limits are per attempt."""

    provider: Provider
    model: str
    key: str | None = field(default=None, repr=False)
    first_token_timeout_s: float
    total_timeout_s: float
    retry: RetryPolicy


@dataclass(frozen=True, slots=True)
class _Call:
    """What is asked, what will be answered, and how that is read.

    A reader takes off the limit of time that ends with the first sign of life.
    """

    content: bytes
    media_type: str
    read: Callable[[httpx.Response, asyncio.Timeout], Awaitable[Answer]]


def _say_nothing(_retry: Retry) -> None:
    """Take note of no retry."""


class ModelClient:
    """Calls a service of language models.

    Args:
        http: client with the provider's base URL; without time limits of its own, and
            not over HTTP/2, where httpx does not tell the server that it left.
        options: provider, model and limits.
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
        on_retry: Callable[[Retry], None] = _say_nothing,
    ) -> Answer:
        """Stream one answer, passing on each piece as it arrives; return all of it.

        Args:
            messages: what the model is asked.
            on_text: takes a piece.
            max_chars: longest answer.
            on_retry: told about another attempt before the pause that precedes it.

        Raises:
            ModelError: there was no complete answer.
        """
        provider = self._options.provider

        async def read(response: httpx.Response, limit: asyncio.Timeout) -> Answer:
            reader = provider.reader(max_chars)
            await _read_answer(response, reader, on_text, limit)
            return reader.close()

        content = provider.body(self._options.model, messages)
        return await self._try(_Call(content, _EVENT_STREAM, read), on_retry)

    async def ask(self, messages: Sequence[Message], *, max_chars: int) -> Answer:
        """Get one answer as a whole: the service does not stream it.

        Args:
            messages: what the model is asked.
            max_chars: longest answer.

        Raises:
            ModelError: there was no complete answer.
        """
        provider = self._options.provider

        async def read(response: httpx.Response, limit: asyncio.Timeout) -> Answer:
            # All is said when the head comes, which so is the first sign of life.
            limit.reschedule(None)
            document = parse_object(await _read_document(response))
            reader = provider.reader(max_chars)
            for data in provider.unfold(document):
                reader.feed(data)
            return reader.close()

        content = provider.body(self._options.model, messages, is_streamed=False)
        return await self._try(_Call(content, _JSON, read), _say_nothing)

    async def _try(self, call: "_Call", on_retry: Callable[[Retry], None]) -> Answer:
        schedule = RetrySchedule(self._options.retry)
        while True:
            try:
                return await self._attempt(call)
            except _OverloadedError as overload:
                retry = schedule.next_retry(overload.retry_after_s, self._jitter())
                if retry is None:
                    fault = fault_of_status(overload.status)
                    raise ModelError(fault, str(overload)) from overload
                _log.info(
                    "model overloaded (%s), next try in %.2f s", overload, retry.pause_s
                )
            on_retry(retry)
            await self._pause(retry.pause_s)

    async def _attempt(self, call: "_Call") -> Answer:
        options = self._options
        try:
            async with (
                asyncio.timeout(options.total_timeout_s),
                asyncio.timeout(options.first_token_timeout_s) as first_token,
                self._send(call) as response,
            ):
                await self._check_head(response, call.media_type)
                return await call.read(response, first_token)
        except TimeoutError as error:
            raise ModelError(ModelFault.TIMEOUT, "no answer in time") from error
        except httpx.HTTPError as error:
            is_unreachable = isinstance(error, httpx.ConnectError)
            fault = ModelFault.UNAVAILABLE if is_unreachable else ModelFault.FAILED
            # The class is enough for our log: texts of httpx contain addresses.
            raise ModelError(fault, type(error).__name__) from error

    @asynccontextmanager
    async def _send(self, call: "_Call") -> AsyncIterator[httpx.Response]:
        provider = self._options.provider
        headers = {"Accept": call.media_type, **_HEADERS}
        request = self._http.build_request(
            "POST",
            provider.path,
            content=call.content,
            headers={**headers, **provider.headers(self._options.key)},
        )
        response = await self._http.send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()
            # A response and its body hold each other in httpx. Let go of, they and the
            # request, some MB of earlier answers, do not wait to be collected.
            response.stream = httpx.ByteStream(b"")

    async def _check_head(self, response: httpx.Response, media_type: str) -> None:
        status = response.status_code
        if status == httpx.codes.OK:
            _check_encoding(response.headers)
            _check_media_type(response.headers, media_type)
            return
        # The status is known; a body that stalls or breaks must not hide it.
        async with aclosing(_body_of(response)) as body:
            await _read_to_the_end(body)
        if is_overload(status):
            retry_after = response.headers.get("retry-after")
            raise _OverloadedError(status, parse_retry_after(retry_after, self._now()))
        raise ModelError(fault_of_status(status), f"status {status}")


def _check_encoding(headers: httpx.Headers) -> None:
    # A few packed bytes may be gigabytes, and the request forbids an encoding.
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise broken("expected an answer without an encoding")


def _check_media_type(headers: httpx.Headers, expected: str) -> None:
    media_type = headers.get("content-type", "").partition(";")[0]
    if media_type.strip().lower() != expected:
        raise broken(f"expected {expected}")


async def _read_answer(
    response: httpx.Response,
    reader: AnswerReader,
    on_text: Callable[[str], None],
    first_token: asyncio.Timeout,
) -> None:
    events = EventStream(_MAX_EVENT_BYTES)
    pieces = 0
    async with aclosing(_body_of(response)) as body:
        async for part in body:
            for data in events.feed(part):
                piece = reader.feed(data)
                if piece:
                    on_text(piece)
                    pieces += 1
                    if pieces % _PIECES_PER_TURN == 0:
                        await asyncio.sleep(0)
                if reader.is_alive or reader.is_terminated:
                    first_token.reschedule(None)
                if reader.is_terminated:
                    await _read_to_the_end(body)
                    return


async def _read_document(response: httpx.Response) -> str:
    document = bytearray()
    async with aclosing(_body_of(response)) as body:
        async for part in body:
            document += part
            if len(document) > _MAX_EVENT_BYTES:
                raise broken(f"expected at most {_MAX_EVENT_BYTES} bytes")
    return document.decode("utf-8", "replace")


def _body_of(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    # A generator, which has to be closed when it is left half-way; httpx tells less.
    return cast("AsyncGenerator[bytes, None]", response.aiter_raw())


async def _read_to_the_end(body: AsyncIterator[bytes]) -> None:
    size = 0
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_TAIL_S):
            async for part in body:
                size += len(part)
                if size > _MAX_TAIL_BYTES:
                    return
