"""What is text, what is an end and what is broken in a chat completion stream."""

import json
from typing import Any

import pytest

from streamproof.reference_server.models.fault import ModelError, ModelFault
from streamproof.reference_server.models.openai_chat import ChatStream, OpenAIChat
from streamproof.reference_server.models.provider import Answer, Stop

MAX_CHARS = 1000


def chunk(delta: object, finish: object = None) -> str:
    return json.dumps({"choices": [{"delta": delta, "finish_reason": finish}]})


def test_pieces_are_returned_and_joined() -> None:
    chat = ChatStream(MAX_CHARS)

    pieces = [
        chat.feed(chunk({"role": "assistant", "content": ""})),
        chat.feed(chunk({"content": "a"})),
        chat.feed(chunk({"content": " b"})),
        chat.feed(chunk({}, "stop")),
        chat.feed('{"choices": [], "usage": {"total_tokens": 2}}'),
        chat.feed("[DONE]"),
    ]

    assert pieces == ["", "a", " b", "", "", ""]
    assert chat.is_terminated
    assert chat.close() == Answer(text="a b", stop=Stop.COMPLETE, reason="stop")


@pytest.mark.parametrize(
    "delta", [{}, None, {"content": None}, {"reasoning_content": "hm"}, {"role": "x"}]
)
def test_a_delta_without_content_says_nothing(delta: object) -> None:
    assert ChatStream(MAX_CHARS).feed(chunk(delta)) == ""


def test_an_event_without_data_says_nothing() -> None:
    assert ChatStream(MAX_CHARS).feed("") == ""


def test_an_answer_without_terminator_is_broken() -> None:
    chat = ChatStream(MAX_CHARS)
    chat.feed(chunk({"content": "a"}, "stop"))

    with pytest.raises(ModelError, match=r"expected \[DONE\]"):
        chat.close()


def test_an_answer_without_finish_reason_is_broken() -> None:
    chat = ChatStream(MAX_CHARS)
    chat.feed(chunk({"content": "a"}))
    chat.feed("[DONE]")

    with pytest.raises(ModelError, match="expected a finish reason"):
        chat.close()


@pytest.mark.parametrize(
    "data",
    [
        "{",
        "nonsense",
        "[]",
        "1",
        "[" * 100_000,
        '{"error": {"message": "x"}}',
        '{"error": "x"}',
        '{"choices": [1]}',
        '{"choices": [{"delta": {"content": 1}}]}',
        '{"choices": [{"delta": {"refusal": "no"}}]}',
        '{"choices": [{"delta": {"tool_calls": [{"index": 0}]}}]}',
        '{"choices": [{"delta": {"function_call": {"name": "x"}}}]}',
    ],
)
def test_what_is_no_chunk_is_broken(data: str) -> None:
    with pytest.raises(ModelError) as error:
        ChatStream(MAX_CHARS).feed(data)

    assert error.value.fault is ModelFault.FAILED


def test_an_answer_without_end_is_stopped() -> None:
    chat = ChatStream(MAX_CHARS)
    chat.feed(chunk({"content": "x" * MAX_CHARS}))

    with pytest.raises(ModelError, match="expected at most 1000 characters"):
        chat.feed(chunk({"content": "x"}))


def test_line_ends_are_kept_as_they_are() -> None:
    chat = ChatStream(MAX_CHARS)
    for piece in ("a\r", "\nb\n", "\rc\u2028"):
        chat.feed(chunk({"content": piece}))

    assert chat.text == "a\r\nb\n\rc\u2028"


@pytest.mark.parametrize(
    "data",
    ["{}", '{"choices": null}', '{"choices": []}', '{"object": "ping", "x": [1]}'],
)
def test_an_object_of_another_kind_is_skipped(data: str) -> None:
    chat = ChatStream(MAX_CHARS)

    assert chat.feed(data) == ""
    assert not chat.is_alive


