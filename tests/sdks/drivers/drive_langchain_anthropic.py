"""Drives `langchain-anthropic`: Messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# An environment of its own holds this SDK, the one that checks types does not.
from langchain_anthropic import ChatAnthropic  # type: ignore[import-not-found]
from tests.sdks.drivers.driving import Ask, kept, main
from tests.sdks.drivers.langchain_messages import streamed_by, whole_by

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL = "claude-any"
MAX_TOKENS = 100


def surfaces(url: str) -> Mapping[str, Ask]:
    @kept
    def model(timeout_s: float) -> Any:  # noqa: ANN401 -- untyped
        return ChatAnthropic(
            model=MODEL,
            base_url=url,
            api_key="any",
            timeout=timeout_s,
            max_tokens=MAX_TOKENS,
        )

    return {"stream": streamed_by(model), "whole": whole_by(model)}


if __name__ == "__main__":
    main(surfaces)
