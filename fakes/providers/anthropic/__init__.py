"""Anthropic Messages: what is asked, what is said, how it is refused.

Formats after https://docs.anthropic.com/en/api/messages and …/messages-streaming, and
after the captured streams in the tests of the service's Python SDK.
Pure; every id, signature and padding derives from the seed and the request, so the
same request is answered with the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...dice import Dice
from ..provider import Ask, Route
from .errors import encode_refusal
from .reply import MessageReply
from .request import MessageRequest, parse_request

if TYPE_CHECKING:
    from ...errors import RequestError
    from ..provider import Headers, Received

__all__ = ["Anthropic", "MessageReply", "MessageRequest", "parse_request"]


class Anthropic:
    """The endpoint of Claude."""

    name: Final = "anthropic"
    prompt_field: Final = "messages"
    routes: Final = (Route("POST", "/v1/messages"),)

    def read(self, received: Received) -> Ask:
        """Read a request as strictly as the service does.

        Raises:
            RequestError: 401 without credentials, 400 for anything malformed.
        """
        request = parse_request(
            received.body, received.headers, fingerprint=received.fingerprint
        )
        return Ask(
            model=request.model,
            stream=request.stream,
            texts=request.texts,
            prompt_tokens=request.prompt_tokens,
            max_tokens=request.max_tokens,
            reply=lambda answer, seed: MessageReply(
                request=request, answer=answer, seed=seed
            ),
        )

    def refuse(
        self, error: RequestError, *, seed: int, fingerprint: str
    ) -> tuple[Headers, bytes]:
        """Encode a refusal in the service's shape: header fields and body."""
        return encode_refusal(error, Dice(seed=seed, fingerprint=fingerprint))
