"""Drives the `google-genai` SDK: generateContent, streamed and whole.

`retrying-…` has retries switched on; without that the SDK asks once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from google import genai
from google.genai import types
from tests.sdks.drivers.driving import Ask, Cell, Seen, in_thread, kept, main
from tests.sdks.drivers.tools import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MODEL = "gemini-any"
# Its own wait is made short and certain, so that it can be told from one it was told.
RETRYING = types.HttpRetryOptions(attempts=3, initial_delay=0.1, jitter=0.0)
TOOLS: list[types.ToolUnion] = [
    types.Tool(
        function_declarations=[
            types.FunctionDeclaration(name=name, parameters_json_schema=schema)
            for name, schema in SCHEMAS.items()
        ]
    )
]


def note_response(response: types.GenerateContentResponse, seen: Seen) -> None:
    for candidate in response.candidates or []:
        for part in (candidate.content and candidate.content.parts) or []:
            if part.function_call:
                seen.add_tool(part.function_call.name or "", part.function_call.args)
            elif part.thought:
                seen.thoughts += part.text or ""
            else:
                seen.add_text(part.text)
        if candidate.finish_reason:
            seen.stop = candidate.finish_reason.value
        seen.refusal = candidate.finish_message or seen.refusal
    if usage := response.usage_metadata:
        seen.count(
            input=usage.prompt_token_count,
            output=usage.candidates_token_count,
            cached=usage.cached_content_token_count,
            thinking=usage.thoughts_token_count,
        )


def config(cell: Cell) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(tools=TOOLS if cell.offers_tools else None)


def streamed_by(client: Callable[[float], genai.Client]) -> Ask:
    async def ask(cell: Cell, seen: Seen) -> None:
        models = client(cell.timeout_s).aio.models
        async for response in await models.generate_content_stream(
            model=MODEL, contents=cell.prompt, config=config(cell)
        ):
            note_response(response, seen)

    return ask


def whole_by(client: Callable[[float], genai.Client]) -> Ask:
    async def ask(cell: Cell, seen: Seen) -> None:
        response = await client(cell.timeout_s).aio.models.generate_content(
            model=MODEL, contents=cell.prompt, config=config(cell)
        )
        note_response(response, seen)

    return ask


def streamed_in_thread_by(client: Callable[[float], genai.Client]) -> Ask:
    def ask(cell: Cell, seen: Seen) -> None:
        for response in client(cell.timeout_s).models.generate_content_stream(
            model=MODEL, contents=cell.prompt, config=config(cell)
        ):
            note_response(response, seen)

    return in_thread(ask)


def surfaces(url: str) -> Mapping[str, Ask]:
    def make(timeout_s: float, retries: types.HttpRetryOptions | None) -> genai.Client:
        options = types.HttpOptions(
            base_url=url, timeout=int(timeout_s * 1000), retry_options=retries
        )
        return genai.Client(api_key="any", http_options=options)

    once = kept(lambda timeout_s: make(timeout_s, None))
    again = kept(lambda timeout_s: make(timeout_s, RETRYING))

    return {
        "stream": streamed_by(once),
        "stream-sync": streamed_in_thread_by(once),
        "whole": whole_by(once),
        "retrying-stream": streamed_by(again),
        "retrying-whole": whole_by(again),
    }


if __name__ == "__main__":
    main(surfaces)
