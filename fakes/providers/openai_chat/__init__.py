"""OpenAI Chat Completions: what is asked, what is said, how it is refused.

Formats after the public reference,
https://platform.openai.com/docs/api-reference/chat and …/chat-streaming.
Pure; every id, date and padding derives from the seed and the request, so the same
request is answered with the same bytes.
"""

from __future__ import annotations

from typing import Final

from .errors import encode_error
from .reply import ChatReply
from .request import ChatRequest, parse_request

__all__ = ["NAME", "PATH", "ChatReply", "ChatRequest", "encode_error", "parse_request"]

NAME: Final = "openai_chat"
PATH: Final = "/v1/chat/completions"
