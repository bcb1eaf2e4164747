"""The providers' own SDKs as clients that can be cancelled, all behind one face.

Each reads one answer as a user would, and says what its user was told so far. It is
closed apart from that, so that cancelling the reading task is all that can end a call.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Literal, Protocol

import anthropic
import ollama
import openai
from google import genai
from google.genai.types import HttpOptions

__all__ = ["SDKS", "Sdk", "Sightings"]

MODEL = "any"
# Never waited for in full, unless something is broken.
SIGHT_S = 20
Told = Callable[[Literal["headers", "content", "end"]], None]


class Sdk(Protocol):
    """One client of one SDK."""

    async def read(self, prompt: str, told: Told) -> None:
        """Read a streamed answer to its end; `told` hears of each piece of it."""

    async def read_whole(self, prompt: str) -> None:
        """Wait for an answer in one piece."""

    async def close(self) -> None:
        """Close whatever is still open."""


class Sightings:
    """Counts what an SDK told its user, and wakes who waits for it."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._changed = asyncio.Event()

    def told(self, what: str) -> None:
        """Count it."""
        self._counts[what] += 1
        self._changed.set()

    async def wait(self, what: str, count: int) -> None:
        """Wait until it was told that often.

        Raises `TimeoutError` if that takes longer than `SIGHT_S`.
        """
        async with asyncio.timeout(SIGHT_S):
            while self._counts[what] < count:
                self._changed.clear()
                await self._changed.wait()


class _HeadersHook:
    """Tells of response headers where only the SDK's HTTP client knows of them.

    These SDKs send a streamed request no sooner than the stream is iterated.
    """

    def __init__(self) -> None:
        self.told: Told | None = None
        self.hooks = {"response": [self._tell]}

    async def _tell(self, _: object) -> None:
        if self.told is not None:
            self.told("headers")


class OpenAIChat:
    """`client.chat.completions` of openai."""

    def __init__(self, url: str) -> None:
        self._client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any")

    async def read(self, prompt: str, told: Told) -> None:
        """Read a streamed answer."""
        chunks = await self._client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": prompt}], stream=True
        )
        told("headers")
        async for chunk in chunks:
            for choice in chunk.choices:
                if choice.delta.content:
                    told("content")
                if choice.finish_reason:
                    told("end")

    async def read_whole(self, prompt: str) -> None:
        """Wait for an answer in one piece."""
        await self._client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": prompt}]
        )

    async def close(self) -> None:
        """Close the connection pool."""
        await self._client.close()


class OpenAIResponses:
    """`client.responses` of openai."""

    def __init__(self, url: str) -> None:
        self._client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any")

    async def read(self, prompt: str, told: Told) -> None:
        """Read a streamed answer."""
        events = await self._client.responses.create(
            model=MODEL, input=prompt, stream=True
        )
        told("headers")
        async for event in events:
            if event.type == "response.output_text.delta":
                told("content")
            elif event.type == "response.completed":
                told("end")

    async def read_whole(self, prompt: str) -> None:
        """Wait for an answer in one piece."""
        await self._client.responses.create(model=MODEL, input=prompt)

    async def close(self) -> None:
        """Close the connection pool."""
        await self._client.close()


class Anthropic:
    """`client.messages` of anthropic."""

    def __init__(self, url: str) -> None:
        self._client = anthropic.AsyncAnthropic(base_url=url, api_key="any")

    async def read(self, prompt: str, told: Told) -> None:
        """Read a streamed answer."""
        events = await self._client.messages.create(
            model=MODEL,
            max_tokens=1000,
            messages=[{"role": "user", "content": prompt}],
            stream=True,
        )
        told("headers")
        async for event in events:
            if event.type == "content_block_delta":
                told("content")
            elif event.type == "message_stop":
                told("end")

    async def read_whole(self, prompt: str) -> None:
        """Wait for an answer in one piece."""
        await self._client.messages.create(
            model=MODEL,
            max_tokens=1000,
            messages=[{"role": "user", "content": prompt}],
        )

    async def close(self) -> None:
        """Close the connection pool."""
        await self._client.close()


class Gemini:
    """`client.aio.models` of google-genai, over httpx2."""

    def __init__(self, url: str) -> None:
        self._headers = _HeadersHook()
        options = HttpOptions(
            base_url=url, async_client_args={"event_hooks": self._headers.hooks}
        )
        self._client = genai.Client(api_key="any", http_options=options).aio

    async def read(self, prompt: str, told: Told) -> None:
        """Read a streamed answer."""
        self._headers.told = told
        chunks = await self._client.models.generate_content_stream(
            model=MODEL, contents=prompt
        )
        async for chunk in chunks:
            for candidate in chunk.candidates or ():
                if candidate.finish_reason:
                    told("end")
                else:
                    told("content")

    async def read_whole(self, prompt: str) -> None:
        """Wait for an answer in one piece."""
        await self._client.models.generate_content(model=MODEL, contents=prompt)

    async def close(self) -> None:
        """Close the connection pool."""
        await self._client.aclose()


class Ollama:
    """`AsyncClient.chat` of ollama."""

    def __init__(self, url: str) -> None:
        self._headers = _HeadersHook()
        self._client = ollama.AsyncClient(url, event_hooks=self._headers.hooks)

    async def read(self, prompt: str, told: Told) -> None:
        """Read a streamed answer."""
        self._headers.told = told
        parts = await self._client.chat(
            model=MODEL, messages=[{"role": "user", "content": prompt}], stream=True
        )
        async for part in parts:
            told("end" if part.done else "content")

    async def read_whole(self, prompt: str) -> None:
        """Wait for an answer in one piece."""
        await self._client.chat(
            model=MODEL, messages=[{"role": "user", "content": prompt}]
        )

    async def close(self) -> None:
        """Close the connection pool."""
        await self._client.close()  # type: ignore[no-untyped-call]  # ollama's slip


SDKS: dict[str, Callable[[str], Sdk]] = {
    "openai_chat": OpenAIChat,
    "openai_responses": OpenAIResponses,
    "anthropic": Anthropic,
    "gemini": Gemini,
    "ollama": Ollama,
}
