"""What the real SDKs make of odd streams is what `fakes/README.md` says.

The installed SDKs, each over a socket; the table of the page is the expectation.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

import anthropic
import google.genai
import ollama
import openai
import pytest
from google.genai.types import HttpOptions

from streamproof import fakes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streamproof.fakes import Server

PAGE = (Path(fakes.__file__).parent / "README.md").read_text("utf-8")
TEXT = "one twó three four"
CUT = "one twó "
# What a table's cell says of the text that a client ends up with.
TOLD = {
    "": TEXT,
    "text twice": "one twó twó three four",
    "no text": "",
    "text cut": CUT,
}


def chat(url: str, prompt: str) -> Iterator[str]:
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)
    with client:
        stream = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": prompt}], stream=True
        )
        for chunk in stream:
            for choice in chunk.choices:
                yield choice.delta.content or ""


def responses(url: str, prompt: str) -> Iterator[str]:
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)
    with client:
        stream = client.responses.create(model="m", input=prompt, stream=True)
        for event in stream:
            if event.type == "response.output_text.delta":
                yield event.delta


def messages(url: str, prompt: str) -> Iterator[str]:
    client = anthropic.Anthropic(base_url=url, api_key="any", max_retries=0)
    with client:
        stream = client.messages.create(
            model="m",
            max_tokens=100,
            messages=[{"role": "user", "content": prompt}],
            stream=True,
        )
        for event in stream:
            if event.type == "content_block_delta":
                yield getattr(event.delta, "text", "")


def content(url: str, prompt: str) -> Iterator[str]:
    options = HttpOptions(base_url=url)
    client = google.genai.Client(api_key="any", http_options=options)
    try:
        for chunk in client.models.generate_content_stream(model="m", contents=prompt):
            yield "".join(part.text or "" for part in chunk.parts or [])
    finally:
        client.close()


def lines(url: str, prompt: str) -> Iterator[str]:
    client = ollama.Client(host=url)
    try:
        for line in client.chat(
            model="m", messages=[{"role": "user", "content": prompt}], stream=True
        ):
            yield line.message.content or ""
    finally:
        # It has no way to close what it opened.
        client._client.close()


CLIENTS: dict[str, Callable[[str, str], Iterator[str]]] = {
    "openai_chat": chat,
    "openai_responses": responses,
    "anthropic": messages,
    "gemini": content,
    "ollama": lines,
}


def read_all(pieces: Iterator[str]) -> tuple[str, Exception | None]:
    """Return the text that came, and what was raised after it."""
    received = ""
    try:
        for piece in pieces:
            received += piece
    except Exception as error:  # noqa: BLE001 -- each SDK raises as it likes
        return received, error
    return received, None


def rows() -> list[tuple[str, str, str]]:
    """Read the table: words of a script, provider, and what its SDK makes of them."""
    table = PAGE.partition("What real SDKs make of all that")[2].partition("\n\n###")[0]
    head, *others = re.findall(r"^\| (.*) \|$", table, re.MULTILINE)
    providers = [name.strip(" `") for name in head.split("|")[1:]]
    return [
        (words.strip(" `"), provider, cell.strip())
        for words, *cells in (row.split("|") for row in others)
        for provider, cell in zip(providers, cells, strict=True)
    ]


@pytest.mark.parametrize(("words", "provider", "told"), rows())
async def test_an_sdk_makes_of_an_odd_stream_what_the_page_says(
    words: str, provider: str, told: str, server: Server
) -> None:
    prompt = f'[[fake:say text="{TEXT}"]] [[fake:delay each=8]] [[fake:{words}]]'
    received, raised = await asyncio.to_thread(
        read_all, CLIENTS[provider](server.url, prompt)
    )

    if told in {"raises", "refused"}:
        assert raised is not None
        assert (getattr(raised, "status_code", None) == 400) == (told == "refused")
    else:
        assert raised is None
        assert received == TOLD[told]


def test_the_page_speaks_of_every_provider() -> None:
    assert {provider for _, provider, _ in rows()} == set(CLIENTS)
