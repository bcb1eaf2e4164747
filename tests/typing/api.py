"""The public names as a user writes them; never run, but read by mypy (strict).

A change that breaks a line here breaks users: of the decoder and transcripts, of
profiles, of the fakes as a server, in process, as fixtures and as a recorder, and of
the reference server as an application.
"""

from pathlib import Path
from typing import assert_type

import httpx
import respx
from starlette.applications import Starlette

from streamproof.conformance.catalogue import requirements
from streamproof.conformance.model import Requirement
from streamproof.conformance.profiles import Profile, built_in_names, load, parse
from streamproof.conformance.wire import (
    Anomaly,
    Block,
    Comment,
    Decoder,
    Event,
    TimedItem,
    Transcript,
)
from streamproof.fakes import (
    AsyncClient,
    Client,
    Library,
    Match,
    Rule,
    Script,
    Server,
    Settings,
    ThreadServer,
)
from streamproof.fakes.control.records import CallRecord
from streamproof.fakes.inprocess import Application, InProcess, add_route
from streamproof.fakes.recording import (
    RecorderSettings,
    Recordings,
    load_recordings,
    recording,
)
from streamproof.fakes.script import (
    Cost,
    Delay,
    Drop,
    Fail,
    Hold,
    Say,
    Stall,
    Tool,
    load_library,
)
from streamproof.reference_server import Settings as ServerSettings
from streamproof.reference_server import create_app


def decode(body: bytes) -> None:
    decoder = Decoder(max_line_bytes=1024)
    assert_type(decoder.feed(body), list[Event | Comment | Block])
    assert_type(decoder.close(), list[Event | Comment | Block])
    assert_type(decoder.last_event_id, str)
    assert_type(decoder.anomalies, list[Anomaly])
    for item in decoder.feed(body):
        match item:
            case Event():
                assert_type(item.id, str | None)
            case Comment():
                assert_type(item.text, str)
            case Block():
                assert_type(item.start, int)


def read_a_transcript(text: str) -> None:
    transcript = Transcript.from_jsonl(text)
    assert_type(transcript, Transcript)
    assert_type(transcript.events, tuple[TimedItem[Event], ...])
    assert_type(transcript.to_jsonl(secrets={"secret"}), str)


def read_a_profile(text: str) -> None:
    assert_type(load("pipeline", ["heartbeat.interval_s=0.3"]), Profile)
    assert_type(parse(text, origin="mine.toml"), Profile)
    assert_type(built_in_names(), list[str])
    assert_type(requirements(), tuple[Requirement, ...])


def write_a_script() -> Library:
    script = Script(
        say=(Say(text="Let me look. "), Tool(name="get_weather", arguments="{}")),
        usage=Cost(input_tokens=900),
        delay=Delay(first_ms=200, tokens_per_s=50),
        stall=(Stall(after=3, ms=400),),
        hold=(Hold(at="token", after=2),),
        drop=Drop(after=6, how="rst"),
    )
    busy = Script(fail=Fail(status=429, retry_after_s=1.5))
    rule = Rule(match=Match(model="gpt-*"), scripts=("busy", script))
    assert_type(load_library(Path("scripts.toml")), Library)
    return Library(scripts={"busy": busy}, rules=(rule,))


def ask_the_fakes(library: Library) -> None:
    with ThreadServer(Settings(seed=1, library=library)) as server:
        assert_type(server.url, str)
        with Client(server.url) as fakes:
            assert_type(fakes.put_script("k", Script()), None)
            call = fakes.wait_for("k", "token:3", timeout_s=1.0)
            assert_type(call, CallRecord)
            assert_type(fakes.calls(), list[CallRecord])
            assert_type(fakes.release("k"), int)
            fakes.assert_cancelled("k", within_ms=100, since="token:3")


async def ask_the_fakes_in_a_loop(library: Library) -> None:
    async with Server(Settings(library=library)) as server:
        assert_type(server.url, str)
        async with AsyncClient(server.url) as fakes:
            assert_type(await fakes.wait_for("k"), CallRecord)
            await fakes.assert_no_leaked_calls()


def ask_in_process(library: Library, router: respx.Router) -> None:
    fakes = InProcess(library, seed=1)
    with httpx.Client(transport=fakes.transport()) as client:
        assert_type(client, httpx.Client)
    Application(fakes)
    add_route(router, fakes)


def use_the_fixtures(fake_llm: Client, async_fake_llm: AsyncClient) -> None:
    fake_llm.put_library(Library())
    assert_type(async_fake_llm.url, str)


async def record(cassette: Path) -> None:
    settings = RecorderSettings(upstream="https://service.example", cassette=cassette)
    async with recording(settings) as url:
        assert_type(url, str)
    assert_type(load_recordings([cassette], speed=2.0), Recordings)


def serve() -> None:
    settings = ServerSettings(upstream_url="http://127.0.0.1:9000/v1")
    assert_type(create_app(settings), Starlette)
