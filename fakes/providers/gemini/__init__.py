"""Gemini: what is asked, what is said, how it is refused.

Formats after https://ai.google.dev/api/generate-content, captured public streams, and
what the service's Python SDK reads.
Pure; ids and dates derive from the seed and the request, so the same request is
answered with the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..provider import Ask, Route
from .errors import encode_refusal
from .reply import ContentReply
from .request import ContentRequest, Shape, parse_request

if TYPE_CHECKING:
    from ...errors import RequestError
    from ..provider import Headers, Received

__all__ = ["ContentReply", "ContentRequest", "Gemini", "Shape", "parse_request"]


class Gemini:
    """The two methods of a model: everything at once, or as it is made."""

    name: Final = "gemini"
    prompt_field: Final = "contents"
    # The service's Python SDK speaks v1beta up to version 2, and v1 from 3 on.
    routes: Final = tuple(
        Route("POST", f"/{version}/models/{{model}}:{method}")
        for version in ("v1beta", "v1")
        for method in ("streamGenerateContent", "generateContent")
    )

    def read(self, received: Received) -> Ask:
        """Read a request as strictly as the service does.

        Raises:
            RequestError: 403 without a key, 400 for anything malformed.
        """
        request = parse_request(received)
        return Ask(
            model=request.model,
            stream=request.shape is not Shape.WHOLE,
            texts=request.texts,
            prompt_tokens=request.prompt_tokens,
            max_tokens=request.max_tokens,
            reply=lambda answer, seed: ContentReply(
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
