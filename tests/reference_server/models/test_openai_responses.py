"""What is text, what is an end and what is broken in a stream of a response."""

import json
from typing import Any

import pytest

from streamproof.reference_server.models.fault import ModelError, ModelFault
from streamproof.reference_server.models.openai_responses import (
    OpenAIResponses,
    ResponseStream,
)
from streamproof.reference_server.models.provider import Answer, Stop

MAX_CHARS = 1000


def event(kind: object, **members: object) -> str:
    return json.dumps({"type": kind, **members})


def delta(text: object) -> str:
    return event("response.output_text.delta", delta=text)


def end(kind: str, status: object, reason: object = None) -> str:
    details = None if reason is None else {"reason": reason}
    response = {"status": status, "incomplete_details": details}
    return event(f"response.{kind}", response=response)


def read(*events: str) -> ResponseStream:
    stream = ResponseStream(MAX_CHARS)
    for data in events:
        stream.feed(data)
    return stream


COMPLETED = end("completed", "completed")


def test_pieces_are_returned_and_joined() -> None:
    stream = ResponseStream(MAX_CHARS)

    pieces = [
        stream.feed(event("response.created", response={"status": "in_progress"})),
        stream.feed(event("response.output_item.added", item={"type": "message"})),
        stream.feed(delta("a")),
        stream.feed(delta("")),
        stream.feed(delta(" b")),
        stream.feed(event("response.output_text.done", text="a b")),
        stream.feed(COMPLETED),
    ]

    assert pieces == ["", "", "a", "", " b", "", ""]
    assert stream.is_terminated
    assert stream.close() == Answer(text="a b", stop=Stop.COMPLETE, reason="completed")


@pytest.mark.parametrize(
    ("reason", "stop"),
    [("max_output_tokens", Stop.LENGTH), ("content_filter", Stop.FILTER)],
)
def test_an_incomplete_response_says_why(reason: str, stop: Stop) -> None:
    stream = read(delta("a"), end("incomplete", "incomplete", reason))

    assert stream.close() == Answer(text="a", stop=stop, reason=reason)


def test_an_answer_without_a_terminal_event_is_broken() -> None:
    stream = read(delta("a"), event("response.output_text.done", text="a"))

    assert not stream.is_terminated
    with pytest.raises(ModelError, match="expected a terminal event"):
        stream.close()


@pytest.mark.parametrize(
    "last",
    [
        end("completed", None),
        end("completed", ""),
        end("completed", "incomplete", "max_output_tokens"),
        end("completed", ["completed"]),
        end("incomplete", "completed"),
        end("incomplete", None, "max_output_tokens"),
        end("incomplete", "incomplete"),
        end("incomplete", "incomplete", ""),
        end("incomplete", "incomplete", "tired"),
        end("incomplete", "incomplete", 7),
        event("response.completed"),
        event("response.completed", response="completed"),
    ],
)
def test_an_end_that_says_nothing_known_is_no_success(last: str) -> None:
    with pytest.raises(ModelError) as error:
        read(delta("a"), last).close()

    assert error.value.fault is ModelFault.FAILED


@pytest.mark.parametrize(
    "data",
    [
        "{",
        "[DONE]",
        event("error", code="server_error", message="x", param=None),
        event("error", error={"type": "server_error", "message": "x"}),
        event("response.failed", response={"status": "failed"}),
        event("response.cancelled", response={"status": "cancelled"}),
        event("response.refusal.delta", delta="no"),
        event("response.refusal.done", refusal=""),
        event("response.output_item.added", item={"type": "function_call"}),
        event("response.output_item.added", item={"type": "web_search_call"}),
        event("response.output_item.added"),
        delta(None),
        delta(1),
    ],
)
def test_what_is_no_text_is_broken(data: str) -> None:
    with pytest.raises(ModelError) as error:
        read(data)

    assert error.value.fault is ModelFault.FAILED


