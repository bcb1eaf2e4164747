"""OpenAI Responses: what is asked, what is said, how it is refused.

Formats after the public reference,
https://platform.openai.com/docs/api-reference/responses and …/responses-streaming.
Pure; every id, date and padding derives from the seed and the request, so the same
request is answered with the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..openai_service import encode_refusal
from ..provider import Ask, Route
from .reply import ResponseReply
from .request import ResponseRequest, parse_request

if TYPE_CHECKING:
    from ...errors import RequestError
    from ..provider import Headers, Received

__all__ = ["OpenAIResponses", "ResponseReply", "ResponseRequest", "parse_request"]


class OpenAIResponses:
    """The endpoint that followed Chat Completions."""

    name: Final = "openai_responses"
    prompt_field: Final = "input"
    routes: Final = (Route("POST", "/v1/responses"),)

    def read(self, received: Received) -> Ask:
        """Read a request as strictly as the service does.

        Raises:
            RequestError: 401 without a bearer token, 400 for anything malformed.
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
            reply=lambda answer, seed: ResponseReply(
                request=request, answer=answer, seed=seed
            ),
        )

    def refuse(
        self, error: RequestError, *, seed: int, fingerprint: str
    ) -> tuple[Headers, bytes]:
        """Encode a refusal in the service's shape: header fields and body."""
        return encode_refusal(error, seed=seed, fingerprint=fingerprint)
