"""`performance.delivery`: the same reply as a stream and as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.fakes.providers.streams import STREAMS, Stream

from streamproof.fakes.content import Answer, Kind, Part, Usage
from streamproof.fakes.net.http1 import Framing
from streamproof.fakes.performance.delivery import (
    Delivery,
    ShapedDelivery,
    StreamDelivery,
    WholeDelivery,
    deliver,
)
from streamproof.fakes.providers.ollama import LineReply, LineRequest
from streamproof.fakes.providers.openai_chat import ChatReply, ChatRequest
from streamproof.fakes.script import (
    Fail,
    Garbling,
    InStreamError,
    Page,
    Say,
    Script,
    Tool,
    Wire,
)

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


def shaped(**wire: object) -> Delivery:
    framing = Framing(chunked=True, keep_alive=True)
    reply = ChatReply(request=REQUEST, answer=ANSWER, seed=0)
    return deliver(reply, framing, stream=True, wire=Wire.model_validate(wire))


def test_a_plain_stream_is_chosen_once_and_costs_nothing() -> None:
    framing = Framing(chunked=True, keep_alive=True)
    reply = ChatReply(request=REQUEST, answer=ANSWER, seed=0)
    plain = deliver(reply, framing, stream=True, wire=Wire())

    assert type(plain) is StreamDelivery
    assert type(shaped(bom=True)) is ShapedDelivery
    assert type(deliver(reply, framing, stream=False, wire=Wire())) is WholeDelivery


NEXT: dict[str, Callable[[Delivery], bytes]] = {
    "close": lambda delivery: delivery.close(),
    "terminate": lambda delivery: delivery.terminate(),
    "error": lambda delivery: delivery.fail_late(InStreamError(after=1))[1],
    "cut": lambda delivery: delivery.cut((PART, "you"), 3),
    "truncate": lambda delivery: delivery.truncate()[0],
}


@pytest.mark.parametrize("ask", NEXT.values(), ids=NEXT)
def test_tokens_that_were_kept_back_leave_before_whatever_is_next(
    ask: Callable[[Delivery], bytes],
) -> None:
    delivery = shaped(coalesce=5)
    delivery.open()
    kept = delivery.token(PART, "Hi ")
    ping = delivery.keepalive(None)
    said = ask(delivery)

    assert kept == b""
    assert ping == b"19\r\n: OPENROUTER PROCESSING\n\n\r\n"
    assert said.count(b'"Hi "') == 1
    assert b'"you"' not in said


def test_a_body_that_is_said_to_be_something_else_is_so_in_one_piece_too() -> None:
    framing = Framing(chunked=True, keep_alive=True)
    reply = ChatReply(request=REQUEST, answer=ANSWER, seed=0)
    wire = Wire(type="text/plain", split=1, bom=True)
    delivery = deliver(reply, framing, stream=False, wire=wire)
    head, _, body = (delivery.terminate() + delivery.end()).partition(b"\r\n\r\n")

    assert b"\r\ncontent-type: text/plain\r\n" in head
    assert b"application/json" not in head
    assert json.loads(body)["object"] == "chat.completion"


def test_an_answer_in_one_piece_has_no_frames_to_cut_and_no_silence_to_break() -> None:
    delivery = whole()

    assert delivery.cut((PART, "Hi "), 5) == b""
    assert delivery.cut(None, 5) == b""
    assert delivery.keepalive("here") == b""


@pytest.mark.parametrize("delivery", [stream(), whole()], ids=["stream", "whole"])
def test_a_page_is_the_same_either_way(delivery: Delivery) -> None:
    first, last = delivery.page(Page(status=403, type="text/plain", text="no\n"))

    assert first + last == (
        b"HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\n"
        b"content-length: 3\r\nconnection: keep-alive\r\n\r\nno\n"
    )
    assert last == b"\n"


KEEPALIVES = {
    "openai_chat": b": here\n\n",
    "openai_responses": b": here\n\n",
    "anthropic": b'event: ping\ndata: {"type": "ping"}\n\n',
    "gemini events": b": here\r\n\r\n",
    "gemini array": b"\n",
    "ollama chat lines": b"\n",
    "ollama generate lines": b"\n",
}


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_every_service_has_its_way_to_say_nothing(stream: Stream) -> None:
    _, reply = stream.perform(Script())

    assert reply.keepalive("here") == KEEPALIVES[stream.name]
    if stream.name == "openai_responses":
        assert reply.keepalive(None).startswith(b"event: keepalive\n")
        return
    assert reply.keepalive(None) == KEEPALIVES[stream.name].replace(
        b"here", b"OPENROUTER PROCESSING"
    )


def _unnumbered(event: object) -> object:
    """Take out of an event what counts those before it: a ping may be one."""
    if not isinstance(event, tuple) or "sequence_number" not in event[1]:
        return event
    counted = {"sequence_number", "obfuscation"}
    data = json.loads(event[1])
    return {name: value for name, value in data.items() if name not in counted}


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_what_says_nothing_changes_nothing(stream: Stream) -> None:
    def said(*, ping: bool) -> list[object]:
        answer, reply = stream.perform(Script(say=(Say(text="a b"), Say(text="c"))))
        pieces = [(part, piece) for part in answer.parts for piece in part.pieces]
        tokens = [reply.token(*piece) for piece in pieces]
        frames = [reply.opening(), *tokens, reply.closing(), reply.terminator()]
        between = reply.keepalive(None) if ping else b""
        body = between.join(frame for frame in frames if frame)
        return [
            _unnumbered(event)
            for event in stream.decode(body)
            if "ping" not in event and "keepalive" not in event
        ]

    assert said(ping=True) == said(ping=False)


WHOLE_CALLS = [each for each in STREAMS if each.name.startswith(("gemini", "ollama"))]
CALL = Tool(name="f", arguments='{"city": "Rome"}', pieces=3)


@pytest.mark.parametrize("stream", WHOLE_CALLS, ids=lambda stream: stream.name)
@pytest.mark.parametrize("garble", list(Garbling))
def test_what_is_wrong_with_a_fragment_is_wrong_with_the_call(
    garble: Garbling, stream: Stream
) -> None:
    def chunks(garbles: list[Garbling | None]) -> list[bytes]:
        answer, reply = stream.perform(Script(say=(CALL,)))
        framing = Framing(chunked=False, keep_alive=False)
        delivery = deliver(reply, framing, stream=True, wire=Wire())
        (part,) = answer.parts
        return [
            delivery.token(part, text, wrong)
            for text, wrong in zip(part.pieces, garbles, strict=True)
        ]

    early = chunks([garble, None, None])
    last = chunks([None, None, garble])

    right = chunks([None, None, None])

    assert early[:2] == last[:2] == [b"", b""]
    assert len(early[2]) == len(last[2]) != len(right[2])


@pytest.mark.parametrize("wire", [Wire(), Wire(newline="crlf")])
def test_a_wrong_frame_before_a_call_that_never_comes_leaves_all_the_same(
    wire: Wire,
) -> None:
    cut = CALL.model_copy(update={"keep": 3})
    (stream, *_) = WHOLE_CALLS
    answer, reply = stream.perform(Script(say=(cut,)))
    framing = Framing(chunked=False, keep_alive=False)
    delivery = deliver(reply, framing, stream=True, wire=wire)
    (part,) = answer.parts
    said = [delivery.token(part, text, Garbling.UNKNOWN) for text in part.pieces]
    closed, ended = delivery.close(), delivery.terminate()

    assert set(said) == {b""}
    assert closed.count(b"Nobody knows") == len(said)
    assert b"MALFORMED_FUNCTION_CALL" in ended
