"""`performance.shaping`: whatever shape a stream has, it says the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.fakes.providers.streams import STREAMS, Stream
from tests.fakes.validators.decoding import take_apart
from tests.fakes.virtual import VirtualLink, VirtualTimers

from streamproof.fakes.errors import ScriptError
from streamproof.fakes.net.http1 import Framing
from streamproof.fakes.performance.delivery import ShapedDelivery, deliver
from streamproof.fakes.performance.drip import narrow
from streamproof.fakes.performance.shaping import (
    Shape,
    break_frame,
    payload_of,
    repeat_frame,
)
from streamproof.fakes.providers.provider import Syntax
from streamproof.fakes.script import Say, Script, Think, Tool, Wire

if TYPE_CHECKING:
    from streamproof.fakes.net.link import Peer
    from streamproof.fakes.performance.delivery import Delivery

KEPT = Framing(chunked=True, keep_alive=True)
# Line ends, what else Python takes for one, and characters of two to four bytes.
TEXTS = st.text(alphabet='a é\u2028\u0085\ufeff😀\r\n":,[}', max_size=12)
SAID = st.lists(
    st.one_of(
        st.builds(Say, text=TEXTS),
        st.builds(Think, text=TEXTS),
        st.builds(Tool, name=st.just("f"), arguments=st.just('{"a": "\\n\\u2028é"}')),
    ),
    min_size=1,
    max_size=4,
)
SHAPES = st.builds(
    Wire,
    newline=st.sampled_from([None, "lf", "crlf", "cr"]),
    bom=st.booleans(),
    comment=st.sampled_from([None, "", "data: no", "é"]),
    coalesce=st.integers(1, 9),
    split=st.none() | st.integers(1, 40),
    framing=st.sampled_from([None, "chunked", "close"]),
)
streams = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)


class Deaf:
    """An exchange that does not care."""

    is_held = False

    def writable(self) -> None:
        """Go on."""

    def peer_left(self, peer: Peer) -> None:
        """Stop."""

    def shut_down(self) -> None:
        """Stop too."""


def played(stream: Stream, script: Script, wire: Wire) -> bytes:
    """Return everything that such a call leaves on the connection."""
    answer, reply = stream.perform(script)
    delivery: Delivery = deliver(reply, KEPT, stream=True, wire=wire)
    pieces = [(part, piece) for part in answer.parts for piece in part.pieces]
    inner, timers = VirtualLink(), VirtualTimers()
    link = narrow(inner, wire, None, timers)
    link.attach(Deaf())
    for data in (
        delivery.open(),
        *(delivery.token(part, piece) for part, piece in pieces),
        delivery.close(),
        delivery.terminate(),
        delivery.end(),
    ):
        link.write(data)
    timers.advance(0)
    return inner.data


@streams
@given(said=SAID, wire=SHAPES)
def test_every_shape_of_a_stream_says_the_same(
    stream: Stream, said: list[Say | Think | Tool], wire: Wire
) -> None:
    if not stream.has_comments:
        wire = wire.model_copy(update={"comment": None})
    script = Script(say=tuple(said))
    _, plain = take_apart(played(stream, script, Wire()))
    headers, chunks = take_apart(played(stream, script, wire))
    body = b"".join(chunks)

    assert stream.decode(body) == stream.decode(b"".join(plain)) != []
    assert body.startswith("\ufeff".encode()) == wire.bom
    if wire.comment is not None:
        comments = re.findall(rb"(?:^|\r\n|\r|\n|\xef\xbb\xbf): ", body)
        assert len(comments) == len(stream.decode(body))
    if wire.newline == "cr":
        assert b"\n" not in body
    if wire.newline == "lf":
        assert b"\r" not in body
    if wire.newline == "crlf":
        assert body.count(b"\r\n") == body.count(b"\n") == body.count(b"\r")
    is_closed = wire.framing == "close"
    assert headers["connection"] == ("close" if is_closed else "keep-alive")
    assert ("transfer-encoding" in headers) != is_closed
    if wire.split and not is_closed:
        assert max(len(chunk) for chunk in chunks) <= wire.split


@streams
def test_tokens_leave_so_many_at_a_time(stream: Stream) -> None:
    script = Script(say=(Say(text="a b c d e"),))
    answer, reply = stream.perform(script)
    delivery = deliver(reply, KEPT, stream=True, wire=Wire(coalesce=2))
    (part,) = answer.parts
    delivery.open()
    sent = [delivery.token(part, piece) for piece in part.pieces]
    _, (first,) = take_apart(b"\r\ntransfer-encoding: chunked\r\n\r\n" + sent[1])

    assert [bool(data) for data in sent] == [False, True, False, True, False]
    assert b'"a "' in first
    assert b'"b "' in first
    assert b'"e"' in delivery.close() + delivery.terminate()


def test_a_comment_stands_before_every_event_and_in_none() -> None:
    shape = Shape(Wire(comment="hi"), Syntax.EVENTS)

    assert shape.dress(b"event: a\ndata: 1\n\ndata: 2\n\n") == (
        b": hi\n\nevent: a\ndata: 1\n\n: hi\n\ndata: 2\n\n"
    )
    assert shape.dress(b"data: 3\r\n\r\n") == b": hi\r\n\r\ndata: 3\r\n\r\n"
    assert shape.dress(b": ping\n\n") == b": ping\n\n"


def test_a_mark_stands_before_the_first_frame_alone() -> None:
    shape = Shape(Wire(bom=True), Syntax.LINES)

    assert shape.open(b"") == b""
    assert shape.open(b"{}\n") == b"\xef\xbb\xbf{}\n"
    assert shape.open(b"{}\n") == b"{}\n"


@pytest.mark.parametrize(
    ("newline", "dressed"),
    [
        ("lf", b"a\nb\n\nc\n"),
        ("crlf", b"a\r\nb\r\n\r\nc\r\n"),
        ("cr", b"a\rb\r\rc\r"),
    ],
)
def test_all_lines_end_alike(
    newline: Literal["lf", "crlf", "cr"], dressed: bytes
) -> None:
    shape = Shape(Wire(newline=newline), Syntax.EVENTS)

    assert shape.dress(b"a\nb\r\n\rc\n") == dressed
    assert shape.dress(b"") == b""


@streams
def test_tokens_that_are_kept_back_are_dressed_one_by_one(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    plain = Shape.dress

    def dress(shape: Shape, frames: bytes) -> bytes:
        sizes.append(len(frames))
        return plain(shape, frames)

    monkeypatch.setattr(Shape, "dress", dress)
    answer, reply = stream.perform(Script(say=(Say(tokens=1000),)))
    wire = Wire(coalesce=1000, newline="crlf")
    delivery = deliver(reply, KEPT, stream=True, wire=wire)
    (part,) = answer.parts
    sent = [delivery.token(part, piece) for piece in part.pieces]

    assert [bool(data) for data in sent] == [False] * 999 + [True]
    assert len(sizes) == 1000
    assert max(sizes[1:]) < 2 * min(sizes[1:])


def test_no_more_tokens_leave_together_than_is_quick() -> None:
    with pytest.raises(ValidationError, match="less than or equal to 1000"):
        Wire(coalesce=1001)


@streams
def test_a_mark_stands_before_a_ping_that_overtakes_tokens(stream: Stream) -> None:
    answer, reply = stream.perform(Script(say=(Say(text="a b"),)))
    framing = Framing(chunked=False, keep_alive=False)
    wire = Wire(coalesce=2, bom=True)
    delivery = deliver(reply, framing, stream=True, wire=wire)
    (part,) = answer.parts
    opened = delivery.open().partition(b"\r\n\r\n")[2]
    first = delivery.token(part, part.pieces[0])
    ping = delivery.keepalive(None)
    second = delivery.token(part, part.pieces[1])

    assert first == b""
    assert (opened + ping).startswith("\ufeff".encode())
    assert (opened + ping + second).count("\ufeff".encode()) == 1


@pytest.mark.parametrize("syntax", [Syntax.LINES, Syntax.ARRAY])
def test_json_has_no_comments(syntax: Syntax) -> None:
    with pytest.raises(ScriptError, match="expected a stream of events, got"):
        Shape(Wire(comment=""), syntax)


@pytest.mark.parametrize(
    ("syntax", "frames", "repeated"),
    [
        (Syntax.EVENTS, b"data: 1\n\nx: 2\ndata: {}\n\n", b"x: 2\ndata: {}\n\n"),
        (Syntax.EVENTS, b"data: {}\r\n\r\n", b"data: {}\r\n\r\n"),
        (Syntax.LINES, b"{}\n", b"{}\n"),
        (Syntax.ARRAY, b"[{\n  1\n}\n", b",\r\n{\n  1\n}\n"),
        (Syntax.ARRAY, b",\r\n{}\n", b",\r\n{}\n"),
    ],
)
def test_the_last_frame_is_the_one_that_comes_twice(
    syntax: Syntax, frames: bytes, repeated: bytes
) -> None:
    assert repeat_frame(frames, syntax) == frames + repeated


def test_a_broken_frame_lacks_its_last_brace() -> None:
    assert break_frame(b'data: {}\n\ndata: {"a":{}  }\n\n') == (
        b'data: {}\n\ndata: {"a":{}  \n\n'
    )


@pytest.mark.parametrize(
    ("syntax", "frame"),
    [
        (Syntax.EVENTS, b"event: a\ndata: {}\n\n"),
        (Syntax.LINES, b"{}\n"),
        (Syntax.ARRAY, b"[{}\n"),
    ],
)
def test_a_frame_is_unwrapped(syntax: Syntax, frame: bytes) -> None:
    assert payload_of(frame, syntax) == b"{}"


def test_an_old_client_gets_no_chunks_it_could_not_read() -> None:
    framing = Framing(chunked=False, keep_alive=False)
    _, reply = STREAMS[0].perform(Script())
    delivery = deliver(reply, framing, stream=True, wire=Wire(framing="chunked"))

    assert isinstance(delivery, ShapedDelivery)
    assert delivery.framing == framing


PLAIN_EVENTS = b'data: {"a":1}\n\nevent: ping\ndata: {}\n\n: here\n\n'


@pytest.mark.parametrize(
    ("wire", "first", "second"),
    [
        (Wire(space=False), b'data:{"a":1}\n\n', b"event:ping\ndata:{}\n\n"),
        (
            Wire(ids=True),
            b'id: 1\ndata: {"a":1}\n\n',
            b"id: 2\nevent: ping\ndata: {}\n\n",
        ),
        (
            Wire(event="chunk"),
            b'event: chunk\ndata: {"a":1}\n\n',
            b"event: ping\ndata: {}\n\n",
        ),
        (
            Wire(remark="hi"),
            b'data: {"a":1}\n: hi\n\n',
            b"event: ping\n: hi\ndata: {}\n\n",
        ),
        (
            Wire(space=False, ids=True, event="e", remark=""),
            b'id:1\n: \nevent:e\ndata:{"a":1}\n\n',
            b"id:2\n: \nevent:ping\ndata:{}\n\n",
        ),
    ],
    ids=["space", "ids", "event", "remark", "all"],
)
def test_lines_of_an_event_can_be_added_and_spelled_tightly(
    wire: Wire, first: bytes, second: bytes
) -> None:
    dressed = first + second + b": here\n\n"
    crlf = wire.model_copy(update={"newline": "crlf"})

    assert Shape(wire, Syntax.EVENTS).dress(PLAIN_EVENTS) == dressed
    assert Shape(crlf, Syntax.EVENTS).dress(PLAIN_EVENTS) == dressed.replace(
        b"\n", b"\r\n"
    )


@pytest.mark.parametrize(
    "wire",
    [Wire(space=False), Wire(ids=True), Wire(event="e"), Wire(remark="")],
    ids=["space", "ids", "event", "remark"],
)
@pytest.mark.parametrize("syntax", [Syntax.LINES, Syntax.ARRAY])
def test_what_only_events_have_is_refused_elsewhere(wire: Wire, syntax: Syntax) -> None:
    with pytest.raises(ScriptError, match=f"expected a stream of events, got {syntax}"):
        Shape(wire, syntax)


def test_a_body_without_event_fields_is_left_alone() -> None:
    bare = b'{\r\n  "error": {}\r\n}\r\n'

    assert Shape(Wire(ids=True, remark="x"), Syntax.EVENTS).dress(bare) == bare
