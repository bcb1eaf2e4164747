"""OpenAI Responses: what is asked, what is said, how it is refused.

The endpoint that followed Chat Completions. Formats after the public reference,
https://platform.openai.com/docs/api-reference/responses and …/responses-streaming.
Pure; every id, date and padding derives from the seed and the request, so the same
request is answered with the same bytes.
"""

from __future__ import annotations

from typing import Final

from ..openai_service import Endpoint
from .reply import ResponseReply
from .request import ResponseRequest, parse_request

__all__ = ["OPENAI_RESPONSES", "ResponseReply", "ResponseRequest", "parse_request"]

OPENAI_RESPONSES: Final = Endpoint(
    name="openai_responses",
    prompt_field="input",
    paths=(
        "/v1/responses",
        # As Azure has it.
        "/openai/v1/responses",
        "/openai/responses",
    ),
    parse=lambda received: parse_request(
        received.body,
        received.headers,
        fingerprint=received.fingerprint,
    ),
    answer=lambda request, answer, seed: ResponseReply(
        request=request, answer=answer, seed=seed
    ),
)
