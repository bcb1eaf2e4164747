"""Requests over the control API: what a call asked, without its credentials."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from streamproof.fakes import Client
from streamproof.fakes.errors import ScriptError
from streamproof.fakes.inprocess import InProcess
from streamproof.fakes.script import Say, Script

SECRET = "sk-secret-123456"


@pytest.fixture
def in_process() -> InProcess:
    return InProcess()


@pytest.fixture
def fakes(in_process: InProcess) -> Iterator[Client]:
    with Client("http://fakes", transport=in_process.transport()) as client:
        yield client


Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(in_process: InProcess) -> Iterator[Ask]:
    with httpx.Client(
        transport=in_process.transport(),
        base_url="http://fakes",
        headers={"authorization": f"Bearer {SECRET}"},
    ) as client:

        def ask(prompt: str = "hi", **more: object) -> httpx.Response:
            user = {"role": "user", "content": prompt}
            body = {"model": "gpt-4o", "messages": [user], **more}
            return client.post("/v1/chat/completions?key=sk-other-123456", json=body)

        yield ask


def test_a_request_can_be_read_as_it_was(fakes: Client, ask: Ask) -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    ask("hello", temperature=0.2, tools=tools)
    (call,) = fakes.calls()
    request = call.request

    assert request is not None
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.messages == [{"role": "user", "content": "hello"}]
    assert (request.model, request.tools) == ("gpt-4o", tools)
    assert request.json["temperature"] == 0.2
    assert request.headers["content-type"] == "application/json"
    assert str(request).startswith('POST /v1/chat/completions {"model":"gpt-4o"')


def test_credentials_are_nowhere_in_it(
    fakes: Client, ask: Ask, in_process: InProcess
) -> None:
    ask(f"my key is {SECRET}")
    fakes.wait_for()
    with httpx.Client(
        transport=in_process.transport(), base_url="http://fakes/_fakes/"
    ) as raw:
        answers = [
            raw.get("calls?requests=1").text,
            raw.get("wait?state=ended&requests=1").text,
            raw.get("assert/asked?prompt=nowhere&timeout_ms=0").text,
        ]
        plain = raw.get("calls").json()["calls"][0]
    (call,) = fakes.calls()

    assert all("REDACTED" in answer for answer in answers)
    assert not any(word in a for a in answers for word in (SECRET, "sk-other-123456"))
    assert call.request is not None
    assert call.request.headers["authorization"] == "Bearer REDACTED"
    assert call.request.query == {"key": "REDACTED"}
    assert call.request.messages[0]["content"] == "my key is REDACTED"
    assert "request" not in plain


@pytest.mark.parametrize(
    ("path", "body", "messages", "model"),
    [
        ("/api/generate", {"model": "m", "prompt": "hi"}, "hi", "m"),
        ("/v1/responses", {"model": "m", "input": "hi"}, "hi", "m"),
        (
            "/v1beta/models/gem:generateContent",
            {"contents": [{"parts": [{"text": "hi"}]}]},
            None,
            "gem",
        ),
    ],
)
def test_every_provider_s_messages_and_model_are_found(
    path: str,
    body: dict[str, Any],
    messages: str | None,
    model: str,
    fakes: Client,
    in_process: InProcess,
) -> None:
    transport = in_process.transport()
    with httpx.Client(transport=transport, base_url="http://fakes") as client:
        client.post(path, json={**body, "stream": False})
    (call,) = fakes.calls()

    assert call.request is not None
    told = call.request.messages
    if messages is None:
        assert told == body["contents"]
    else:
        assert told == [{"role": "user", "content": messages}]
    assert (call.request.model, call.request.tools) == (model, [])


def test_what_is_no_json_says_so(fakes: Client, in_process: InProcess) -> None:
    transport = in_process.transport()
    with httpx.Client(transport=transport, base_url="http://fakes") as client:
        client.post("/api/chat", content=b"\xff no")
        client.post("/api/chat", content=b" " * (1024 * 1024 + 1))
    odd, long = (call.request for call in fakes.calls())

    assert odd is not None
    assert long is not None
    assert odd.body == "\ufffd no"
    with pytest.raises(ValueError, match="Expecting value"):
        assert odd.json
    with pytest.raises(ValueError, match="got one of 1048577 bytes"):
        assert long.json
    assert str(long) == "POST /api/chat, 1048577 bytes"


def test_what_was_asked_can_be_asserted(fakes: Client, ask: Ask) -> None:
    ask("weather in Rome", temperature=0.2)
    fakes.assert_asked(prompt="Rome", model="gpt-*", body={"temperature": 0.2})

    with pytest.raises(AssertionError, match=r"call 1 with temperature 0\.2"):
        fakes.assert_asked(body={"temperature": 0.3}, ordinal=1)
    with pytest.raises(AssertionError, match="call 1 without tools"):
        fakes.assert_asked(tool="weather")
    with pytest.raises(ScriptError, match="expected prompt, model, tool or body"):
        fakes.assert_asked()


def test_scripts_of_the_next_calls_are_told_in_one_line_each(
    fakes: Client, ask: Ask
) -> None:
    def said() -> object:
        answer = ask().json()
        return answer["choices"][0]["message"] if "choices" in answer else answer

    fakes.fail(429, retry_after_s=0, message="slow down")
    fakes.say("one", "two")
    fakes.call_tool("weather", city="Rome")
    failed, one, two, tool, again = [said() for _ in range(5)]
    left = fakes.add_script(Script(say=(Say(text="last"),)))
    last = said()

    assert failed["error"]["message"] == "slow down"  # type: ignore[index]  # JSON
    assert [one["content"], two["content"]] == ["one", "two"]  # type: ignore[index]
    assert tool == again
    (call,) = tool["tool_calls"]  # type: ignore[index]
    assert call["function"] == {"name": "weather", "arguments": '{"city": "Rome"}'}
    assert (left, last["content"]) == (1, "last")  # type: ignore[index]
    assert [call.script for call in fakes.calls()] == [
        f"next.{place}" for place in (0, 1, 2, 3, 3, 4)
    ]


def test_a_call_with_a_script_of_its_own_does_not_use_one_up(
    fakes: Client, ask: Ask
) -> None:
    fakes.say("next")
    own = ask("[[fake:say text=own]]").json()["choices"][0]["message"]["content"]
    following = ask().json()["choices"][0]["message"]["content"]
    fakes.reset()
    afterwards = ask().json()["choices"][0]["message"]["content"]

    assert (own, following) == ("own", "next")
    assert len(afterwards.split()) == 8


def test_scripts_and_libraries_may_be_plain_dicts(fakes: Client, ask: Ask) -> None:
    fakes.put_library({"scripts": {"default": {"say": [{"text": "dict"}]}}})
    fakes.put_script("k", [{"say": [{"text": "k"}]}, Script(say=(Say(text="l"),))])
    told = ask().json()["choices"][0]["message"]["content"]

    assert told == "dict"
    with pytest.raises(ScriptError, match="unknown script 'x'"):
        fakes.put_library({"rules": [{"scripts": ["x"]}]})
    with pytest.raises(ScriptError, match="unknown key, did you mean 'say'"):
        fakes.put_script("k", {"sya": []})
    with pytest.raises(ScriptError, match="status"):
        fakes.fail(200)
