"""Everything the service says in answer to one request: frames, bodies, headers.

Must not know HTTP framing or timing; the delivery and the engine add them.
"""

from __future__ import annotations

import json
import string
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Final

from ...dice import pick, roll
from .errors import CLIENT_FAILURE, FAILURES, encode_error_body

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...script import Fail, InStreamError
    from .request import ChatRequest

__all__ = ["ChatReply"]

# Characters that ids and the documented samples of `obfuscation` are made of.
ALPHANUMERIC: Final = string.ascii_letters + string.digits
HEX: Final = "0123456789abcdef"
# XX: the real padding scheme is not published; text and padding together fill a
# multiple of this, which hides the token's length as the reference promises.
PADDING_BLOCK: Final = 16

# `created` must not come from a clock; any fixed moment will do (2023-11-14).
EPOCH_S: Final = 1_700_000_000
EPOCH_SPAN_S: Final = 50_000_000

REQUESTS_PER_MINUTE: Final = 10_000
TOKENS_PER_MINUTE: Final = 2_000_000


class ChatReply:
    """Everything the service says in answer to one request, piece by piece.

    Stream frames are `data:` lines without HTTP framing; the delivery adds that.
    """

    def __init__(self, *, request: ChatRequest, seed: int) -> None:
        """Derive what the whole reply shares."""
        self._request = request
        self._seed = seed
        self._frames = 0
        self._request_id = "req_" + self._pick(HEX, "request id", 32)
        self._processing_ms = 40 + self._roll("processing", 1)[0]
        self._padding = self._pick(ALPHANUMERIC, "padding", 1024)
        age_s = int.from_bytes(self._roll("created", 4)) % EPOCH_SPAN_S
        self._identity = {
            "id": "chatcmpl-" + self._pick(ALPHANUMERIC, "id", 29),
            "created": EPOCH_S + age_s,
            "fingerprint": "fp_" + self._pick(HEX, "system", 10),
        }
        head = _dumps(self._chunk_head())[:-1]
        # Every chunk starts like this, so that a token costs no encoding of a dict.
        self._prefix = f'{head},"choices":[{{"index":0,"delta":'
        self._usage_field = ',"usage":null' if self._request.include_usage else ""

    def stream_headers(self) -> list[tuple[str, str]]:
        """Return the header fields of a streamed answer."""
        return [
            ("content-type", "text/event-stream; charset=utf-8"),
            ("cache-control", "no-cache"),
            *self._headers(),
        ]

    def body_headers(self) -> list[tuple[str, str]]:
        """Return the header fields of an answer in one piece."""
        return [("content-type", "application/json"), *self._headers()]

    def opening(self) -> bytes:
        """Encode the role chunk that leaves with the headers."""
        return self._chunk('{"role":"assistant","content":"","refusal":null}', pad=0)

    def token(self, text: str) -> bytes:
        """Encode one content token."""
        return self._chunk(f'{{"content":{encode_basestring(text)}}}', pad=len(text))

    def closing(self, tokens: int) -> bytes:
        """Encode the chunk with the finish reason, and usage if it was asked for."""
        final = self._chunk("{}", pad=0, finish='"stop"')
        if not self._request.include_usage:
            return final
        usage = {**self._chunk_head(), "choices": [], "usage": self._usage(tokens)}
        if self._request.include_obfuscation:
            usage["obfuscation"] = self._pad(0)
        return final + _frame(_dumps(usage))

    def terminator(self) -> bytes:
        """Encode the terminal frame."""
        return b"data: [DONE]\n\n"

    def stream_error(self, error: InStreamError) -> bytes:
        """Encode an error in the stream; the service says `[DONE]` after it."""
        message = error.message or FAILURES[500][2]
        body = encode_error_body(message, kind=error.type or "server_error")
        return _frame(body.decode()) + self.terminator()

    def body_error(self, error: InStreamError) -> bytes:
        """Encode the same error as the body of a 500."""
        message = error.message or FAILURES[500][2]
        return encode_error_body(message, kind=error.type or "server_error")

    def failure(self, fail: Fail) -> tuple[list[tuple[str, str]], bytes]:
        """Encode an HTTP error: header fields and body."""
        other = FAILURES[500] if fail.status >= 500 else CLIENT_FAILURE  # noqa: PLR2004
        kind, code, message = FAILURES.get(fail.status, other)
        headers = self.body_headers()
        if fail.retry_after_s is not None:
            seconds = f"{fail.retry_after_s:f}".rstrip("0").rstrip(".")
            headers.append(("retry-after", seconds))
        return headers, encode_error_body(fail.message or message, kind=kind, code=code)

    def body(self, texts: Sequence[str]) -> bytes:
        """Encode the answer in one piece."""
        return _dumps(self._whole("".join(texts), len(texts))).encode()

    def truncated_body(self, texts: Sequence[str]) -> bytes:
        """Encode that answer, cut off right behind its last token."""
        said = encode_basestring("".join(texts))
        before, _, _ = _dumps(self._whole("\0", 0)).partition(encode_basestring("\0"))
        return f"{before}{said[:-1]}".encode()

    def _whole(self, text: str, tokens: int) -> dict[str, object]:
        message: dict[str, object] = {
            "role": "assistant",
            "content": text,
            "refusal": None,
            "annotations": [],
        }
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": "stop",
        }
        return {
            "id": self._identity["id"],
            "object": "chat.completion",
            "created": self._identity["created"],
            "model": self._request.model,
            "choices": [choice],
            "usage": self._usage(tokens),
            "service_tier": "default",
            "system_fingerprint": self._identity["fingerprint"],
        }

    def _roll(self, purpose: str, count: int) -> bytes:
        return roll(self._seed, self._request.fingerprint, purpose, count)

    def _pick(self, alphabet: str, purpose: str, count: int) -> str:
        return "".join(pick(alphabet, self._roll(purpose, count)))

    def _headers(self) -> list[tuple[str, str]]:
        prompt = self._request.prompt_tokens
        left = max(TOKENS_PER_MINUTE - prompt, 0)
        return [
            ("openai-organization", "streamproof-fakes"),
            ("openai-processing-ms", str(self._processing_ms)),
            ("openai-version", "2020-10-01"),
            ("x-ratelimit-limit-requests", str(REQUESTS_PER_MINUTE)),
            ("x-ratelimit-limit-tokens", str(TOKENS_PER_MINUTE)),
            ("x-ratelimit-remaining-requests", str(REQUESTS_PER_MINUTE - 1)),
            ("x-ratelimit-remaining-tokens", str(left)),
            ("x-ratelimit-reset-requests", "6ms"),
            ("x-ratelimit-reset-tokens", f"{prompt * 60_000 // TOKENS_PER_MINUTE}ms"),
            ("x-request-id", self._request_id),
        ]

    def _chunk_head(self) -> dict[str, object]:
        return {
            "id": self._identity["id"],
            "object": "chat.completion.chunk",
            "created": self._identity["created"],
            "model": self._request.model,
            "service_tier": "default",
            "system_fingerprint": self._identity["fingerprint"],
        }

    def _chunk(self, delta: str, *, pad: int, finish: str = "null") -> bytes:
        """Assemble one chunk from text: ten times as fast as encoding a dict."""
        self._frames += 1
        padding = ""
        if self._request.include_obfuscation:
            padding = f',"obfuscation":"{self._pad(pad)}"'
        return _frame(
            f'{self._prefix}{delta},"logprobs":null,"finish_reason":{finish}}}]'
            f"{self._usage_field}{padding}}}"
        )

    def _pad(self, length: int) -> str:
        start = self._frames * 61 % 1000
        return self._padding[start : start + PADDING_BLOCK - length % PADDING_BLOCK]

    def _usage(self, tokens: int) -> dict[str, object]:
        prompt = self._request.prompt_tokens
        return {
            "prompt_tokens": prompt,
            "completion_tokens": tokens,
            "total_tokens": prompt + tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }


def _frame(data: str) -> bytes:
    return f"data: {data}\n\n".encode()


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
