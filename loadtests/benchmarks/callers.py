"""The five providers as their clients know them: what to ask, and where one can leave.

Facts about wire formats only, for a client that leaves on a raw socket. Pure: no
socket, no clock, and nothing of the fakes' own code.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["PHASES", "PROVIDERS", "Phase", "Provider", "chunks_in"]

TOKENS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One provider, streaming and not.

    Args:
        body: makes the fields of a request of a prompt, and of whether it streams.
        opening: HTTP chunks that leave with the response headers.
        closing: HTTP chunks between the last token and the terminal frame.
    """

    name: str
    stream_target: str
    whole_target: str
    body: Callable[[str, bool], dict[str, Any]]
    opening: int = 0
    closing: int = 0

    def request(self, prompt: str, *, stream: bool, keep_alive: bool = True) -> bytes:
        """Make a whole HTTP request."""
        body = json.dumps(self.body(prompt, stream)).encode()
        lines = (
            f"POST {self.stream_target if stream else self.whole_target} HTTP/1.1",
            "host: fakes",
            "authorization: Bearer any",
            "anthropic-version: 2023-06-01",
            "content-type: application/json",
            f"content-length: {len(body)}",
            f"connection: {'keep-alive' if keep_alive else 'close'}",
            "",
            "",
        )
        return "\r\n".join(lines).encode() + body


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A place in an answer where a gate holds it, and what leaving there means.

    Args:
        hold: the keys of the `hold` directive.
        generated: tokens made by then.
        sent: tokens handed over by then.
        sees: what an SDK has told its user by then, the last of it.
    """

    name: str
    hold: str
    outcome: str
    stream: bool = True
    generated: int = 0
    sent: int = 0
    sees: tuple[str, int] | None = None

    def prompt(self, key: str) -> str:
        """Return the prompt of a call that stops here."""
        return f"[[fake:say tokens={TOKENS} call={key}]] [[fake:hold {self.hold}]]"

    def chunks(self, provider: Provider) -> int:
        """Count the HTTP chunks sent by then; -1 if there is not even a head."""
        if self.sees is None:
            return -1
        if self.sent < TOKENS:
            return provider.opening + self.sent
        return provider.opening + TOKENS + provider.closing + 1


def chunks_in(received: bytes) -> int:
    """Count the whole HTTP chunks of a response; -1 while its head is incomplete."""
    _, found, rest = received.partition(b"\r\n\r\n")
    if not found:
        return -1
    count = 0
    while True:
        size, found, rest = rest.partition(b"\r\n")
        if not found or len(rest) < int(size, 16) + 2:
            return count
        rest = rest[int(size, 16) + 2 :]
        count += 1


def _messages(prompt: str, stream: bool) -> dict[str, Any]:  # noqa: FBT001 -- `body`
    messages = [{"role": "user", "content": prompt}]
    return {"model": "any", "messages": messages, "stream": stream}


PROVIDERS = (
    Provider(
        name="openai_chat",
        stream_target="/v1/chat/completions",
        whole_target="/v1/chat/completions",
        body=_messages,
        opening=1,
        closing=1,
    ),
    Provider(
        name="openai_responses",
        stream_target="/v1/responses",
        whole_target="/v1/responses",
        body=lambda prompt, stream: {"model": "any", "input": prompt, "stream": stream},
        opening=1,
        closing=1,
    ),
    Provider(
        name="anthropic",
        stream_target="/v1/messages",
        whole_target="/v1/messages",
        body=lambda prompt, stream: {**_messages(prompt, stream), "max_tokens": 1000},
        opening=1,
        closing=1,
    ),
    Provider(
        name="gemini",
        stream_target="/v1beta/models/any:streamGenerateContent?alt=sse",
        whole_target="/v1beta/models/any:generateContent",
        body=lambda prompt, _: {"contents": [{"parts": [{"text": prompt}]}]},
    ),
    Provider(
        name="ollama",
        stream_target="/api/chat",
        whole_target="/api/chat",
        body=_messages,
    ),
)
PHASES = (
    Phase(name="before headers", hold="at=headers", outcome="cancelled_before_headers"),
    Phase(
        name="before first content",
        hold="at=token after=0",
        outcome="cancelled_before_first_token",
        sees=("headers", 1),
    ),
    Phase(
        name="mid-stream",
        hold="at=token after=3",
        outcome="cancelled_midstream",
        generated=3,
        sent=3,
        sees=("content", 3),
    ),
    Phase(
        name="after the terminal",
        hold="at=body_end",
        outcome="closed_after_terminal",
        generated=TOKENS,
        sent=TOKENS,
        sees=("end", 1),
    ),
    Phase(
        name="not streamed",
        hold="at=token after=3",
        outcome="cancelled_before_headers",
        stream=False,
        generated=3,
    ),
)
