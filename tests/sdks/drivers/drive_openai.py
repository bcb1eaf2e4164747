"""Drives the `openai` SDK, 2.x and 3.x: Chat Completions and Responses.

It must not use what only one of the two major versions has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import openai
from tests.sdks.drivers.driving import Ask, Cell, Seen, in_thread, kept, main
from tests.sdks.drivers.tools import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from openai.types import CompletionUsage
    from openai.types.chat import (
        ChatCompletion,
        ChatCompletionChunk,
        ChatCompletionFunctionToolParam,
        ChatCompletionMessageParam,
        ChatCompletionStreamOptionsParam,
    )
    from openai.types.responses import Response, ResponseStreamEvent, ToolParam

MODEL = "gpt-4o-mini"


def user(prompt: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": prompt}]


def note_usage(usage: CompletionUsage | None, seen: Seen) -> None:
    if usage is None:
        return
    told, made = usage.prompt_tokens_details, usage.completion_tokens_details
    seen.count(
        input=usage.prompt_tokens,
        output=usage.completion_tokens,
        cached=told.cached_tokens if told else None,
        thinking=made.reasoning_tokens if made else None,
    )


def note_chunk(chunk: ChatCompletionChunk, seen: Seen) -> None:
    note_usage(chunk.usage, seen)
    for choice in chunk.choices:
        delta = choice.delta
        seen.add_text(delta.content)
        # A field that the SDK does not know and yet hands on.
        seen.thoughts += getattr(delta, "reasoning_content", None) or ""
        seen.refusal += delta.refusal or ""
        for call in delta.tool_calls or []:
            if call.function and call.function.name:
                seen.open_tool(call.function.name)
            if call.function:
                seen.extend_tool(call.index, call.function.arguments)
        seen.stop = choice.finish_reason or seen.stop


def note_completion(completion: ChatCompletion, seen: Seen) -> None:
    note_usage(completion.usage, seen)
    (choice,) = completion.choices
    seen.add_text(choice.message.content)
    seen.thoughts = getattr(choice.message, "reasoning_content", None) or ""
    seen.refusal = choice.message.refusal or ""
    for call in choice.message.tool_calls or []:
        if call.type == "function":
            seen.add_tool(call.function.name, call.function.arguments)
    seen.stop = choice.finish_reason


def note_event(event: ResponseStreamEvent, seen: Seen) -> None:
    match event.type:
        case "response.output_text.delta":
            seen.add_text(event.delta)
        case "response.refusal.delta":
            seen.refusal += event.delta
        case "response.reasoning_summary_text.delta":
            seen.thoughts += event.delta
        case "response.output_item.added" if event.item.type == "function_call":
            seen.open_tool(event.item.name)
        case "response.function_call_arguments.delta":
            # Calls follow each other: a piece belongs to the one opened last.
            seen.extend_tool(-1, event.delta)
        case "response.completed" | "response.incomplete" | "response.failed":
            note_ending(event.response, seen)
        case "error":
            seen.error = {
                "type": "an error event",
                "message": event.message,
                "raised": False,
            }


def note_ending(response: Response, seen: Seen) -> None:
    why = response.incomplete_details
    seen.stop = why.reason if why else response.status
    if usage := response.usage:
        seen.count(
            input=usage.input_tokens,
            output=usage.output_tokens,
            cached=usage.input_tokens_details.cached_tokens,
            thinking=usage.output_tokens_details.reasoning_tokens,
        )


def note_response(response: Response, seen: Seen) -> None:
    for item in response.output:
        match item.type:
            case "message":
                for part in item.content:
                    if part.type == "output_text":
                        seen.add_text(part.text)
                    else:
                        seen.refusal += part.refusal
            case "reasoning":
                seen.thoughts += "".join(summary.text for summary in item.summary)
            case "function_call":
                seen.add_tool(item.name, item.arguments)
    note_ending(response, seen)


CHAT_TOOLS: list[ChatCompletionFunctionToolParam] = [
    {
        "type": "function",
        "function": {"name": name, "parameters": schema, "strict": True},
    }
    for name, schema in SCHEMAS.items()
]
RESPONSES_TOOLS: list[ToolParam] = [
    {"type": "function", "name": name, "parameters": schema, "strict": True}
    for name, schema in SCHEMAS.items()
]
WITH_USAGE: ChatCompletionStreamOptionsParam = {"include_usage": True}


def chat_tools(cell: Cell) -> list[ChatCompletionFunctionToolParam] | openai.Omit:
    return CHAT_TOOLS if cell.offers_tools else openai.omit


def responses_tools(cell: Cell) -> list[ToolParam] | openai.Omit:
    return RESPONSES_TOOLS if cell.offers_tools else openai.omit


def chat_surfaces(
    client: Callable[[float], openai.AsyncOpenAI],
    sync_client: Callable[[float], openai.OpenAI],
) -> Mapping[str, Ask]:
    async def stream(cell: Cell, seen: Seen) -> None:
        async for chunk in await client(cell.timeout_s).chat.completions.create(
            model=MODEL,
            messages=user(cell.prompt),
            tools=chat_tools(cell),
            stream=True,
            stream_options=WITH_USAGE,
        ):
            note_chunk(chunk, seen)

    def stream_sync(cell: Cell, seen: Seen) -> None:
        for chunk in sync_client(cell.timeout_s).chat.completions.create(
            model=MODEL,
            messages=user(cell.prompt),
            tools=chat_tools(cell),
            stream=True,
            stream_options=WITH_USAGE,
        ):
            note_chunk(chunk, seen)

    async def helper(cell: Cell, seen: Seen) -> None:
        async with client(cell.timeout_s).chat.completions.stream(
            model=MODEL,
            messages=user(cell.prompt),
            tools=chat_tools(cell),
            stream_options=WITH_USAGE,
        ) as events:
            completion = await events.get_final_completion()
        note_completion(completion, seen)

    async def whole(cell: Cell, seen: Seen) -> None:
        completion = await client(cell.timeout_s).chat.completions.create(
            model=MODEL, messages=user(cell.prompt), tools=chat_tools(cell)
        )
        note_completion(completion, seen)

    return {
        "chat-stream": stream,
        "chat-stream-sync": in_thread(stream_sync),
        "chat-helper": helper,
        "chat-whole": whole,
    }


def responses_surfaces(
    client: Callable[[float], openai.AsyncOpenAI],
) -> Mapping[str, Ask]:
    async def stream(cell: Cell, seen: Seen) -> None:
        async for event in await client(cell.timeout_s).responses.create(
            model=MODEL, input=cell.prompt, tools=responses_tools(cell), stream=True
        ):
            note_event(event, seen)

    async def helper(cell: Cell, seen: Seen) -> None:
        async with client(cell.timeout_s).responses.stream(
            model=MODEL, input=cell.prompt, tools=responses_tools(cell)
        ) as events:
            response = await events.get_final_response()
        note_response(response, seen)

    async def whole(cell: Cell, seen: Seen) -> None:
        response = await client(cell.timeout_s).responses.create(
            model=MODEL, input=cell.prompt, tools=responses_tools(cell)
        )
        note_response(response, seen)

    return {
        "responses-stream": stream,
        "responses-helper": helper,
        "responses-whole": whole,
    }


def surfaces(url: str) -> Mapping[str, Ask]:
    base_url = f"{url}/v1"

    @kept
    def client(timeout_s: float) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=base_url, api_key="any", timeout=timeout_s)

    @kept
    def sync_client(timeout_s: float) -> openai.OpenAI:
        return openai.OpenAI(base_url=base_url, api_key="any", timeout=timeout_s)

    return {**chat_surfaces(client, sync_client), **responses_surfaces(client)}


if __name__ == "__main__":
    main(surfaces)
