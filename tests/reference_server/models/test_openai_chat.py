"""What is text, what is an end and what is broken in a chat completion stream."""

import json

import pytest

from streamproof.reference_server.models.openai_chat import (
    BrokenStreamError,
    ChatStream,
)

MAX_CHARS = 1000


def chunk(delta: object, finish: str | None = None) -> str:
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
    assert chat.close() == "a b"


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

    with pytest.raises(BrokenStreamError, match=r"expected \[DONE\]"):
        chat.close()


def test_an_answer_without_finish_reason_is_broken() -> None:
    chat = ChatStream(MAX_CHARS)
    chat.feed(chunk({"content": "a"}))
    chat.feed("[DONE]")

    with pytest.raises(BrokenStreamError, match="expected a finish reason"):
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
        "{}",
        '{"choices": null}',
        '{"choices": [1]}',
        '{"choices": [{"delta": {"content": 1}}]}',
    ],
)
def test_what_is_no_chunk_is_broken(data: str) -> None:
    with pytest.raises(BrokenStreamError):
        ChatStream(MAX_CHARS).feed(data)


def test_an_answer_without_end_is_stopped() -> None:
    chat = ChatStream(MAX_CHARS)
    chat.feed(chunk({"content": "x" * MAX_CHARS}))

    with pytest.raises(BrokenStreamError, match="expected at most 1000 characters"):
        chat.feed(chunk({"content": "x"}))


def test_line_ends_are_kept_as_they_are() -> None:
    chat = ChatStream(MAX_CHARS)
    for piece in ("a\r", "\nb\n", "\rc\u2028"):
        chat.feed(chunk({"content": piece}))

    assert chat.text == "a\r\nb\n\rc\u2028"