def test_what_the_service_says_of_an_error_is_not_repeated() -> None:
    with pytest.raises(ModelError) as error:
        read(event("error", code="SECRET", message="SECRET"))

    assert "SECRET" not in str(error.value)


def test_an_answer_without_end_is_stopped() -> None:
    stream = read(delta("x" * MAX_CHARS))

    with pytest.raises(ModelError, match="expected at most 1000 characters"):
        stream.feed(delta("x"))


@pytest.mark.parametrize(
    "data",
    [
        delta("a"),
        event("response.reasoning_summary_text.delta", delta="hm"),
        event("response.reasoning_text.delta", delta="hm"),
        event("response.output_item.added", item={"type": "reasoning", "summary": []}),
    ],
)
def test_text_and_reasoning_are_signs_of_life(data: str) -> None:
    assert read(data).is_alive


@pytest.mark.parametrize(
    "data",
    [
        "",
        "{}",
        event("keepalive", sequence_number=3),
        event("response.in_progress", response={}),
        event("response.notice"),
        event(7),
        event(["error"]),
        event("response.output_item.added", item={"type": "message"}),
        event("response.output_item.added", item={"type": ["x"]}),
        event("response.reasoning_summary_text.delta", delta=""),
        delta(""),
    ],
)
def test_what_says_nothing_is_skipped_and_no_life(data: str) -> None:
    stream = ResponseStream(MAX_CHARS)

    assert stream.feed(data) == ""
    assert not stream.is_alive
    assert not stream.is_terminated


def test_the_request_is_for_a_stream_and_in_ascii() -> None:
    provider = OpenAIResponses()

    body = provider.body("m", [{"role": "user", "content": "ü\ud800"}])

    assert body.isascii()
    assert json.loads(body) == {
        "model": "m",
        "input": [{"role": "user", "content": "ü\ud800"}],
        "stream": True,
        "store": False,
    }


def test_the_key_is_a_bearer_token_where_there_is_one() -> None:
    assert OpenAIResponses().headers("k") == {"Authorization": "Bearer k"}
    assert OpenAIResponses().headers(None) == {}


def unfold(document: dict[str, Any]) -> Answer:
    stream = ResponseStream(1000)
    for data in OpenAIResponses().unfold(document):
        stream.feed(data)
    return stream.close()


def said(*parts: object, status: str = "completed") -> dict[str, Any]:
    items = [{"type": "reasoning"}, {"type": "message", "content": [*parts]}]
    return {"status": status, "output": items}


TEXT = {"type": "output_text", "text": "a "}


def test_a_whole_answer_is_read_as_a_streamed_one() -> None:
    whole = said(TEXT, {"type": "annotation"}, "x", {**TEXT, "text": "b"})
    cut = {
        **said(TEXT, status="incomplete"),
        "incomplete_details": {"reason": "content_filter"},
    }

    assert unfold(whole) == Answer(text="a b", stop=Stop.COMPLETE, reason="completed")
    assert unfold(cut) == Answer(text="a ", stop=Stop.FILTER, reason="content_filter")
    assert unfold({"status": "completed"}).text == ""


@pytest.mark.parametrize(
    "document",
    [
        {},
        said(TEXT, status="in_progress"),
        said(TEXT, status="failed"),
        said(TEXT, status="cancelled"),
        said(TEXT, status="incomplete"),
        said({"type": "output_text", "text": 7}),
        said({"type": "refusal", "refusal": "no"}),
        {"status": "completed", "output": [{"type": "function_call"}]},
    ],
)
def test_a_whole_answer_that_is_none_is_broken(document: dict[str, Any]) -> None:
    with pytest.raises(ModelError):
        unfold(document)


def test_the_request_can_be_for_a_whole_answer() -> None:
    body = json.loads(OpenAIResponses().body("m", [], is_streamed=False))

    assert body == {"model": "m", "input": [], "stream": False, "store": False}
