"""Drives the `anthropic` SDK: Messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anthropic
from tests.sdks.drivers.driving import Ask, Cell, Seen, in_thread, kept, main
from tests.sdks.drivers.tools import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anthropic.types import (
        Message,
        MessageDeltaUsage,
        MessageParam,
        RawMessageStreamEvent,
        ToolParam,
        Usage,
    )

MODEL = "claude-any"
MAX_TOKENS = 100


def user(prompt: str) -> list[MessageParam]:
    return [{"role": "user", "content": prompt}]


def note_usage(usage: Usage | MessageDeltaUsage, seen: Seen) -> None:
    details = usage.output_tokens_details
    seen.count(
        input=usage.input_tokens,
        output=usage.output_tokens,
        cached=usage.cache_read_input_tokens,
        thinking=details.thinking_tokens if details else None,
    )


def note_event(event: RawMessageStreamEvent, seen: Seen) -> None:
    match event.type:
        case "message_start":
            note_usage(event.message.usage, seen)
        case "content_block_start" if event.content_block.type == "tool_use":
            seen.open_tool(event.content_block.name)
        case "content_block_delta":
            match event.delta.type:
                case "text_delta":
                    seen.add_text(event.delta.text)
                case "thinking_delta":
                    seen.thoughts += event.delta.thinking
                case "input_json_delta":
                    # Blocks follow each other: a piece belongs to the last one.
                    seen.extend_tool(-1, event.delta.partial_json)
        case "message_delta":
            seen.stop = event.delta.stop_reason
            if details := event.delta.stop_details:
                seen.refusal = details.explanation or ""
            note_usage(event.usage, seen)


def note_message(message: Message, seen: Seen) -> None:
    for block in message.content:
        match block.type:
            case "text":
                seen.add_text(block.text)
            case "thinking":
                seen.thoughts += block.thinking
            case "tool_use":
                seen.add_tool(block.name, block.input)
    seen.stop = message.stop_reason
    if message.stop_details:
        seen.refusal = message.stop_details.explanation or ""
    note_usage(message.usage, seen)


TOOLS: list[ToolParam] = [
    {"name": name, "input_schema": schema} for name, schema in SCHEMAS.items()
]


def tools(cell: Cell) -> list[ToolParam] | anthropic.Omit:
    return TOOLS if cell.offers_tools else anthropic.omit


def surfaces(url: str) -> Mapping[str, Ask]:
    @kept
    def client(timeout_s: float) -> anthropic.AsyncAnthropic:
        return anthropic.AsyncAnthropic(base_url=url, api_key="any", timeout=timeout_s)

    @kept
    def sync_client(timeout_s: float) -> anthropic.Anthropic:
        return anthropic.Anthropic(base_url=url, api_key="any", timeout=timeout_s)

    async def stream(cell: Cell, seen: Seen) -> None:
        async for event in await client(cell.timeout_s).messages.create(
            model=MODEL,
            max_tokens=MAX_TOKENS,
            messages=user(cell.prompt),
            tools=tools(cell),
            stream=True,
        ):
            note_event(event, seen)

    def stream_sync(cell: Cell, seen: Seen) -> None:
        for event in sync_client(cell.timeout_s).messages.create(
            model=MODEL,
            max_tokens=MAX_TOKENS,
            messages=user(cell.prompt),
            tools=tools(cell),
            stream=True,
        ):
            note_event(event, seen)

    async def helper(cell: Cell, seen: Seen) -> None:
        async with client(cell.timeout_s).messages.stream(
            model=MODEL,
            max_tokens=MAX_TOKENS,
            messages=user(cell.prompt),
            tools=tools(cell),
        ) as events:
            message = await events.get_final_message()
        note_message(message, seen)

    async def whole(cell: Cell, seen: Seen) -> None:
        message = await client(cell.timeout_s).messages.create(
            model=MODEL,
            max_tokens=MAX_TOKENS,
            messages=user(cell.prompt),
            tools=tools(cell),
        )
        note_message(message, seen)

    return {
        "stream": stream,
        "stream-sync": in_thread(stream_sync),
        "helper": helper,
        "whole": whole,
    }


if __name__ == "__main__":
    main(surfaces)
