"""`app`: what is refused, and how the record says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.fakes.raw_client import (
    ControlClient,
    RawClient,
    chat_body,
    chat_request,
)

from streamproof.fakes import Server, Settings

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

PATH = "/v1/chat/completions"
KEY = {"authorization": "Bearer any"}


async def ask(control: ControlClient, prompt: str) -> httpx.Response:
    return await control.http.post(PATH, content=chat_body(prompt), headers=KEY)


async def test_an_unknown_word_is_refused_in_the_shape_of_the_provider(
    control: ControlClient,
) -> None:
    answer = await ask(control, "[[fake:stahl after=1 call=k]]")
    (call,) = await control.calls()

    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "message": "[[fake:stahl]]: unknown word 'stahl', did you mean 'stall'",
        "type": "invalid_request_error",
        "param": "messages",
        "code": "invalid_directive",
    }
    assert (call["outcome"], call["status"], call["key"]) == ("refused", 400, None)
    assert call["refusal"] == answer.json()["error"]["message"]


async def test_a_place_behind_the_last_token_is_refused_under_its_key(
    control: ControlClient,
) -> None:
    answer = await ask(control, "[[fake:say tokens=2 call=k]] [[fake:stall after=3]]")
    (call,) = await control.calls("k")

    assert answer.status_code == 400
    assert "at most 2" in answer.json()["error"]["message"]
    assert call["outcome"] == "refused"


async def test_a_gate_that_nobody_could_release_is_refused(
    control: ControlClient,
) -> None:
    answer = await ask(control, "[[fake:hold at=end]]")

    assert answer.status_code == 400
    assert "expected call=KEY in a directive" in answer.json()["error"]["message"]


async def test_a_request_without_a_key_is_refused_and_recorded(
    control: ControlClient,
) -> None:
    answer = await control.http.post(PATH, content=chat_body("hi"))
    (call,) = await control.calls()

    assert answer.status_code == 401
    assert (call["outcome"], call["status"], call["model"]) == ("refused", 401, None)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/v1/completions", 404), ("GET", PATH, 405), ("POST", "/", 404)],
)
async def test_another_endpoint_is_refused_and_recorded(
    method: str, path: str, status: int, control: ControlClient
) -> None:
    answer = await control.http.request(method, path)

    assert answer.status_code == status
    assert answer.json()["error"]["type"] == "invalid_request_error"
    (call,) = await control.calls()
    assert (call["outcome"], call["status"]) == ("refused", status)


async def test_a_mistake_of_a_script_that_was_put_is_not_told_as_the_prompts(
    control: ControlClient,
) -> None:
    script = {"say": [{"tokens": 2}], "stall": [{"after": 3}]}
    await control.http.put("/_fakes/scripts/k", json=script)
    answer = await ask(control, "[[fake:say call=k]]")
    error = answer.json()["error"]

    assert (error["param"], error["code"]) == (None, "invalid_script")
    assert error["message"].startswith("script put for 'k': ")


async def test_a_call_that_is_refused_for_its_wire_costs_no_quota(
    control: ControlClient,
) -> None:
    quota = "[[fake:quota requests=1]]"
    body = {"model": "m", "messages": [{"role": "user", "content": ""}]}

    async def status(prompt: str) -> int:
        body["messages"] = [{"role": "user", "content": prompt}]
        return (await control.http.post("/api/chat", json=body)).status_code

    assert await status(f"{quota} [[fake:wire comment=x]]") == 400
    assert await status(quota) == 200


@pytest.mark.parametrize(
    ("path", "part"),
    [("/_fakes", "GET /_fakes/health"), ("/_ns/abc", "a path behind /_ns/abc")],
)
async def test_a_path_that_stops_too_early_is_told_what_may_follow(
    path: str, part: str, control: ControlClient
) -> None:
    answer = await control.http.get(path)

    assert answer.status_code == 404
    assert part in answer.json()["error"]


async def test_a_path_that_is_no_models_is_no_call_of_a_provider(
    control: ControlClient,
) -> None:
    answer = await control.http.post("/v1/images/generations", json={})
    await control.http.get(PATH)
    image, wrong_method = await control.calls()

    assert answer.status_code == 404
    assert (image["provider"], image["outcome"]) == (None, "refused")
    assert wrong_method["provider"] == "openai_chat"


async def test_a_question_for_the_models_is_answered_and_no_call(
    control: ControlClient,
) -> None:
    answer = await control.http.get("/v1/models")
    head = await control.http.head("/")

    assert answer.json()["object"] == "list"
    assert (head.status_code, head.content) == (200, b"")
    assert await control.calls() == []


async def test_retry_spacing_without_a_bound_is_refused(
    control: ControlClient,
) -> None:
    answer = await control.http.get("/_fakes/assert/retry_spacing")

    assert answer.status_code == 400
    assert "at_least_ms, at_most_ms or both" in answer.json()["error"]


async def test_a_named_script_of_the_library_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "scripts.toml"
    path.write_text('[scripts.short]\nsay = [{ text = "named" }]\n')
    async with Server(Settings(scripts=path)) as server:
        with await RawClient.connect(server.url) as client:
            await client.send(chat_request("[[fake:script name=short]]"))
            await client.read_until(b'"content":"named"')


async def test_another_seed_gives_other_bytes() -> None:
    bodies: list[bytes] = []
    for seed in (1, 1, 2):
        async with Server(Settings(seed=seed)) as server:
            with await RawClient.connect(server.url) as client:
                await client.send(chat_request("hi"))
                bodies.append(await client.read_until(b"0\r\n\r\n"))

    assert bodies[0] == bodies[1] != bodies[2]


async def test_a_long_refusal_is_kept_only_in_part(control: ControlClient) -> None:
    message = {"role": "x" * 10_000, "content": "hi"}
    body = {"model": "m", "messages": [message]}
    answer = await control.http.post(PATH, json=body, headers=KEY)
    (call,) = await control.calls()

    assert answer.status_code == 400
    assert len(call["refusal"]) == 500


RULES = """
[scripts.busy]
fail = { status = 503 }

[[rules]]
match = { header = { x-test = "slow-*" } }
scripts = ["busy"]

[[rules]]
match = { prompt = "hi", ordinal = 2 }
scripts = [{ say = [{ text = "second" }] }]

[[rules]]
match.prompt = "hi"
scripts = [{ say = [{ text = "hello" }] }, "busy"]
"""


async def test_rules_of_the_file_choose_by_header_prompt_and_ordinal(
    tmp_path: Path,
) -> None:
    path = tmp_path / "scripts.toml"
    path.write_text(RULES)
    async with Server(Settings(scripts=path)) as server:
        control = ControlClient(server.url)
        statuses = [(await ask(control, "hi there")).status_code for _ in range(3)]
        header = {**KEY, "X-Test": "slow-1"}
        slow = await control.http.post(PATH, content=chat_body("hi"), headers=header)
        unmatched = await ask(control, "ho")
        said = await ask(control, "[[fake:script name=busy]]")
        sources = [call["script"] for call in await control.calls()]
        await control.close()

    assert statuses == [200, 200, 503]
    assert (slow.status_code, said.status_code) == (503, 503)
    assert unmatched.status_code == 404
    assert unmatched.json()["error"] == {
        "message": "no rule fits this call, the nearest is rules.0: expected header "
        "x-test to be 'slow-*', got none; a script called 'default' would be followed "
        "by all others",
        "type": "invalid_request_error",
        "param": None,
        "code": "no_rule_fits",
    }
    assert sources == [
        "rules.2",
        "rules.1",
        "rules.2:busy",
        "rules.0:busy",
        None,
        "directives",
    ]
