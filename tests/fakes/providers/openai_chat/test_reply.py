"""`providers.openai_chat.reply`: the wire format, frame by frame."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest

from streamproof.fakes.content import Answer, Kind, Part, StopReason, Usage
from streamproof.fakes.dice import Dice
from streamproof.fakes.plan.answer import make_answer
from streamproof.fakes.providers.openai_chat import ChatReply, parse_request
from streamproof.fakes.script import (
    Cost,
    Fail,
    InStreamError,
    Say,
    Script,
    Stop,
    Tool,
)

KEY = {"authorization": "Bearer any"}
MESSAGES = [{"role": "user", "content": "hello there"}]


def body(**fields: object) -> bytes:
    return json.dumps({"model": "m", "messages": MESSAGES, **fields}).encode()


def text(*pieces: str, kind: Kind = Kind.TEXT) -> Part:
    return Part(index=0, kind=kind, pieces=pieces)


HI = Answer(parts=(text("Hi ", "there"),), usage=Usage(input_tokens=9, output_tokens=2))
TOOLS = Answer(
    parts=(
        text("hm", kind=Kind.THINKING),
        Part(index=1, kind=Kind.TOOL, name="f", pieces=('{"a', '":1}')),
        Part(index=2, kind=Kind.TOOL, name="g", pieces=("{}",)),
    ),
    stop=StopReason.TOOL_CALLS,
    usage=Usage(output_tokens=4, thinking_tokens=1, cached_tokens=3),
)


def reply(seed: int = 0, answer: Answer = HI, **fields: object) -> ChatReply:
    request = parse_request(body(**fields), KEY, fingerprint=repr(fields))
    return ChatReply(request=request, answer=answer, seed=seed)


def say(answer: ChatReply, piece: str) -> bytes:
    return answer.token(text(piece), piece)


def deltas(answer: Answer) -> list[dict[str, Any]]:
    """Every delta of a stream of this answer."""
    whole = reply(answer=answer, stream=True)
    frames = [whole.opening()]
    frames += [
        whole.token(part, piece) for part in answer.parts for piece in part.pieces
    ]
    split = [frame + b"\n\n" for frame in b"".join(frames).split(b"\n\n")[:-1]]
    return [data_of(frame)["choices"][0]["delta"] for frame in split]


def data_of(frame: bytes) -> dict[str, Any]:
    assert frame.startswith(b"data: ")
    assert frame.endswith(b"\n\n")
    assert frame.count(b"\n") == 2
    parsed: dict[str, Any] = json.loads(frame[6:])
    return parsed


def test_a_stream_is_made_of_these_frames() -> None:
    answer = reply(stream=True)
    opening, token, closing = (
        data_of(frame)
        for frame in (answer.opening(), say(answer, "Hi "), answer.closing())
    )
    shared = {"id", "object", "created", "model", "service_tier", "system_fingerprint"}

    assert opening["choices"] == [
        {
            "index": 0,
            "delta": {"role": "assistant", "content": "", "refusal": None},
            "logprobs": None,
            "finish_reason": None,
        }
    ]
    assert token["choices"] == [
        {
            "index": 0,
            "delta": {"content": "Hi "},
            "logprobs": None,
            "finish_reason": None,
        }
    ]
    assert closing["choices"] == [
        {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
    ]
    assert answer.terminator() == b"data: [DONE]\n\n"
    assert opening["object"] == "chat.completion.chunk"
    assert opening["id"].startswith("chatcmpl-")
    assert opening["system_fingerprint"].startswith("fp_")
    for frame in (opening, token, closing):
        assert set(frame) == shared | {"choices", "obfuscation"}
        assert all(frame[name] == opening[name] for name in shared)


def test_usage_is_null_until_its_own_chunk_before_the_end() -> None:
    answer = reply(stream=True, stream_options={"include_usage": True})
    assert data_of(say(answer, "a"))["usage"] is None
    finish, usage, _ = answer.closing().split(b"\n\n")
    last = data_of(usage + b"\n\n")

    assert data_of(finish + b"\n\n")["usage"] is None
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 2
    assert last["usage"]["total_tokens"] == last["usage"]["prompt_tokens"] + 2
    assert last["usage"]["prompt_tokens_details"]["cached_tokens"] == 0
    assert last["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0


def test_obfuscation_hides_the_length_of_a_token() -> None:
    answer = reply(stream=True)
    lengths = {
        len("a" * size) + len(data_of(say(answer, "a" * size))["obfuscation"])
        for size in range(1, 16)
    }

    assert lengths == {16}


def test_obfuscation_can_be_turned_off() -> None:
    answer = reply(stream=True, stream_options={"include_obfuscation": False})

    assert "obfuscation" not in data_of(say(answer, "a"))


@pytest.mark.parametrize(
    "piece", ['"', "\\", "\n", "\r\n", "\u2028", "\x00", "é🙂", "data: x\n\n"]
)
def test_any_text_stays_inside_its_frame(piece: str) -> None:
    frame = data_of(say(reply(stream=True), piece))

    assert frame["choices"][0]["delta"]["content"] == piece


def test_characters_outside_ascii_leave_as_utf_8() -> None:
    assert "é\u2028".encode() in say(reply(stream=True), "é\u2028")


def test_a_whole_answer_is_one_body() -> None:
    whole = json.loads(reply().body())

    assert whole["object"] == "chat.completion"
    assert whole["choices"] == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hi there",
                "refusal": None,
                "annotations": [],
            },
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert whole["usage"]["completion_tokens"] == 2


def test_a_truncated_body_stops_behind_the_last_token() -> None:
    whole, cut = reply().body(), reply().truncated_body(1)

    assert cut.endswith(b'"content":"Hi ')
    assert whole.startswith(cut)


def test_a_truncated_body_without_any_token_stops_where_the_first_would_be() -> None:
    assert reply().truncated_body(0).endswith(b'"content":"')
    assert reply(answer=Answer()).truncated_body(0).endswith(b'"content":"')


def test_a_truncated_body_stops_inside_the_arguments_of_a_tool_call() -> None:
    assert reply(answer=TOOLS).truncated_body(2).endswith(b'"arguments":"{\\"a')


def test_tool_calls_come_one_after_the_other_in_fragments() -> None:
    opening, thought, *calls = [delta.copy() for delta in deltas(TOOLS)]
    ids = [call["tool_calls"][0].pop("id", None) for call in calls]

    assert opening == {"role": "assistant", "content": None, "refusal": None}
    assert thought == {"reasoning_content": "hm"}
    assert [call["tool_calls"] for call in calls] == [
        [
            {
                "index": 0,
                "type": "function",
                "function": {"name": "f", "arguments": ""},
            }
        ],
        [{"index": 0, "function": {"arguments": '{"a'}}],
        [{"index": 0, "function": {"arguments": '":1}'}}],
        [
            {
                "index": 1,
                "type": "function",
                "function": {"name": "g", "arguments": ""},
            }
        ],
        [{"index": 1, "function": {"arguments": "{}"}}],
    ]
    assert [bool(name) for name in ids] == [True, False, False, True, False]
    assert all(name.startswith("call_") for name in ids if name)
    assert ids[0] != ids[3]


def test_a_whole_answer_holds_the_same_tool_calls() -> None:
    whole = json.loads(reply(answer=TOOLS, stream=True).body())
    choice = whole["choices"][0]
    streamed = [
        call["id"]
        for delta in deltas(TOOLS)
        for call in delta.get("tool_calls", [])
        if "id" in call
    ]

    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert choice["message"]["reasoning_content"] == "hm"
    assert [call["function"] for call in choice["message"]["tool_calls"]] == [
        {"name": "f", "arguments": '{"a":1}'},
        {"name": "g", "arguments": "{}"},
    ]
    assert [call["id"] for call in choice["message"]["tool_calls"]] == streamed
    assert whole["usage"]["completion_tokens_details"]["reasoning_tokens"] == 1
    assert whole["usage"]["prompt_tokens_details"]["cached_tokens"] == 3


def test_a_refusal_is_said_in_a_field_of_its_own() -> None:
    answer = Answer(
        parts=(text("I ", "can't", kind=Kind.REFUSAL),), stop=StopReason.REFUSAL
    )
    choice = json.loads(reply(answer=answer).body())["choices"][0]

    assert deltas(answer)[1:] == [{"refusal": "I "}, {"refusal": "can't"}]
    assert choice["message"]["refusal"] == "I can't"
    assert choice["message"]["content"] is None
    assert choice["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("stop", "word"),
    [
        (StopReason.STOP, "stop"),
        (StopReason.LENGTH, "length"),
        (StopReason.TOOL_CALLS, "tool_calls"),
        (StopReason.REFUSAL, "stop"),
        (StopReason.CONTENT_FILTER, "content_filter"),
    ],
)
def test_the_finish_reason_is_the_services_word_for_it(
    stop: StopReason, word: str
) -> None:
    closing = data_of(reply(answer=Answer(stop=stop), stream=True).closing())

    assert closing["choices"][0]["finish_reason"] == word


def test_an_error_in_the_stream_is_followed_by_the_terminator() -> None:
    error = reply().stream_error(InStreamError(after=1, message="no", type="t"))

    assert error == (
        b'data: {"error":{"message":"no","type":"t","param":null,"code":null}}\n\n'
        b"data: [DONE]\n\n"
    )


def test_the_same_error_can_be_a_body() -> None:
    status, data = reply().body_error(InStreamError(after=1))
    error = json.loads(data)["error"]

    assert status == 500
    assert error["type"] == "server_error"
    assert error["message"]


@pytest.mark.parametrize(
    ("fail", "kind", "code"),
    [
        (Fail(status=429), "requests", "rate_limit_exceeded"),
        (Fail(status=500), "server_error", None),
        (Fail(status=502), "server_error", None),
        (Fail(status=418), "invalid_request_error", None),
        (Fail(status=401), "invalid_request_error", "invalid_api_key"),
    ],
)
def test_a_failure_has_the_type_and_code_of_its_status(
    fail: Fail, kind: str, code: str | None
) -> None:
    _, data = reply().failure(fail)
    error = json.loads(data)["error"]

    assert (error["type"], error["code"], error["param"]) == (kind, code, None)
    assert error["message"]


@pytest.mark.parametrize(
    ("seconds", "field"),
    [(1.0, "1"), (0.25, "0.25"), (130.0, "130"), (86_400.0, "86400")],
)
def test_retry_after_is_written_in_seconds(seconds: float, field: str) -> None:
    headers, data = reply().failure(
        Fail(status=429, retry_after_s=seconds, message="wait")
    )

    assert dict(headers)["retry-after"] == field
    assert json.loads(data)["error"]["message"] == "wait"


def test_the_headers_are_those_the_service_sends() -> None:
    headers = dict(reply().stream_headers())

    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["x-request-id"].startswith("req_")
    assert headers["openai-version"] == "2020-10-01"
    assert {
        f"x-ratelimit-{what}-{of}"
        for what in ("limit", "remaining", "reset")
        for of in ("requests", "tokens")
    } <= set(headers)


def frames(seed: int, **fields: object) -> bytes:
    answer = reply(seed, HI, stream=True, **fields)
    parts = [answer.opening(), *(say(answer, piece) for piece in "abc")]
    return b"".join([*parts, answer.closing(), str(answer.stream_headers()).encode()])


def test_the_same_seed_and_request_give_the_same_bytes() -> None:
    assert frames(0) == frames(0)


def test_another_seed_or_request_gives_other_bytes() -> None:
    assert len({frames(0), frames(1), frames(0, temperature=0.5)}) == 3


def said(script: Script) -> list[dict[str, Any]]:
    """Return the chunks of the answer that a script makes."""
    dice = Dice(seed=0, fingerprint="f")
    made = make_answer(script, dice, prompt_tokens=9, max_tokens=None)
    answer = reply(answer=made, stream=True)
    tokens = [answer.token(part, text) for part in made.parts for text in part.pieces]
    body = b"".join([answer.opening(), *tokens, answer.closing()])
    return [json.loads(line[6:]) for line in body.decode().split("\n\n") if line]


def test_every_chunk_can_tell_the_usage_so_far() -> None:
    chunks = said(Script(say=(Say(text="a b"),), usage=Cost(every=True)))
    told = [chunk.get("usage") for chunk in chunks]

    assert [usage and usage["completion_tokens"] for usage in told[1:]] == [1, 2, 2]
    assert [usage and usage["total_tokens"] for usage in told[1:]] == [10, 11, 11]


@pytest.mark.parametrize("literal", ["", "error", 'a "b"'])
def test_the_finish_reason_can_be_any_text(literal: str) -> None:
    chunks = said(Script(say=(Say(text="a"),), stop=Stop(literal=literal)))

    assert chunks[-1]["choices"][0]["finish_reason"] == literal


@pytest.mark.parametrize(
    ("deltas", "first", "later"),
    [
        (None, {"index": 0}, {"index": 0, "function": {}}),
        (
            "null",
            {"index": 0},
            {"index": 0, "id": None, "type": None, "function": {"name": None}},
        ),
        (
            "empty",
            {"index": 0},
            {"index": 0, "id": "", "type": "", "function": {"name": ""}},
        ),
        ("unindexed", {}, {"function": {}}),
    ],
)
def test_fragments_of_a_call_may_be_odd(
    deltas: Literal["null", "empty", "unindexed"] | None,
    first: dict[str, Any],
    later: dict[str, Any],
) -> None:
    tool = Tool(name="f", arguments='{"a":1}', pieces=2, deltas=deltas)
    chunks = said(Script(say=(tool,)))
    calls = [
        call
        for chunk in chunks
        for call in chunk["choices"][0]["delta"].get("tool_calls", ())
    ]
    opening, *fragments = calls

    assert opening.pop("id").startswith("call_")
    assert opening == {
        **first,
        "type": "function",
        "function": {"name": "f", "arguments": ""},
    }
    assert "".join(one["function"].pop("arguments") for one in fragments) == '{"a":1}'
    assert fragments == [later, later]
