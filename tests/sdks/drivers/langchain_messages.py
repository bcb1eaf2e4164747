"""What a LangChain message tells, whichever model it came from.

The drivers of `langchain-openai` and `langchain-anthropic` share it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.messages import AIMessageChunk
from tests.sdks.drivers.tools import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.language_models import BaseChatModel, LanguageModelInput
    from langchain_core.messages import AIMessage
    from langchain_core.messages.ai import UsageMetadata
    from langchain_core.runnables import Runnable
    from tests.sdks.drivers.driving import Ask, Cell, Seen


def note_usage(usage: UsageMetadata | None, seen: Seen) -> None:
    if usage is None:
        return
    seen.count(
        input=usage["input_tokens"],
        output=usage["output_tokens"],
        cached=usage.get("input_token_details", {}).get("cache_read"),
        thinking=usage.get("output_token_details", {}).get("reasoning"),
    )


def note_message(message: AIMessage, seen: Seen) -> None:
    """Write down a whole message, or the sum of all chunks."""
    for block in message.content_blocks:
        if block["type"] == "reasoning":
            seen.thoughts += block.get("reasoning", "")
    for call in message.tool_calls:
        seen.add_tool(call["name"], call["args"])
    seen.refusal = message.additional_kwargs.get("refusal") or ""
    for part in message.content:
        if isinstance(part, dict) and part["type"] == "refusal":
            seen.refusal += part["refusal"]
    told = message.response_metadata
    stop = told.get("finish_reason") or told.get("stop_reason")
    why = told.get("incomplete_details") or {}
    seen.stop = stop or why.get("reason") or told.get("status")
    note_usage(message.usage_metadata, seen)


TOOLS = [
    {
        "type": "function",
        "function": {"name": name, "description": name, "parameters": schema},
    }
    for name, schema in SCHEMAS.items()
]


def asked(model: BaseChatModel, cell: Cell) -> Runnable[LanguageModelInput, AIMessage]:
    return model.bind_tools(TOOLS) if cell.offers_tools else model


def streamed_by(model: Callable[[float], BaseChatModel]) -> Ask:
    """Ask and write down the text of every chunk, then what their sum tells."""

    async def ask(cell: Cell, seen: Seen) -> None:
        total: AIMessageChunk | None = None
        async for chunk in asked(model(cell.timeout_s), cell).astream(cell.prompt):
            assert isinstance(chunk, AIMessageChunk)
            seen.add_text(chunk.text)
            seen.tool_pieces += sum(1 for c in chunk.tool_call_chunks if c["args"])
            total = chunk if total is None else total + chunk
        if total is not None:
            note_message(total, seen)

    return ask


def whole_by(model: Callable[[float], BaseChatModel]) -> Ask:
    async def ask(cell: Cell, seen: Seen) -> None:
        message = await asked(model(cell.timeout_s), cell).ainvoke(cell.prompt)
        seen.add_text(message.text)
        note_message(message, seen)

    return ask
