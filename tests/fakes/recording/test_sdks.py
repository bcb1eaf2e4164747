"""The real SDKs recorded and replayed: they see the same, and cost no recording."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anthropic
import openai
from tests.fakes.recording.stages import Reports, replaying

from streamproof.fakes.recording import RecorderSettings, load_recordings, recording
from streamproof.fakes.recording.cassette import End

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.raw_client import ControlClient

    from streamproof.fakes import Server

KEY = "sk-proj-0123456789abcdef"
PROMPT = (
    '[[fake:think tokens=2]] [[fake:say text="grün 🙂 and plain"]] '
    '[[fake:tool name=f arguments="{\\"a\\": 1}"]]'
)


def ask_openai(url: str, prompt: str = PROMPT) -> list[str]:
    """Read a stream with the synchronous client, which leaves at `[DONE]`."""
    with openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, timeout=20) as client:
        chunks = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": prompt}], stream=True
        )
        return [chunk.to_json() for chunk in chunks]


async def ask_anthropic(url: str) -> str:
    async with (
        anthropic.AsyncAnthropic(base_url=url, api_key=KEY, timeout=20) as client,
        client.messages.stream(
            model="m", max_tokens=99, messages=[{"role": "user", "content": PROMPT}]
        ) as stream,
    ):
        return (await stream.get_final_message()).to_json()


async def test_the_openai_sdk_sees_the_same_three_times(
    server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "c.jsonl"
    said = await asyncio.to_thread(ask_openai, server.url)
    async with recording(RecorderSettings(upstream=server.url, cassette=path)) as url:
        passed_on = await asyncio.to_thread(ask_openai, url)
    async with replaying(load_recordings([path], speed=0)) as (url, _):
        replayed = await asyncio.to_thread(ask_openai, url)

    assert len(said) > 5
    assert said == passed_on == replayed
    assert KEY not in path.read_text("utf-8")


async def test_the_anthropic_sdk_sees_the_same_three_times(
    server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "c.jsonl"
    said = await ask_anthropic(server.url)
    async with recording(RecorderSettings(upstream=server.url, cassette=path)) as url:
        passed_on = await ask_anthropic(url)
    async with replaying(load_recordings([path], speed=0)) as (url, _):
        replayed = await ask_anthropic(url)

    assert "grün" in said
    assert said == passed_on == replayed
    assert KEY not in path.read_text("utf-8")


async def test_the_sync_openai_client_leaves_at_done_and_all_is_recorded(
    server: Server, control: ControlClient, tmp_path: Path
) -> None:
    path = tmp_path / "c.jsonl"
    reports = Reports()
    async with recording(
        RecorderSettings(upstream=server.url, cassette=path, report=reports)
    ) as url:
        await asyncio.to_thread(ask_openai, url, "[[fake:hold at=body_end call=k]]")
        # The client is through, and the service has not said its last byte.
        assert reports.is_empty
        await control.release("k")
        await reports.next()
        call = await control.wait("k", "ended")
    (track,) = load_recordings([path]).tracks

    assert call["outcome"] == "completed"
    assert track.recording.end is End.COMPLETE
    assert track.recording.response.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
