"""What is text, what is an end and what is broken in a stream of a message."""

import json
from typing import Any

import pytest

from streamproof.reference_server.models.anthropic import Anthropic, MessageStream
from streamproof.reference_server.models.fault import ModelError, ModelFault
from streamproof.reference_server.models.provider import Answer, Message, Stop

MAX_CHARS = 1000


def event(kind: object, **members: object) -> str:
    return json.dumps({"type": kind, **members})


def block(kind: object, **members: object) -> str:
    return event("content_block_start", content_block={"type": kind, **members})


def delta(kind: object, **members: object) -> str:
    return event("content_block_delta", delta={"type": kind, **members})


def text(piece: object) -> str:
    return delta("text_delta", text=piece)


def stop(reason: object) -> str:
    return event("message_delta", delta={"stop_reason": reason}, usage={})


def read(*events: str) -> MessageStream:
    stream = MessageStream(MAX_CHARS)
    for data in events:
        stream.feed(data)
    return stream


END = event("message_stop")
PING = event("ping")


def test_pieces_are_returned_and_joined() -> None:
    stream = MessageStream(MAX_CHARS)

    pieces = [
        stream.feed(event("message_start", message={"content": []})),
        stream.feed(block("text", text="")),
        stream.feed(PING),
        stream.feed(text("a")),
        stream.feed(text("")),
        stream.feed(event("content_block_stop", index=0)),
        stream.feed(block("text", text=" b")),
        stream.feed(stop("end_turn")),
        stream.feed(END),
    ]

    assert pieces == ["", "", "", "a", "", "", " b", "", ""]
    assert stream.is_terminated
    assert stream.close() == Answer(text="a b", stop=Stop.COMPLETE, reason="end_turn")


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded"])
def test_an_answer_that_was_stopped_says_so(reason: str) -> None:
    assert read(text("a"), stop(reason), END).close() == Answer(
        text="a", stop=Stop.LENGTH, reason=reason
    )


def test_an_answer_without_its_last_event_is_broken() -> None:
    stream = read(text("a"), stop("end_turn"))

    assert not stream.is_terminated
    with pytest.raises(ModelError, match="expected message_stop"):
        stream.close()


def test_an_answer_without_a_stop_reason_is_broken() -> None:
    with pytest.raises(ModelError, match="expected a stop reason"):
        read(text("a"), END).close()


@pytest.mark.parametrize(
    "reason",
    ["refusal", "tool_use", "pause_turn", "stop_sequence", "error", "", None, 7, ["x"]],
)
def test_a_stop_reason_that_is_no_end_is_no_success(reason: object) -> None:
    with pytest.raises(ModelError, match="stop reason") as error:
        read(text("a"), stop(reason), END).close()

    assert error.value.fault is ModelFault.FAILED


def test_a_stop_reason_is_not_taken_back() -> None:
    assert read(stop("end_turn"), stop(None), END).close().stop is Stop.COMPLETE


@pytest.mark.parametrize(
    "data",
    [
        "{",
        "[DONE]",
        event("error", error={"type": "overloaded_error", "message": "Overloaded"}),
        event("error"),
        block("tool_use", name="f", input={}),
        block("server_tool_use", name="web_search"),
        event("content_block_start"),
        event("content_block_delta", delta="a"),
        event("message_delta"),
        block("text"),
        text(None),
        text(1),
    ],
)
def test_what_is_no_text_is_broken(data: str) -> None:
    with pytest.raises(ModelError) as error:
        read(data)

    assert error.value.fault is ModelFault.FAILED


def test_what_the_service_says_of_an_error_is_not_repeated() -> None:
    with pytest.raises(ModelError) as error:
        read(event("error", error={"type": "SECRET", "message": "SECRET"}))

    assert "SECRET" not in str(error.value)


def test_an_answer_without_end_is_stopped() -> None:
    stream = read(text("x" * MAX_CHARS))

    with pytest.raises(ModelError, match="expected at most 1000 characters"):
        stream.feed(text("x"))


@pytest.mark.parametrize(
    "data",
    [
        text("a"),
        block("thinking", thinking="", signature=""),
        block("redacted_thinking", data="x"),
        delta("thinking_delta", thinking="hm"),
    ],
)
def test_text_and_reasoning_are_signs_of_life(data: str) -> None:
    assert read(data).is_alive


@pytest.mark.parametrize(
    "data",
    [
        "",
        "{}",
        PING,
        event("message_start", message={}),
        event("notice"),
        event(["error"]),
        block("text", text=""),
        block("document"),
        block(["x"]),
        text(""),
        delta("thinking_delta", thinking=""),
        delta("signature_delta", signature="x"),
        delta("citations_delta", citation={}),
    ],
)
def test_what_says_nothing_is_skipped_and_no_life(data: str) -> None:
    stream = MessageStream(MAX_CHARS)

    assert stream.feed(data) == ""
    assert not stream.is_alive
    assert not stream.is_terminated


def test_the_request_is_for_a_stream_and_in_ascii() -> None:
    body = Anthropic(max_tokens=9).body("m", [{"role": "user", "content": "ü\ud800"}])

    assert body.isascii()
    assert json.loads(body) == {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "ü\ud800"}],
        "stream": True,
    }


def test_what_the_system_says_stands_apart() -> None:
    messages: list[Message] = [
        {"role": "system", "content": "a"},
        {"role": "user", "content": " b\n"},
        {"role": "assistant", "content": "c"},
        {"role": "system", "content": "d"},
        {"role": "user", "content": "e"},
    ]

    request = json.loads(Anthropic(max_tokens=9).body("m", messages))

    assert request["system"] == "a\n\nd"
    assert request["messages"] == [messages[1], messages[2], messages[4]]


def test_the_version_is_told_and_the_key_where_there_is_one() -> None:
    version = {"anthropic-version": "2023-06-01"}

    assert Anthropic(max_tokens=9).headers(None) == version
    assert Anthropic(max_tokens=9).headers("k") == {**version, "x-api-key": "k"}


def unfold(document: dict[str, Any]) -> Answer:
    stream = MessageStream(1000)
    for data in Anthropic(max_tokens=7).unfold(document):
        stream.feed(data)
    return stream.close()


def message(*blocks: object, reason: object = "end_turn") -> dict[str, Any]:
    return {"type": "message", "content": [*blocks], "stop_reason": reason}


def test_a_whole_answer_is_read_as_a_streamed_one() -> None:
    whole = message(
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "a "},
        {"type": "text", "text": "b"},
    )

    assert unfold(whole) == Answer(text="a b", stop=Stop.COMPLETE, reason="end_turn")
    assert unfold(message(reason="max_tokens")).stop is Stop.LENGTH


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"type": "error", "error": {"message": "SECRET"}},
        message("a"),
        message({"type": "text", "text": 7}),
        message({"type": "text", "text": "a"}, reason=None),
        message({"type": "text", "text": "a"}, reason="refusal"),
        message({"type": "tool_use"}, reason="tool_use"),
    ],
)
def test_a_whole_answer_that_is_none_is_broken(document: dict[str, Any]) -> None:
    with pytest.raises(ModelError):
        unfold(document)


def test_the_request_can_be_for_a_whole_answer() -> None:
    body = json.loads(Anthropic(max_tokens=7).body("m", [], is_streamed=False))

    assert body == {"model": "m", "max_tokens": 7, "messages": [], "stream": False}
