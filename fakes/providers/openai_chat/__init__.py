"""OpenAI Chat Completions: what is asked, what is said, how it is refused.

The endpoint that most clients of most services speak. Formats after the public
reference, https://platform.openai.com/docs/api-reference/chat and …/chat-streaming.
Pure; every id, date and padding derives from the seed and the request, so the same
request is answered with the same bytes.
"""

from __future__ import annotations

from typing import Final

from ..openai_service import Endpoint
from .reply import ChatReply
from .request import ChatRequest, parse_request

__all__ = ["OPENAI_CHAT", "ChatReply", "ChatRequest", "parse_request"]

OPENAI_CHAT: Final = Endpoint(
    name="openai_chat",
    prompt_field="messages",
    paths=(
        "/v1/chat/completions",
        # As Azure has it.
        "/openai/v1/chat/completions",
        "/openai/deployments/{deployment}/chat/completions",
    ),
    parse=lambda received: parse_request(
        received.body,
        received.headers,
        fingerprint=received.fingerprint,
        deployment=received.params.get("deployment"),
    ),
    answer=lambda request, answer, seed: ChatReply(
        request=request, answer=answer, seed=seed
    ),
)
