"""Drives `langchain-openai`: Chat Completions and Responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# An environment of its own holds this SDK, the one that checks types does not.
from langchain_openai import ChatOpenAI  # type: ignore[import-not-found]
from tests.sdks.drivers.driving import Ask, kept, main
from tests.sdks.drivers.langchain_messages import streamed_by, whole_by

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL = "gpt-4o-mini"


def surfaces(url: str) -> Mapping[str, Ask]:
    def make(timeout_s: float, *, responses: bool) -> Any:  # noqa: ANN401 -- untyped
        return ChatOpenAI(
            model=MODEL,
            base_url=f"{url}/v1",
            api_key="any",
            timeout=timeout_s,
            use_responses_api=responses,
            stream_usage=True,  # left off by default for a base URL of one's own
        )

    chat = kept(lambda timeout_s: make(timeout_s, responses=False))
    responses = kept(lambda timeout_s: make(timeout_s, responses=True))

    return {
        "chat-stream": streamed_by(chat),
        "chat-whole": whole_by(chat),
        "responses-stream": streamed_by(responses),
        "responses-whole": whole_by(responses),
    }


if __name__ == "__main__":
    main(surfaces)
