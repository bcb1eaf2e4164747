"""`providers.ollama`: requests, refusals, and what only this service says."""

from __future__ import annotations

import json

import pytest
from tests.fakes.providers.forms import OLLAMA_FORMS
from tests.fakes.validators.frames import Json
from tests.fakes.validators.ollama import split_lines, validate_error

from streamproof.fakes.content import Answer
from streamproof.fakes.errors import RequestError
from streamproof.fakes.providers.ollama import (
    LineReply,
    LineRequest,
    Ollama,
    parse_request,
)
from streamproof.fakes.providers.provider import Received
from streamproof.fakes.script import Cost, Fail, InStreamError, Say, Script, Think, Tool

CHAT, CHAT_WHOLE, GENERATE, _ = OLLAMA_FORMS


def read(body: object, path: str = "/api/chat") -> LineRequest:
    return parse_request(
        Received(
            path=path,
            params={},
            query={},
            headers={},
            body=body if isinstance(body, bytes) else json.dumps(body).encode(),
            fingerprint="f",
        )
    )


def chat(**fields: object) -> Json:
    return {"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}


def reply(body: Json) -> LineReply:
    return LineReply(request=read(body), answer=Answer(), seed=0)


def test_a_request_streams_unless_it_says_otherwise_and_needs_no_key() -> None:
    assert read(chat()).stream
    assert read(chat(stream=True)).stream
    assert not read(chat(stream=False)).stream


def test_every_text_of_a_chat_is_found() -> None:
    body = chat(
        messages=[
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": "one two", "images": ["aGk="]},
            {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]},
            {"role": "tool", "tool_name": "f", "content": "ok"},
        ],
        tools=[],
        options={"num_predict": 7},
    )

    assert read(body).texts == ("be kind", "one two", "ok")
    assert (read(body).prompt_tokens, read(body).max_tokens) == (20, 7)


def test_system_and_prompt_are_what_generate_reads() -> None:
    body = {"model": "m", "system": "be kind", "prompt": "hi", "messages": 1}

    assert read(body, "/api/generate").texts == ("be kind", "hi")


@pytest.mark.parametrize("limit", [-1, -2, 0, None])
def test_no_positive_limit_is_no_limit(limit: int | None) -> None:
    assert read(chat(options={"num_predict": limit})).max_tokens is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "missing request body"),
        (b"{", "invalid JSON: "),
        ({"messages": []}, "model is required"),
        ({"model": ""}, "model is required"),
        (chat(stream="yes"), "stream: input should be a valid boolean"),
        ({"model": "m", "messages": [{"role": "x"}]}, "messages.0.role: input should"),
    ],
)
def test_a_malformed_request_is_refused(body: object, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        read(body)

    assert caught.value.status == 400


def test_a_refusal_is_one_text() -> None:
    headers, body = Ollama().refuse(RequestError("no"), seed=0, fingerprint="f")

    assert headers == [("content-type", "application/json; charset=utf-8")]
    assert validate_error(body) == "no"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "model 'm' not found"),
        (418, "invalid request"),
        (599, "llama runner process has terminated"),
    ],
)
def test_a_scripted_failure_is_worded_for_its_status(status: int, message: str) -> None:
    headers, body = reply(chat()).failure(Fail(status=status, retry_after_s=2))

    assert validate_error(body) == message
    assert ("retry-after", "2") in headers


def test_an_error_in_the_stream_is_a_line_and_as_a_body_a_500() -> None:
    error = InStreamError(after=0, message="broke off", type="any")
    said = reply(chat()).stream_error(error)

    assert said.endswith(b"}\n")
    assert validate_error(said) == "broke off"
    assert reply(chat()).body_error(error) == (500, said.removesuffix(b"\n"))


def test_each_line_comes_later_by_the_time_that_a_token_is_said_to_take() -> None:
    script = Script(say=(Say(tokens=40),), usage=Cost(output_tokens=3))
    lines = split_lines(CHAT.say(script))
    moments = [line["created_at"] for line in lines]

    assert len(set(moments[:-1])) == 40
    assert lines[-1]["eval_count"] == 3
    assert lines[-1]["eval_duration"] % 3 == 0


def test_what_there_is_none_of_is_not_counted() -> None:
    script = Script(say=(Say(text=""),), usage=Cost(input_tokens=0))
    (done,) = split_lines(CHAT.say(script))

    assert "eval_count" not in done
    assert "prompt_eval_count" not in done
    assert done["total_duration"] > done["load_duration"]


def test_generate_has_its_response_and_thoughts_outside_of_a_message() -> None:
    thought, said, done = split_lines(
        GENERATE.say(Script(say=(Think(text="hm"), Say(text="hi"))))
    )

    assert (thought["response"], thought["thinking"]) == ("", "hm")
    assert said["response"] == "hi"
    assert done["response"] == ""
    assert all("message" not in line for line in (thought, said, done))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"model": "m"}, "load"),
        ({"model": "m", "messages": [], "stream": True}, "load"),
        ({"model": "m", "keep_alive": 0}, "unload"),
    ],
)
def test_a_request_for_nothing_loads_the_model_or_lets_it_go(
    body: Json, reason: str
) -> None:
    request = read(body)
    said = json.loads(reply(body).body())

    assert (request.stream, request.max_tokens) == (False, 0)
    assert (said["done"], said["done_reason"]) == (True, reason)
    assert "total_duration" not in said


def test_a_body_that_is_cut_in_its_text_has_no_thoughts() -> None:
    script = Script(say=(Think(text="hm"), Say(text="Hi you")))
    _, whole = CHAT_WHOLE.perform(script)

    assert whole.truncated_body(2).endswith(b'"content":"Hi ')
    assert whole.truncated_body(1).endswith(b'"thinking":"hm')


ODD = "a \u2028\u2029 <think> & b"


def test_lines_and_bodies_escape_what_go_escapes() -> None:
    script = Script(say=(Say(text=ODD), Tool(name="f", arguments='{"a": "<&>"}')))
    streams = b"".join(form.say(script) for form in (CHAT, GENERATE))
    _, whole = CHAT_WHOLE.perform(script)
    error = reply({"model": "m"}).stream_error(InStreamError(after=0, message="a < b"))

    for said in (streams, whole.body(), whole.truncated_body(5), error):
        assert not set(said.decode()) & set("<>&\u2028\u2029")
    assert json.loads(whole.body())["message"]["content"] == ODD
    assert json.loads(error) == {"error": "a < b"}
