"""Drives the `ollama` SDK: chat and generate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ollama
from tests.sdks.drivers.driving import Ask, Cell, Seen, in_thread, kept, main
from tests.sdks.drivers.tools import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ollama import ChatResponse, GenerateResponse

MODEL = "llama3.2"


def note_ending(part: ChatResponse | GenerateResponse, seen: Seen) -> None:
    seen.stop = part.done_reason or seen.stop
    seen.count(input=part.prompt_eval_count, output=part.eval_count)


def note_chat(part: ChatResponse, seen: Seen) -> None:
    seen.add_text(part.message.content)
    seen.thoughts += part.message.thinking or ""
    for call in part.message.tool_calls or []:
        seen.add_tool(call.function.name, call.function.arguments)
    note_ending(part, seen)


def note_generate(part: GenerateResponse, seen: Seen) -> None:
    seen.add_text(part.response)
    seen.thoughts += part.thinking or ""
    note_ending(part, seen)


TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": schema}}
    for name, schema in SCHEMAS.items()
]


def tools(cell: Cell) -> list[dict[str, Any]] | None:
    return TOOLS if cell.offers_tools else None


def user(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]


def chat_surfaces(
    client: Callable[[float], ollama.AsyncClient],
    sync_client: Callable[[float], ollama.Client],
) -> Mapping[str, Ask]:
    async def stream(cell: Cell, seen: Seen) -> None:
        async for part in await client(cell.timeout_s).chat(
            model=MODEL, messages=user(cell.prompt), tools=tools(cell), stream=True
        ):
            note_chat(part, seen)

    def stream_sync(cell: Cell, seen: Seen) -> None:
        for part in sync_client(cell.timeout_s).chat(
            model=MODEL, messages=user(cell.prompt), tools=tools(cell), stream=True
        ):
            note_chat(part, seen)

    async def whole(cell: Cell, seen: Seen) -> None:
        part = await client(cell.timeout_s).chat(
            model=MODEL, messages=user(cell.prompt), tools=tools(cell)
        )
        note_chat(part, seen)

    return {
        "chat-stream": stream,
        "chat-stream-sync": in_thread(stream_sync),
        "chat-whole": whole,
    }


def generate_surfaces(
    client: Callable[[float], ollama.AsyncClient],
) -> Mapping[str, Ask]:
    """Make the ways of asking for a completion; it knows no tools."""

    async def stream(cell: Cell, seen: Seen) -> None:
        async for part in await client(cell.timeout_s).generate(
            model=MODEL, prompt=cell.prompt, stream=True
        ):
            note_generate(part, seen)

    async def whole(cell: Cell, seen: Seen) -> None:
        part = await client(cell.timeout_s).generate(model=MODEL, prompt=cell.prompt)
        note_generate(part, seen)

    return {"generate-stream": stream, "generate-whole": whole}


def surfaces(url: str) -> Mapping[str, Ask]:
    @kept
    def client(timeout_s: float) -> ollama.AsyncClient:
        return ollama.AsyncClient(host=url, timeout=timeout_s)

    @kept
    def sync_client(timeout_s: float) -> ollama.Client:
        return ollama.Client(host=url, timeout=timeout_s)

    return {**chat_surfaces(client, sync_client), **generate_surfaces(client)}


if __name__ == "__main__":
    main(surfaces)
