"""Fakes in process: what httpx and httpx2 clients see, and when it is for them."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anthropic
import httpx
import httpx2
import openai
import pytest

from streamproof.fakes.inprocess import InProcess
from streamproof.fakes.recording import load_recordings
from streamproof.fakes.script import Delay, Hold, Library, Say, Script, Stall

if TYPE_CHECKING:
    from types import ModuleType

LIBRARIES = [httpx, httpx2]
libraries = pytest.mark.parametrize("http", LIBRARIES, ids=lambda http: http.__name__)
MINUTE_S = 60.0


def ask(prompt: str, *, stream: bool = True) -> dict[str, Any]:
    return {
        "model": "m",
        "stream": stream,
        "messages": [{"role": "user", "content": prompt}],
    }


def client(fakes: InProcess, http: ModuleType = httpx, **more: object) -> Any:  # noqa: ANN401 -- of either library
    return http.Client(transport=fakes.transport(http), base_url="http://fakes", **more)


def async_client(fakes: InProcess, http: ModuleType = httpx, **more: object) -> Any:  # noqa: ANN401 -- of either library
    return http.AsyncClient(
        transport=fakes.transport(http), base_url="http://fakes", **more
    )


def the_call(fakes: InProcess) -> dict[str, Any]:
    call: dict[str, Any]
    (call,) = client(fakes).get("/_fakes/calls").json()["calls"]
    return call


@libraries
def test_pieces_come_one_by_one_at_their_times(http: ModuleType) -> None:
    fakes = InProcess()
    began = time.monotonic()
    seen = []
    prompt = '[[fake:say text="a b c"]] [[fake:delay first=60000 each=1000]]'
    with client(fakes, http, timeout=100).stream(
        "POST", "/api/chat", json=ask(prompt)
    ) as response:
        seen = [(fakes.clock.time(), piece[-20:]) for piece in response.iter_raw()]

    assert [at - 1000 for at, _ in seen] == [60, 61, 62, 62]
    assert time.monotonic() - began < MINUTE_S


@libraries
async def test_two_streams_share_one_time(http: ModuleType) -> None:
    fakes = InProcess(
        Library(
            scripts={"default": Script(say=(Say(tokens=3),), delay=Delay(each_ms=1000))}
        )
    )
    seen: list[tuple[float, str]] = []

    def note(name: str) -> None:
        seen.append((fakes.clock.time() - 1000, name))

    async def read(name: str, prompt: str) -> None:
        async with (
            async_client(fakes, http) as http_client,
            http_client.stream("POST", "/api/chat", json=ask(prompt)) as response,
        ):
            async for _ in response.aiter_raw():
                note(name)

    await asyncio.gather(read("a", "one"), read("b", "two"))

    assert [at for at, _ in seen] == sorted(at for at, _ in seen)
    for name in "ab":
        assert [at for at, who in seen if who == name] == [0, 1, 2, 2]


@libraries
@pytest.mark.parametrize(
    ("word", "error"),
    [
        ("drop after=2", "RemoteProtocolError"),
        ("drop after=2 how=half_close", "RemoteProtocolError"),
        ("drop after=2 how=rst", "ReadError"),
        ("stall after=2", "ReadTimeout"),
        ("stall after=2 ms=6000", "ReadTimeout"),
    ],
)
async def test_a_fault_is_what_it_is_on_a_socket(
    http: ModuleType, word: str, error: str
) -> None:
    fakes = InProcess()
    body = ask(f"[[fake:{word}]]")
    async with async_client(fakes, http).stream("POST", "/api/chat", json=body) as it:
        late = it.aiter_raw()
        told = [await anext(late), await anext(late)]
        with pytest.raises(getattr(http, error)):
            await anext(late)

    assert all(b'"done":false' in piece for piece in told)


def test_a_gate_is_outside_of_time_for_tasks_and_a_dead_end_without_them() -> None:
    fakes = InProcess(Library(scripts={"default": Script(hold=(Hold(at="end"),))}))
    with (
        pytest.raises(httpx.ReadTimeout),
        client(fakes).stream(
            "POST", "/api/chat", json=ask("[[fake:say call=k]]")
        ) as it,
    ):
        it.read()
    with (
        pytest.raises(httpx.ReadTimeout, match="nothing more will ever come"),
        client(fakes, timeout=None).stream(
            "POST", "/api/chat", json=ask("[[fake:say call=k2]]")
        ) as it,
    ):
        it.read()


async def test_a_held_call_waits_for_another_task_however_long() -> None:
    fakes = InProcess()
    http = async_client(fakes, timeout=0.1)
    prompt = "[[fake:hold at=end call=k]]"
    reading = asyncio.create_task(http.post("/api/chat", json=ask(prompt)))
    waited = await http.get("/_fakes/calls/k/1/wait", params={"state": "held"})
    for _ in range(1000):
        await asyncio.sleep(0)

    assert not reading.done()
    await http.post("/_fakes/gates/k/release")
    answer = await reading

    assert waited.json()["reached"]
    assert answer.text.endswith("}\n")


@libraries
def test_a_client_that_closes_is_seen_in_its_phase(http: ModuleType) -> None:
    fakes = InProcess()
    prompt = "[[fake:delay each=10]]"
    with client(fakes, http).stream("POST", "/api/chat", json=ask(prompt)) as response:
        next(response.iter_raw())

    assert the_call(fakes)["outcome"] == "cancelled_midstream"
    assert the_call(fakes)["peer"] == "fin"


async def test_a_cancelled_task_is_seen_before_the_headers() -> None:
    fakes = InProcess()
    http = async_client(fakes)
    prompt = "[[fake:hold at=headers call=k]]"
    reading = asyncio.create_task(http.post("/api/chat", json=ask(prompt)))
    await http.get("/_fakes/calls/k/1/wait", params={"state": "held"})
    reading.cancel()
    await asyncio.wait([reading])

    assert reading.cancelled()
    assert the_call(fakes)["outcome"] == "cancelled_before_headers"


def test_the_bytes_are_those_of_any_other_fakes_with_the_seed() -> None:
    def body(seed: int) -> bytes:
        answer: bytes = (
            client(InProcess(seed=seed))
            .post("/api/chat", json=ask("hello"))
            .raise_for_status()
            .content
        )
        return answer

    assert body(0) == body(0)
    assert body(0) != body(1)


def test_a_request_that_is_none_is_refused() -> None:
    answer = client(InProcess()).get("/v1/nowhere")

    assert answer.status_code == 404
    assert "did you mean" in answer.json()["error"]["message"]


def test_the_openai_sdk_streams_and_retries_in_process() -> None:
    fakes = InProcess()
    sdk = openai.OpenAI(
        api_key="any",
        base_url="http://fakes/v1",
        http_client=httpx2.Client(transport=fakes.transport(httpx2)),
    )
    prompt = (
        "[[fake:fail status=429 retry_after=0.001 turn=1-2 call=k]] "
        '[[fake:say text="Hi there"]] [[fake:delay first=30000]]'
    )
    chunks = sdk.with_options(timeout=60).chat.completions.create(
        model="m", messages=[{"role": "user", "content": prompt}], stream=True
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    calls = client(fakes).get("/_fakes/calls", params={"key": "k"}).json()["calls"]

    assert text == "Hi there"
    assert [call["status"] for call in calls] == [429, 429, 200]


async def test_the_anthropic_sdk_is_cancelled_in_process() -> None:
    fakes = InProcess(
        Library(scripts={"default": Script(stall=(Stall(after=2),))}), seed=3
    )
    sdk = anthropic.AsyncAnthropic(
        api_key="any",
        base_url="http://fakes",
        http_client=httpx2.AsyncClient(transport=fakes.transport(httpx2), timeout=None),
    )
    begun = asyncio.Event()

    async def read() -> None:
        stream = await sdk.messages.create(
            model="m",
            max_tokens=100,
            messages=[{"role": "user", "content": "hello"}],
            stream=True,
        )
        async for event in stream:
            if event.type == "content_block_delta":
                begun.set()

    reading = asyncio.create_task(read())
    await begun.wait()
    reading.cancel()
    await asyncio.wait([reading])

    assert the_call(fakes)["outcome"] == "cancelled_midstream"


CASSETTE = (
    '{"cassette": 1, "upstream": "https://api.openai.com"}\n'
    '{"call": 1, "method": "GET", "target": "/v1/models", "headers": [], "text": ""}\n'
    '{"at_ms": 5000.0, "text": "HTTP/1.1 200 \\r\\ncontent-length: 4\\r\\n\\r\\nab"}\n'
    '{"at_ms": 60000.0, "text": "cd"}\n'
    '{"at_ms": 60000.0, "end": "complete"}\n'
)


def test_a_recording_is_replayed_in_virtual_time(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text(CASSETTE)
    fakes = InProcess(recordings=load_recordings([path]))
    with client(fakes, timeout=100).stream("GET", "/v1/models") as response:
        told = [(fakes.clock.time() - 1000, piece) for piece in response.iter_raw()]

    assert told == [(5, b"ab"), (60, b"cd")]


async def test_hundreds_of_tasks_wait_together_in_few_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fakes = InProcess()
    http = async_client(fakes, timeout=200)
    steps: list[float] = []
    run_moment = fakes.clock.run_moment

    def counted() -> None:
        steps.append(fakes.clock.time())
        run_moment()

    monkeypatch.setattr(fakes.clock, "run_moment", counted)
    body = ask("[[fake:delay first=100000 each=1000]]", stream=False)
    answers = await asyncio.gather(
        *(http.post("/api/chat", json=body) for _ in range(300))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert fakes.clock.time() == pytest.approx(1107)
    assert len(steps) < 50


async def test_patience_ends_while_an_unrelated_call_is_held() -> None:
    fakes = InProcess()
    http = async_client(fakes, timeout=5)
    held = asyncio.create_task(
        http.post("/api/chat", json=ask("[[fake:hold at=headers call=k]]"))
    )
    await http.get("/_fakes/calls/k/1/wait", params={"state": "held"})
    with pytest.raises(httpx.ReadTimeout):
        await http.post("/api/chat", json=ask("[[fake:stall after=1]]"))

    assert fakes.clock.time() == pytest.approx(1005)
    assert not held.done()
    await http.post("/_fakes/gates/k/release")
    assert (await held).status_code == 200


def test_threads_take_turns_and_nobody_loses_patience() -> None:
    fakes = InProcess()
    body = ask("[[fake:delay first=100 each=1000]]")

    def ask_often(_: int) -> list[int]:
        http = client(fakes, timeout=5)
        return [http.post("/api/chat", json=body).status_code for _ in range(20)]

    with ThreadPoolExecutor(8) as pool:
        statuses = [
            status for found in pool.map(ask_often, range(8)) for status in found
        ]

    assert statuses == [200] * 160


async def test_another_thread_than_that_of_the_waiting_tasks_is_refused() -> None:
    fakes = InProcess()
    http = async_client(fakes)
    held = asyncio.create_task(
        http.post("/api/chat", json=ask("[[fake:hold at=headers call=k]]"))
    )
    await http.get("/_fakes/calls/k/1/wait", params={"state": "held"})
    with pytest.raises(RuntimeError, match="give it fakes of its own"):
        await asyncio.to_thread(client(fakes).post, "/_fakes/gates/k/release")
    held.cancel()
    await asyncio.wait([held])


async def test_a_task_that_is_back_from_a_thread_finds_the_time_as_it_was() -> None:
    fakes = InProcess()
    http = async_client(fakes)
    may_go, is_waiting = threading.Event(), asyncio.Event()

    async def ask_later() -> None:
        await is_waiting.wait()
        await asyncio.to_thread(may_go.wait, 10)
        await http.post("/api/chat", json=ask("[[fake:say call=k]]"))

    asking = asyncio.create_task(ask_later())
    waiting = asyncio.create_task(
        http.get("/_fakes/calls/k/1/wait", params={"timeout_ms": 9, "state": "ended"})
    )
    is_waiting.set()
    await asyncio.sleep(0)
    may_go.set()
    waited = await waiting
    await asking

    assert waited.json()["reached"]
    assert fakes.clock.time() == 1000
