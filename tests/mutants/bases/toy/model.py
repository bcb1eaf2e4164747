"""One streamed answer of an OpenAI-compatible model, tried again where it is busy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import httpx

_BUSY = (429, 503, 529)
_ATTEMPTS = 3
_PAUSE_S = 0.05


class ModelError(Exception):
    """The model gave no complete answer."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _BusyError(Exception):
    def __init__(self, pause_s: float) -> None:
        super().__init__()
        self.pause_s = pause_s


class Model:
    """A model at a base URL, which has `timeout_s` for an attempt."""

    def __init__(self, url: str, timeout_s: float) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": "Bearer any"},
            limits=limits,
            timeout=timeout_s,
            trust_env=False,
        )
        self._timeout_s = timeout_s

    async def close(self) -> None:
        """Let go of all connections."""
        await self._http.aclose()

    async def answer(
        self,
        prompt: str,
        on_text: Callable[[str], None],
        on_retry: Callable[[int], None],
    ) -> None:
        """Hand on the answer piece by piece; raise `ModelError` unless it is whole.

        `on_retry` is told before each further attempt which one it will be.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._attempt(prompt, on_text)
            except (TimeoutError, httpx.TimeoutException):
                raise ModelError("MODEL_TIMEOUT") from None
            except (httpx.HTTPError, ValueError, LookupError):
                raise ModelError("MODEL_ERROR") from None
            except _BusyError as busy:
                if attempt == _ATTEMPTS:
                    raise ModelError("MODEL_BUSY") from None
                on_retry(attempt + 1)
                await asyncio.sleep(busy.pause_s)
            else:
                return

    async def _attempt(self, prompt: str, on_text: Callable[[str], None]) -> None:
        message = {"role": "user", "content": prompt}
        body = {"model": "toy", "stream": True, "messages": [message]}
        async with self._http.stream("POST", "chat/completions", json=body) as response:
            if response.status_code in _BUSY:
                await response.aread()
                raise _BusyError(float(response.headers.get("Retry-After", _PAUSE_S)))
            response.raise_for_status()
            reason = ""
            is_complete = False
            # To the end of the body: leaving before it counts as a cancel.
            async for data in _data_of(response):
                if is_complete:
                    continue
                if data == "[DONE]":
                    is_complete = True
                    continue
                choice = json.loads(data)["choices"][0]
                if piece := choice["delta"].get("content"):
                    on_text(piece)
                reason = choice["finish_reason"] or reason
        if not is_complete or reason != "stop":
            raise ModelError("MODEL_ERROR")


async def _data_of(response: httpx.Response) -> AsyncIterator[str]:
    """Yield the data of each event; httpx's own lines end at U+2028 as well."""
    rest = b""
    async for chunk in response.aiter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            field, _, data = line.decode().partition(": ")
            if field == "data":
                yield data
