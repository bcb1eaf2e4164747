"""What the replies of every endpoint of OpenAI share: headers, failures, padding.

Must not know any endpoint's frames or bodies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from ..dice import ALPHANUMERIC, Dice
from .encoding import BLANK_EVENT, comment
from .openai_service import encode_failure, service_headers
from .provider import Syntax

if TYPE_CHECKING:
    from ..content import Answer
    from ..script import Fail
    from .provider import Headers

__all__ = ["ServiceReply"]

# XX: the real padding scheme is not published; text and padding together fill a
# multiple of this, which hides the token's length as the reference promises.
PADDING_BLOCK: Final = 16

# Creation times must not come from a clock; any fixed moment will do (2023-11-14).
EPOCH_S: Final = 1_700_000_000
EPOCH_SPAN_S: Final = 50_000_000


class _Asked(Protocol):
    """What a reply has to know of its request."""

    @property
    def model(self) -> str: ...

    @property
    def prompt_tokens(self) -> int: ...

    @property
    def fingerprint(self) -> str: ...


class ServiceReply:
    """The part of a reply that is the same at every endpoint."""

    syntax: Final = Syntax.EVENTS

    def __init__(self, asked: _Asked, answer: Answer, seed: int) -> None:
        """Derive what the whole reply shares."""
        self._asked = asked
        self._answer = answer
        self._dice = Dice(seed=seed, fingerprint=asked.fingerprint)
        self._padding = self._dice.text(ALPHANUMERIC, "padding", 1024)
        self._created_s = EPOCH_S + self._dice.number("created", EPOCH_SPAN_S)

    def stream_headers(self) -> Headers:
        """Return the header fields of a streamed answer."""
        return [
            ("content-type", "text/event-stream; charset=utf-8"),
            ("cache-control", "no-cache"),
            *self._headers(),
        ]

    def body_headers(self) -> Headers:
        """Return the header fields of an answer in one piece."""
        return [
            ("content-type", "application/json"),
            *self._headers(),
        ]

    def failure(self, fail: Fail) -> tuple[Headers, bytes]:
        """Encode an HTTP error: header fields and body."""
        return encode_failure(
            fail,
            self.body_headers(),
            limits=self._answer.limits,
            model=self._asked.model,
        )

    def keepalive(self, text: str | None) -> bytes:
        """Encode a comment, as services behind a gateway are kept alive."""
        return comment(text)

    def blank(self) -> bytes:
        """Encode an event without data."""
        return BLANK_EVENT

    def _headers(self) -> Headers:
        return service_headers(
            self._dice, self._asked.prompt_tokens, self._answer.limits
        )

    def _pad(self, number: int, length: int) -> str:
        """Return the padding of the n-th frame, whose text has some length."""
        start = number * 61 % 1000
        return self._padding[start : start + PADDING_BLOCK - length % PADDING_BLOCK]
