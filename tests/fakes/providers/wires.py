"""Each provider with a request it takes and the judge of what it says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from tests.fakes.raw_client import post
from tests.fakes.validators import anthropic, openai_chat, openai_responses

from streamproof.fakes.plan.player import make_plan
from streamproof.fakes.providers import params_of, provider_at
from streamproof.fakes.providers.provider import Received

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fakes.validators.frames import Json, Told

    from streamproof.fakes.content import Answer
    from streamproof.fakes.providers.provider import Ask, Reply
    from streamproof.fakes.script import Script

HEADERS = {"authorization": "Bearer any", "anthropic-version": "2023-06-01"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One provider as its clients see it.

    Args:
        limit: the request field that limits the answer, and the least it may be.
        body: makes the fields of a request of a prompt.
        stops: what each stop reason is called.
        opening: ends what leaves with the headers.
        piece: ends what each token of a text leaves as.
        closing: is in what leaves before a gate at the end.
        terminator: is in the terminal frame.
    """

    name: str
    path: str
    limit: str
    least: int
    body: Callable[[str], Json]
    judge_stream: Callable[[bytes], Told]
    judge_body: Callable[[bytes], Told]
    judge_error: Callable[[bytes], tuple[str, str]]
    stops: dict[str, str]
    opening: bytes
    piece: bytes
    closing: bytes
    terminator: bytes

    def request(self, prompt: str, fields: Json) -> bytes:
        """Encode the body of a request."""
        return json.dumps({**self.body(prompt), **fields}).encode()

    def post(
        self, prompt: str, *, stream: bool = True, close: bool = False, **fields: object
    ) -> bytes:
        """Make a whole HTTP request; with `close` the connection ends after it."""
        body = self.request(prompt, {"stream": stream, **fields})
        extra = ["connection: close"] if close else []
        return post(self.path, body, "anthropic-version: 2023-06-01", *extra)

    def ask(self, fields: Json) -> Ask:
        """Read a request as the server would."""
        body = self.request("hi", fields)
        provider = provider_at(self.path)
        return provider.read(
            Received(
                path=self.path,
                params=params_of(provider, "POST", self.path),
                query={},
                headers=HEADERS,
                body=body,
                fingerprint=sha256(body).hexdigest(),
            )
        )

    def perform(
        self, script: Script, fields: Json | None = None, *, seed: int = 0
    ) -> tuple[Answer, Reply]:
        """Return the planned answer, and the reply that says it."""
        ask = self.ask(fields or {})
        plan = make_plan(
            script,
            seed=seed,
            fingerprint="f",
            prompt_tokens=ask.prompt_tokens,
            max_tokens=ask.max_tokens,
        )
        return plan.answer, ask.reply(plan.answer, seed)


def stream_of(answer: Answer, reply: Reply) -> bytes:
    """Join everything that a stream says."""

    def frames() -> Iterator[bytes]:
        yield reply.opening()
        for part in answer.parts:
            for piece in part.pieces:
                yield reply.token(part, piece)
        yield reply.closing()
        yield reply.terminator()

    return b"".join(frames())


def _messages(prompt: str) -> Json:
    return {"model": "m", "messages": [{"role": "user", "content": prompt}]}


CHAT = Wire(
    name="openai_chat",
    path="/v1/chat/completions",
    limit="max_completion_tokens",
    least=1,
    body=_messages,
    judge_stream=openai_chat.validate_stream,
    judge_body=openai_chat.validate_body,
    judge_error=openai_chat.validate_error,
    stops={
        "stop": "stop",
        "length": "length",
        "tool_calls": "tool_calls",
        "refusal": "stop",
        "content_filter": "content_filter",
    },
    opening=b'"role":"assistant"',
    piece=b'"delta":{"content":',
    closing=b'"finish_reason":"stop"',
    terminator=b"data: [DONE]\n\n",
)
RESPONSES = Wire(
    name="openai_responses",
    path="/v1/responses",
    limit="max_output_tokens",
    least=16,
    body=lambda prompt: {"model": "m", "input": prompt},
    judge_stream=openai_responses.validate_stream,
    judge_body=openai_responses.validate_body,
    judge_error=openai_chat.validate_error,
    stops={
        "stop": "completed",
        "length": "max_output_tokens",
        "tool_calls": "completed",
        "refusal": "completed",
        "content_filter": "content_filter",
    },
    opening=b"event: response.in_progress",
    piece=b"event: response.output_text.delta",
    closing=b"event: response.output_item.done",
    terminator=b"event: response.completed\n",
)
ANTHROPIC = Wire(
    name="anthropic",
    path="/v1/messages",
    limit="max_tokens",
    least=1,
    body=lambda prompt: {**_messages(prompt), "max_tokens": 100_000},
    judge_stream=anthropic.validate_stream,
    judge_body=anthropic.validate_body,
    judge_error=anthropic.validate_error,
    stops={
        "stop": "end_turn",
        "length": "max_tokens",
        "tool_calls": "tool_use",
        "refusal": "refusal",
        "content_filter": "refusal",
    },
    opening=b"event: message_start",
    piece=b'"type":"text_delta"',
    closing=b"event: message_delta",
    terminator=b"event: message_stop\n",
)
WIRES = (CHAT, RESPONSES, ANTHROPIC)
