"""`fakes.delivery`: the same reply as a stream and as a whole."""

from __future__ import annotations

import json

import pytest

from fakes.content import Answer, Kind, Part, Usage
from fakes.delivery import Delivery, StreamDelivery, WholeDelivery
from fakes.http1 import Framing
from fakes.providers.ollama import LineReply, LineRequest
from fakes.providers.openai_chat import ChatReply, ChatRequest
from fakes.script import Fail, InStreamError

REQUEST = ChatRequest(
    model="m",
    stream=True,
    texts=("hi",),
    include_usage=False,
    include_obfuscation=False,
    max_tokens=None,
    fingerprint="f",
)
PART = Part(index=0, kind=Kind.TEXT, pieces=("Hi ", "you"))
ANSWER = Answer(parts=(PART,), usage=Usage(output_tokens=2))


def stream(*, chunked: bool = True) -> StreamDelivery:
    framing = Framing(chunked=chunked, keep_alive=chunked)
    return StreamDelivery(ChatReply(request=REQUEST, answer=ANSWER, seed=0), framing)


def whole() -> WholeDelivery:
    framing = Framing(chunked=True, keep_alive=True)
    return WholeDelivery(ChatReply(request=REQUEST, answer=ANSWER, seed=0), framing)


def test_a_stream_hands_over_each_piece_in_a_chunk_of_its_own() -> None:
    delivery = stream()
    token = delivery.token(PART, "Hi ")
    size, _, rest = token.partition(b"\r\n")

    assert int(size, 16) == len(rest) - 2
    assert rest.startswith(b"data: {")
    assert rest.endswith(b"}\n\n\r\n")
    assert delivery.terminate() == b"e\r\ndata: [DONE]\n\n\r\n"
    assert delivery.end() == b"0\r\n\r\n"
    assert delivery.truncate() == (b"", b"0\r\n\r\n")


def test_a_stream_without_chunks_ends_with_the_connection() -> None:
    delivery = stream(chunked=False)

    assert delivery.terminate() == b"data: [DONE]\n\n"
    assert delivery.end() == b""


def test_a_whole_answer_leaves_at_the_end_and_keeps_its_last_byte_back() -> None:
    delivery = whole()
    early = b"".join(
        [delivery.open(), *(delivery.token(PART, text) for text in PART.pieces)]
    )
    data = delivery.close() + delivery.terminate()
    last = delivery.end()
    body = json.loads((data + last).partition(b"\r\n\r\n")[2])

    assert early == b""
    assert last == b"}"
    assert body["choices"][0]["message"]["content"] == "Hi you"
    assert body["usage"]["completion_tokens"] == 2


@pytest.mark.parametrize("delivery", [stream(), whole()], ids=["stream", "whole"])
def test_an_http_error_is_the_same_either_way(delivery: Delivery) -> None:
    first, last = delivery.fail(Fail(status=500))

    assert first.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert last == b"}"


def test_a_late_error_keeps_the_status_of_a_stream_but_not_of_a_whole() -> None:
    error = InStreamError(after=1)

    assert stream().fail_late(error)[0] == 200
    assert whole().fail_late(error)[0] == 500


def test_a_piece_without_bytes_is_no_chunk_for_it_would_be_the_last() -> None:
    request = LineRequest(
        model="m",
        stream=True,
        is_chat=True,
        is_load=False,
        is_unload=False,
        texts=("hi",),
        max_tokens=None,
        fingerprint="f",
    )
    tool = Part(index=0, kind=Kind.TOOL, name="f", pieces=("{", "}"))
    reply = LineReply(request=request, answer=Answer(parts=(tool,)), seed=0)
    delivery = StreamDelivery(reply, Framing(chunked=True, keep_alive=True))

    assert delivery.open().endswith(b"keep-alive\r\n\r\n")
    assert delivery.token(tool, "{") == b""
    assert delivery.token(tool, "}").endswith(b"}\n\r\n")
    assert delivery.close() == b""
