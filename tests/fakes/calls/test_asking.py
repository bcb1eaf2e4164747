"""`calls.asking`: whether one of the calls asks for what is wanted, of any provider."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamproof.fakes.calls.asking import Wanted, asked
from streamproof.fakes.calls.assertions import Verdict
from streamproof.fakes.calls.call import Call
from streamproof.fakes.calls.journal import Journal
from streamproof.fakes.net.http1 import Request

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}}
CHAT = {
    "model": "gpt-4o",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Weather in Rome?"}]},
    ],
    "temperature": 0.2,
    "tools": [
        {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
    ],
}
RESPONSES = {
    "input": "Weather in Rome?",
    "tools": [{"type": "function", "name": "weather"}],
}
ANTHROPIC = {
    "messages": [{"role": "user", "content": "Weather in Rome?"}],
    "tools": [{"name": "weather", "input_schema": SCHEMA}],
}
GEMINI = {
    "contents": [{"parts": [{"text": "Weather in Rome?"}]}],
    "tools": [{"functionDeclarations": [{"name": "weather"}, {"name": "time"}]}],
}
OLLAMA = {"prompt": "Weather in Rome?"}


def request(body: bytes) -> Request:
    return Request(
        method="POST",
        path="/",
        query={},
        headers={},
        body=body,
        http_version="1.1",
        keep_alive=True,
    )


def read(call: Call) -> bytes | None:
    return None if call.request is None else call.request.body


def judged(wanted: Wanted, *bodies: object) -> Verdict:
    journal = Journal()
    for body in bodies:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        journal.begin(
            key=None,
            provider="p",
            model="gpt-4o",
            stream=True,
            at=1.0,
            request=request(data),
        )
    return asked(journal.calls(), wanted=wanted, read=read)


@pytest.mark.parametrize(
    "body", [CHAT, RESPONSES, ANTHROPIC, GEMINI], ids=["chat", "resp", "anthr", "gem"]
)
def test_prompt_and_tools_are_found_in_every_form(body: object) -> None:
    verdict = judged(Wanted(prompt="in Rome", tool="weather", model="gpt-*"), body)
    wrong_tool = judged(Wanted(tool="name"), body)

    assert (verdict.holds, verdict.got) == (True, "call 1 does")
    assert not wrong_tool.holds
    assert "with the tools" in wrong_tool.got


def test_one_call_that_asks_for_it_is_enough() -> None:
    verdict = judged(Wanted(prompt="Rome"), {"prompt": "Paris"}, OLLAMA)

    assert (verdict.holds, verdict.got) == (True, "call 2 does")


def test_all_of_it_must_be_asked_by_one_call() -> None:
    wanted = Wanted(prompt="Paris", tool="weather")
    verdict = judged(wanted, {"prompt": "Paris"}, CHAT)

    assert not verdict.holds
    assert verdict.expected == (
        "to hold one that asks for the prompt 'Paris' and the tool 'weather'"
    )
    assert verdict.got == (
        "call 1 without tools, call 2 with the prompt 'Weather in Rome?'"
    )
    assert verdict.calls == (1, 2)


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ({"temperature": 0.2, "tools": CHAT["tools"]}, None),
        ({"temperature": 0.3}, "call 1 with temperature 0.2"),
        ({"top_p": 1}, "call 1 without top_p"),
        ({"temperature": {"a": 1}}, "call 1 with temperature 0.2"),
        ({"messages": []}, "call 1 with messages ["),
    ],
    ids=repr,
)
def test_fields_are_compared_and_others_may_be_there(
    wanted: dict[str, Any], got: str | None
) -> None:
    verdict = judged(Wanted(body=wanted), CHAT)

    assert verdict.holds == (got is None)
    assert got is None or verdict.got.startswith(got)


def test_objects_inside_are_compared_field_by_field() -> None:
    body = {"options": {"seed": 1, "num_ctx": 5}, "stream": True}

    assert judged(Wanted(body={"options": {"seed": 1}}), body).holds
    assert judged(Wanted(body={"options": {"seed": 2}}), body).got == (
        "call 1 with options.seed 1"
    )
    # To Python True is 1.
    assert not judged(Wanted(body={"stream": 1}), body).holds


@pytest.mark.parametrize(
    ("body", "got"),
    [
        (b"no", "call 1 whose request is no JSON"),
        (b"[" * 100_000, "call 1 whose request is no JSON"),
        (b"[]", "call 1 with no prompt"),
        (b'{"messages": "' + b"x" * 500 + b'"}', "call 1 with the prompt 'xxx"),
    ],
    ids=["text", "deep", "list", "long"],
)
def test_odd_requests_are_told_in_short(body: bytes, got: str) -> None:
    verdict = judged(Wanted(prompt="Rome"), body)

    assert verdict.got.startswith(got)
    assert len(verdict.got) < 300


def test_the_model_is_the_calls() -> None:
    assert judged(Wanted(model="claude*"), CHAT).got == "call 1 with the model 'gpt-4o'"


def test_without_a_call_it_does_not_hold() -> None:
    verdict = judged(Wanted(prompt=""))

    assert (verdict.holds, verdict.got) == (False, "no call")


def test_only_the_last_misfits_are_told() -> None:
    verdict = judged(Wanted(prompt="Rome"), *[{"prompt": f"p{n}"} for n in range(9)])

    assert verdict.got.startswith("call 5 with the prompt 'p4'")
    assert verdict.got.endswith("4 more before")
    assert len(verdict.calls) == 9
