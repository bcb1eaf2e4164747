"""The seam between the fakes and a wire format: what each provider is and answers.

    Provider.read(Received) -> Ask        a request, as strictly as the service reads it
    Ask.reply(answer, seed) -> Reply      everything that is said in return, as bytes

A reply is asked for its pieces in this order: `opening`, `token` for every piece of
the answer, `closing`, `terminator`; or it is asked for one `body`. A piece may bring
frames of its own before it (a block opens when its first piece comes, and closes when
the next one does), so that after the N-th piece nothing was said but N pieces.
Framing is the reply's own: events, lines or elements of an array, whatever the bytes.

Must not know HTTP framing, sockets, clocks, or how a script is timed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..content import Answer, Part
    from ..errors import RequestError
    from ..script import Fail, InStreamError

__all__ = ["Ask", "Headers", "Provider", "Received", "Reply", "Route", "Syntax"]

Headers: TypeAlias = list[tuple[str, str]]

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """A path of the service, `{name}` for what varies: `/v1beta/models/{model}:do`."""

    method: str
    path: str

    def match(self, path: str) -> Mapping[str, str] | None:
        """Return what varies in a path of this route; None for any other path."""
        found = _pattern(self.path).fullmatch(path)
        return found.groupdict() if found else None


@cache
def _pattern(path: str) -> re.Pattern[str]:
    """Turn the path of a route into a pattern; a placeholder ends at `/` and `:`."""
    # Text and names of placeholders take turns.
    woven = [
        f"(?P<{text}>[^/:]+)" if place % 2 else re.escape(text)
        for place, text in enumerate(_PLACEHOLDER.split(path))
    ]
    return re.compile("".join(woven))


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request that has arrived on one of the provider's routes."""

    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a request asks for, as far as a fake cares.

    Args:
        texts: every text of the prompt, in which directives are looked for.
        prompt_tokens: what the prompt counts as.
        max_tokens: how many the answer may have at most; None for no limit.
        reply: makes the reply out of the answer and the seed.
    """

    model: str
    stream: bool
    texts: tuple[str, ...]
    prompt_tokens: int
    max_tokens: int | None
    reply: Callable[[Answer, int], Reply]


class Syntax(StrEnum):
    """What the frames of a stream are."""

    EVENTS = "events"
    LINES = "lines"
    ARRAY = "array"


class Reply(Protocol):
    """Everything the service says in answer to one request, piece by piece."""

    @property
    def syntax(self) -> Syntax:
        """Return what the frames of its stream are."""

    def stream_headers(self) -> Headers:
        """Return the header fields of a streamed answer."""

    def body_headers(self) -> Headers:
        """Return the header fields of an answer in one piece."""

    def opening(self) -> bytes:
        """Encode what leaves with the headers; may be empty."""

    def token(self, part: Part, text: str) -> bytes:
        """Encode the next piece of the answer, and whatever has to come before it.

        Empty where the service sends a tool's call only when it is whole.
        """

    def closing(self) -> bytes:
        """Encode what comes between the last piece and the terminator; may be empty."""

    def terminator(self) -> bytes:
        """Encode the terminal frame; never empty, some services have no other sign."""

    def stream_error(self, error: InStreamError) -> bytes:
        """Encode an error in the stream, and what the service says after it."""

    def keepalive(self, text: str | None) -> bytes:
        """Encode what says nothing, between two frames, so that something is sent."""

    def blank(self) -> bytes:
        """Encode the next frame as one with nothing in it, which no service sends."""

    def unknown(self) -> bytes:
        """Encode the next frame as one of a type that no client knows."""

    def body(self) -> bytes:
        """Encode the answer in one piece."""

    def truncated_body(self, count: int) -> bytes:
        """Encode that answer, cut off right behind its `count`-th piece."""

    def body_error(self, error: InStreamError) -> tuple[int, bytes]:
        """Encode a stream's error as status and body, when nothing has left yet."""

    def failure(self, fail: Fail) -> tuple[Headers, bytes]:
        """Encode an HTTP error: header fields and body."""


class Provider(Protocol):
    """One wire format of one service."""

    @property
    def name(self) -> str:
        """Return the name that the journal shows."""

    @property
    def routes(self) -> Sequence[Route]:
        """Return where its endpoints are."""

    @property
    def prompt_field(self) -> str:
        """Return the request field of the prompt, for refusals of directives."""

    def read(self, received: Received) -> Ask:
        """Read a request as strictly as the service does.

        Raises:
            RequestError: without credentials, or for anything malformed.
        """

    def refuse(
        self, error: RequestError, *, seed: int, fingerprint: str
    ) -> tuple[Headers, bytes]:
        """Encode a refusal in the service's shape: header fields and body."""
