"""Recorded from our own fakes and replayed: the same bytes, reads and times."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import pytest
from tests.fakes.raw_client import RawClient
from tests.fakes.recording.stages import PATIENCE_S, Reports, replaying, upstream
from tests.fakes.virtual import VirtualLink, VirtualTimers

from streamproof.fakes import Server, Settings
from streamproof.fakes.calls.call import Outcome
from streamproof.fakes.calls.journal import Journal
from streamproof.fakes.net.http1 import RequestReader
from streamproof.fakes.net.link import Peer
from streamproof.fakes.recording import (
    RecorderSettings,
    Recordings,
    Replayer,
    load_recordings,
    recording,
)

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "sk-live/0123+abc=="
PROMPT = (
    '[[fake:think tokens=3]] [[fake:say text="grün 🙂 and plain words"]] '
    '[[fake:tool name=f arguments="{\\"a\\": 1}"]] [[fake:delay first=5 each=2]]'
)
MESSAGES = {"model": "m", "messages": [{"role": "user", "content": PROMPT}]}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": PROMPT}]}]}
GEMINI = "/v1beta/models/m"

CALLS = {
    "openai_chat": ("/v1/chat/completions", {**MESSAGES, "stream": True}),
    "openai_chat-whole": ("/v1/chat/completions", MESSAGES),
    "openai_responses": (
        "/v1/responses",
        {"model": "m", "input": PROMPT, "stream": True},
    ),
    "openai_responses-whole": ("/v1/responses", {"model": "m", "input": PROMPT}),
    "anthropic": ("/v1/messages", {**MESSAGES, "max_tokens": 99, "stream": True}),
    "anthropic-whole": ("/v1/messages", {**MESSAGES, "max_tokens": 99}),
    "gemini": (f"{GEMINI}:streamGenerateContent?alt=sse", CONTENTS),
    "gemini-array": (f"{GEMINI}:streamGenerateContent", CONTENTS),
    "gemini-whole": (f"{GEMINI}:generateContent", CONTENTS),
    "ollama": ("/api/chat", MESSAGES),
    "ollama-whole": ("/api/chat", {**MESSAGES, "stream": False}),
    "ollama-generate": ("/api/generate", {"model": "m", "prompt": PROMPT}),
}
REFUSED = {
    "openai_chat-400": ("/v1/chat/completions", {"model": "m"}),
    "anthropic-400": ("/v1/messages", {"model": "m"}),
}
FAULTS = {
    fault: (
        "/v1/chat/completions",
        {
            "model": "m",
            "messages": [{"role": "user", "content": f"[[fake:{fault}]]"}],
            "stream": True,
        },
    )
    for fault in ("fail status=429 retry_after=1", "drop after=3", "error after=2")
}
every_call = pytest.mark.parametrize(
    ("target", "body"),
    [
        pytest.param(*call, id=name.replace(" ", "-"))
        for name, call in {**CALLS, **REFUSED, **FAULTS}.items()
    ],
)


def request(target: str, body: object, *fields: str) -> bytes:
    data = json.dumps(body).encode()
    lines = [
        f"POST {target} HTTP/1.1",
        "host: fakes",
        f"authorization: Bearer {SECRET}",
        f"x-goog-api-key: {SECRET}",
        "anthropic-version: 2023-06-01",
        "connection: close",
        f"content-length: {len(data)}",
        *fields,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + data


async def ask(url: str, data: bytes) -> bytes:
    with await RawClient.connect(url) as client:
        await client.send(data)
        return await client.read_to_end()


@every_call
async def test_a_replay_gives_the_bytes_of_the_service_read_by_read(
    tmp_path: Path, target: str, body: object
) -> None:
    path = tmp_path / "c.jsonl"
    data = request(target, body)
    reordered = request(target, dict(reversed(json.loads(json.dumps(body)).items())))
    async with Server(Settings()) as server:
        said = await ask(server.url, data)
        settings = RecorderSettings(upstream=server.url, cassette=path)
        async with recording(settings) as url:
            passed_on = await ask(url, data)
    told = load_recordings([path], speed=0)
    async with replaying(told) as (url, _):
        replayed = await ask(url, reordered)

    assert said == passed_on == replayed

    link, timers = VirtualLink(), VirtualTimers()
    reader = RequestReader()
    reader.feed(reordered)
    parsed = reader.next_request()
    assert parsed is not None
    Replayer(told, timers=timers).handle(parsed, link, Journal(), Counter())
    timers.advance(0)
    reads = told.tracks[0].recording.reads
    assert link.writes == [read.data for read in reads]
    assert SECRET not in path.read_text("utf-8")


async def test_the_record_of_a_replay_tells_of_a_client_that_leaves(
    tmp_path: Path,
) -> None:
    path = tmp_path / "c.jsonl"
    target, body = CALLS["openai_chat"]
    async with Server(Settings()) as server:
        settings = RecorderSettings(upstream=server.url, cassette=path)
        async with recording(settings) as url:
            await ask(url, request(target, body))
    (track,) = load_recordings([path]).tracks
    first, *others = track.recording.reads
    held = replace(
        track.recording,
        reads=(replace(first, at_ms=0), *(replace(read, at_ms=1e9) for read in others)),
    )
    told = Recordings(tracks=(replace(track, recording=held),))
    async with replaying(told) as (url, journal):
        with await RawClient.connect(url) as client:
            await client.send(request(target, body, "x-fakes-key: k"))
            await client.read_until(b"\r\n\r\n")
            client.leave("rst")
        (call,) = journal.calls("k")
        async with asyncio.timeout(PATIENCE_S):
            while call.outcome is None:  # noqa: ASYNC110 -- no sleep, only turns
                await asyncio.sleep(0)

    assert call.outcome in {
        Outcome.CANCELLED_BEFORE_FIRST_TOKEN,
        Outcome.CANCELLED_MIDSTREAM,
    }
    assert call.peer is Peer.RST


async def test_no_spelling_of_a_secret_is_in_the_cassette(tmp_path: Path) -> None:
    quoted = quote(SECRET, safe="")
    spelled = [
        SECRET,
        quoted,
        quoted.lower(),
        SECRET.replace("/", "\\/"),
        base64.b64encode(SECRET.encode()).decode(),
        "fresh-cookie-value",
        "cookie-of-the-client",
    ]
    echo = " ".join(spelled).encode()
    half = echo.index(SECRET.encode()) + 5
    head = (
        b"HTTP/1.1 401 No\r\nSet-Cookie: sid=fresh-cookie-value; Path=/\r\n"
        b"X-Echo: " + SECRET.encode() + b"\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    pieces = [
        head,
        b"%x\r\n%b\r\n" % (half, echo[:half]),
        b"%x\r\n%b\r\n0\r\n\r\n" % (len(echo) - half, echo[half:]),
    ]

    async def talk(
        _: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    path = tmp_path / "c.jsonl"
    reports = Reports()
    target = f"/v1/x?key={quoted}&note={quoted}"
    fields = ("cookie: sid=cookie-of-the-client", f"referer: /?key={quoted}")
    async with (
        upstream(talk) as port,
        recording(
            RecorderSettings(
                upstream=f"http://127.0.0.1:{port}", cassette=path, report=reports
            )
        ) as url,
    ):
        sent = request(target, {"user": SECRET, "also": quoted}, *fields)
        passed_on = await ask(url, sent)
        report = await reports.next()
    written = path.read_text("utf-8")
    (track,) = load_recordings([path]).tracks

    # The client gets what was said; the cassette does not.
    assert passed_on == b"".join(pieces)
    for secret in spelled:
        assert secret.lower() not in written.lower(), secret
        assert secret not in report
    assert len(track.recording.response) == len(passed_on)
    assert "REDACTED" in track.recording.asked.target

    async with replaying(load_recordings([path], speed=0)) as (url, _):
        other_key = sent.replace(SECRET.encode(), b"sk-another-key-12345").replace(
            quoted.encode(), b"sk-another-key-12345"
        )
        length = len(other_key.partition(b"\r\n\r\n")[2])
        before = len(sent.partition(b"\r\n\r\n")[2])
        other_key = other_key.replace(
            b"content-length: %d" % before, b"content-length: %d" % length
        )
        replayed = await ask(url, other_key)

    assert replayed == track.recording.response


async def test_namespaces_count_their_requests_apart(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    target, body = "/v1/chat/completions", {**MESSAGES, "stream": True}
    async with (
        Server(Settings()) as server,
        recording(RecorderSettings(upstream=server.url, cassette=path)) as url,
    ):
        said = [
            await ask(url, request(target, body)),
            await ask(url, request(target, {**body, "model": "n"})),
        ]
    text = path.read_text("utf-8").replace(
        '\\"model\\": \\"n\\"', '\\"model\\": \\"m\\"'
    )
    path.write_text(text, "utf-8")
    async with Server(Settings(), load_recordings([path], speed=0)) as server:
        for space in ("", "/_ns/one", "/_ns/two"):
            heard = [
                await ask(server.url, request(f"{space}{target}", body))
                for _ in range(2)
            ]
            async with httpx.AsyncClient(base_url=server.url) as client:
                calls = (await client.get(f"{space}/_fakes/calls")).json()["calls"]

            assert heard == said
            assert [call["outcome"] for call in calls] == ["completed", "completed"]
