"""`fakes.providers.openai_chat.reply`: the wire format, frame by frame."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakes.providers.openai_chat import ChatReply, parse_request
from fakes.script import Fail, InStreamError

KEY = {"authorization": "Bearer any"}
MESSAGES = [{"role": "user", "content": "hello there"}]


def body(**fields: object) -> bytes:
    return json.dumps({"model": "m", "messages": MESSAGES, **fields}).encode()


def reply(seed: int = 0, **fields: object) -> ChatReply:
    return ChatReply(request=parse_request(body(**fields), KEY), seed=seed)


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
        for frame in (answer.opening(), answer.token("Hi "), answer.closing(1))
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
    assert data_of(answer.token("a"))["usage"] is None
    finish, usage, _ = answer.closing(3).split(b"\n\n")
    last = data_of(usage + b"\n\n")

    assert data_of(finish + b"\n\n")["usage"] is None
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 3
    assert last["usage"]["total_tokens"] == last["usage"]["prompt_tokens"] + 3
    assert last["usage"]["prompt_tokens_details"]["cached_tokens"] == 0
    assert last["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0


def test_obfuscation_hides_the_length_of_a_token() -> None:
    answer = reply(stream=True)
    lengths = {
        len("a" * size) + len(data_of(answer.token("a" * size))["obfuscation"])
        for size in range(1, 16)
    }

    assert lengths == {16}


def test_obfuscation_can_be_turned_off() -> None:
    answer = reply(stream=True, stream_options={"include_obfuscation": False})

    assert "obfuscation" not in data_of(answer.token("a"))


@pytest.mark.parametrize(
    "text", ['"', "\\", "\n", "\r\n", "\u2028", "\x00", "é🙂", "data: x\n\n"]
)
def test_any_text_stays_inside_its_frame(text: str) -> None:
    frame = data_of(reply(stream=True).token(text))

    assert frame["choices"][0]["delta"]["content"] == text


def test_characters_outside_ascii_leave_as_utf_8() -> None:
    assert "é\u2028".encode() in reply(stream=True).token("é\u2028")


def test_a_whole_answer_is_one_body() -> None:
    whole = json.loads(reply().body(["Hi ", "there"]))

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
    whole, cut = reply().body(["Hi ", "é"]), reply().truncated_body(["Hi ", "é"])

    assert cut.endswith('"content":"Hi é'.encode())
    assert whole.startswith(cut)


def test_an_error_in_the_stream_is_followed_by_the_terminator() -> None:
    error = reply().stream_error(InStreamError(after=1, message="no", type="t"))

    assert error == (
        b'data: {"error":{"message":"no","type":"t","param":null,"code":null}}\n\n'
        b"data: [DONE]\n\n"
    )


def test_the_same_error_can_be_a_body() -> None:
    error = json.loads(reply().body_error(InStreamError(after=1)))["error"]

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
    ("seconds", "field"), [(1.0, "1"), (0.25, "0.25"), (130.0, "130"), (1e6, "1000000")]
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
    answer = reply(seed, stream=True, **fields)
    parts = [answer.opening(), *(answer.token(text) for text in "abc")]
    return b"".join([*parts, answer.closing(3), str(answer.stream_headers()).encode()])


def test_the_same_seed_and_request_give_the_same_bytes() -> None:
    assert frames(0) == frames(0)


def test_another_seed_or_request_gives_other_bytes() -> None:
    assert len({frames(0), frames(1), frames(0, temperature=0.5)}) == 3
