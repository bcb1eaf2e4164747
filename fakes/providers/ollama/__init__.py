"""Ollama: what is asked, what is said, how it is refused.

Formats after https://github.com/ollama/ollama/blob/main/docs/api.md and what the
service's Python SDK reads.
Pure; dates and durations derive from the seed and the request, so the same request is
answered with the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..provider import Ask, Route
from .errors import encode_refusal
from .reply import LineReply
from .request import LineRequest, parse_request

if TYPE_CHECKING:
    from ...errors import RequestError
    from ..provider import Headers, Received

__all__ = ["LineReply", "LineRequest", "Ollama", "parse_request"]


class Ollama:
    """The two endpoints that make text; neither wants a key."""

    name: Final = "ollama"
    prompt_field: Final = "messages"
    routes: Final = (Route("POST", "/api/chat"), Route("POST", "/api/generate"))

    def read(self, received: Received) -> Ask:
        """Read a request as strictly as the service does.

        Raises:
            RequestError: 400 for anything malformed.
        """
        request = parse_request(received)
        return Ask(
            model=request.model,
            stream=request.stream,
            texts=request.texts,
            prompt_tokens=request.prompt_tokens,
            max_tokens=request.max_tokens,
            reply=lambda answer, seed: LineReply(
                request=request, answer=answer, seed=seed
            ),
        )

    def refuse(
        self,
        error: RequestError,
        *,
        seed: int,  # noqa: ARG002 -- the service gives its refusals no id
        fingerprint: str,  # noqa: ARG002 -- as above
    ) -> tuple[Headers, bytes]:
        """Encode a refusal in the service's shape: header fields and body."""
        return encode_refusal(error)