@pytest.mark.parametrize(
    "delta",
    [{"content": "a"}, {"reasoning_content": "hm"}, {"reasoning": "hm", "content": ""}],
)
def test_text_and_reasoning_are_signs_of_life(delta: object) -> None:
    chat = ChatStream(MAX_CHARS)
    chat.feed(chunk(delta))

    assert chat.is_alive


@pytest.mark.parametrize(
    "delta",
    [
        {},
        None,
        {"role": "assistant", "content": ""},
        {"content": None, "refusal": None, "tool_calls": None},
        {"reasoning_content": "", "refusal": "", "tool_calls": []},
    ],
)
def test_a_delta_without_either_is_none(delta: object) -> None:
    chat = ChatStream(MAX_CHARS)
    chat.feed(chunk(delta))

    assert not chat.is_alive


@pytest.mark.parametrize(
    "reason",
    ["error", "", "tool_calls", "function_call", "STOP", "stop ", 7, True, ["stop"]],
)
def test_a_finish_reason_that_is_not_known_is_no_success(reason: object) -> None:
    chat = ChatStream(MAX_CHARS)
    chat.feed(chunk({"content": "a"}, reason))
    chat.feed("[DONE]")

    with pytest.raises(ModelError, match="finish reason") as error:
        chat.close()

    assert error.value.fault is ModelFault.FAILED


def test_an_empty_finish_reason_with_every_chunk_hides_no_real_one() -> None:
    chat = ChatStream(MAX_CHARS)
    chat.feed(chunk({"content": "a"}, ""))
    chat.feed(chunk({}, "stop"))
    chat.feed(chunk({}, ""))
    chat.feed("[DONE]")

    assert chat.close().stop is Stop.COMPLETE


@pytest.mark.parametrize(
    ("reason", "stop"), [("length", Stop.LENGTH), ("content_filter", Stop.FILTER)]
)
def test_an_answer_that_was_stopped_says_so(reason: str, stop: Stop) -> None:
    chat = ChatStream(MAX_CHARS)
    chat.feed(chunk({"content": "a"}, reason))
    chat.feed("[DONE]")

    assert chat.close() == Answer(text="a", stop=stop, reason=reason)


def test_the_request_is_for_a_stream_and_in_ascii() -> None:
    provider = OpenAIChat()

    body = provider.body("m", [{"role": "user", "content": "ü\ud800"}])

    assert body.isascii()
    assert json.loads(body) == {
        "model": "m",
        "messages": [{"role": "user", "content": "ü\ud800"}],
        "stream": True,
    }


def test_the_key_is_a_bearer_token_where_there_is_one() -> None:
    assert OpenAIChat().headers("k") == {"Authorization": "Bearer k"}
    assert OpenAIChat().headers(None) == {}


def unfold(document: dict[str, Any]) -> Answer:
    chat = ChatStream(MAX_CHARS)
    for data in OpenAIChat().unfold(document):
        chat.feed(data)
    return chat.close()


def completion(message: object, finish: object = "stop") -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def test_a_whole_answer_is_read_as_a_streamed_one() -> None:
    whole = unfold(completion({"role": "assistant", "content": "a \ud83d"}, "length"))

    assert whole == Answer(text="a \ud83d", stop=Stop.LENGTH, reason="length")
    assert unfold(completion({"content": None})).text == ""


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"choices": []},
        {"choices": {}},
        {"choices": ["a"]},
        {"error": {"message": "SECRET"}},
        completion({"content": "a"}, None),
        completion({"content": "a"}, "nap"),
        completion({"content": 7}),
        completion({"content": "a", "tool_calls": [{}]}),
        completion({"content": None, "refusal": "no"}),
    ],
)
def test_a_whole_answer_that_is_none_is_broken(document: dict[str, Any]) -> None:
    with pytest.raises(ModelError):
        unfold(document)


def test_the_request_can_be_for_a_whole_answer() -> None:
    body = OpenAIChat().body("m", [], is_streamed=False)

    assert json.loads(body) == {"model": "m", "messages": [], "stream": False}
