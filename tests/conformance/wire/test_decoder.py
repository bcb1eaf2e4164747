"""The decoder from bytes to items: vectors, chunkings, limits, line ends, anomalies."""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamproof.conformance.wire import (
    Anomaly,
    AnomalyKind,
    Block,
    Comment,
    Decoder,
    Event,
)
from streamproof.conformance.wire.decoder import MAX_ANOMALIES
from streamproof.conformance.wire.errors import DecoderClosed, LimitExceeded, LimitKind
from streamproof.conformance.wire.lines import Terminators

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

    from streamproof.conformance.wire.events import Item


@dataclass(frozen=True)
class Reading:
    """Everything a decoder says about a body."""

    items: tuple[Item, ...]
    anomalies: tuple[Anomaly, ...]
    terminators: Terminators
    last_event_id: str
    reconnection_time_ms: int | None
    comment_count: int
    limit: tuple[LimitKind, int] | None

    @property
    def events(self) -> list[Event]:
        return [item for item in self.items if isinstance(item, Event)]

    @property
    def kinds(self) -> list[AnomalyKind]:
        return [anomaly.kind for anomaly in self.anomalies]


def read(chunks: Iterable[bytes], **limits: int) -> Reading:
    decoder = Decoder(**limits)
    items: list[Item] = []
    limit = None
    try:
        for chunk in chunks:
            items += decoder.feed(chunk)
    except LimitExceeded as error:
        items += error.items
        limit = (error.limit, error.offset)
    items += decoder.close()
    return Reading(
        items=tuple(items),
        anomalies=tuple(decoder.anomalies),
        terminators=decoder.terminators,
        last_event_id=decoder.last_event_id,
        reconnection_time_ms=decoder.reconnection_time_ms,
        comment_count=decoder.comment_count,
        limit=limit,
    )


def bytewise(body: bytes) -> list[bytes]:
    return [body[at : at + 1] for at in range(len(body))]


def chunkings(body: bytes) -> Iterator[list[bytes]]:
    """The body whole, byte by byte, and cut in two at each point."""
    yield [body]
    yield bytewise(body)
    for at in range(len(body) + 1):
        yield [body[:at], body[at:]]


def load_vectors() -> list[dict[str, Any]]:
    folder = Path(__file__).parent / "vectors"
    tables = (tomllib.loads(path.read_text()) for path in sorted(folder.glob("*.toml")))
    return [vector for table in tables for vector in table["vector"]]


VECTORS = load_vectors()


def check_vector(vector: dict[str, Any], reading: Reading) -> None:
    events = [
        {"type": e.type, "data": e.data, "last_event_id": e.last_event_id}
        for e in reading.events
    ]
    assert events == vector["events"]
    assert reading.last_event_id == vector.get("last_event_id", "")
    assert reading.reconnection_time_ms == vector.get("reconnection_time_ms")
    assert reading.comment_count == vector.get("comment_lines", 0)


def test_there_are_as_many_vectors_as_were_collected() -> None:
    assert len(VECTORS) == 103
    assert len({vector["id"] for vector in VECTORS}) == 103


@pytest.mark.parametrize("vector", VECTORS, ids=[v["id"] for v in VECTORS])
class TestVectors:
    """Every vector, under every cut."""

    def test_decodes_as_given(self, vector: dict[str, Any]) -> None:
        chunks = [chunk.encode("latin-1") for chunk in vector["chunks"]]

        check_vector(vector, read(chunks))

    def test_decodes_the_same_however_it_is_cut(self, vector: dict[str, Any]) -> None:
        body = "".join(vector["chunks"]).encode("latin-1")
        whole = read([body])
        check_vector(vector, whole)

        for chunks in chunkings(body) if len(body) < 500 else [bytewise(body)]:
            assert read(chunks) == whole

    def test_an_event_after_it_decodes_on_its_own(self, vector: dict[str, Any]) -> None:
        body = "".join(vector["chunks"]).encode("latin-1")
        tail = b"\n\n\nevent: tail\ndata: tail\n\n"

        last = read([body, tail]).events[-1]

        assert (last.type, last.data) == ("tail", "tail")
        assert last.end == len(body) + len(tail)


# Bytes that make parsers stumble, in any order.
PIECES = st.sampled_from(
    [
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b":",
        b" ",
        b": hb\n",
        b": hb\n\n",
        b"data",
        b"data:",
        b"data: x\n",
        b"data: {}\n\n",
        b"data: {}\r\n\r\n",
        b"id: 5\r\nevent: d\r\ndata: x\r\n\r\n",
        b": hb\r\n\r\n",
        b"data:  two\n\n",
        b"data: data: x\n\n",
        b"data:data:x\n\n",
        b"event: a\n",
        b"event:b\ndata:\n\n",
        b"id: 1\n",
        b"id:\n",
        b"id: 2\nevent: c\ndata: x\n\n",
        b"event: c\nid: 2\ndata: x\n\n",
        b"id: 3\nid: 4\ndata: x\n\n",
        b"id: a\0b\n",
        b"id: a\0b\ndata: x\n\n",
        b"retry: 10\n",
        b"retry: x\n\n",
        b"bogus: x\n",
        b"data: \xe2\x82\xac\n\n",
        b"data: \xf0\x9f\x98\x80\n",
        b"data: \xe2\x82\n\n",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbfdata: x\n\n",
        b"data: a\xe2\x80\xa8b\xc2\x85c\x0bd\n\n",
        b"\0",
    ]
)
JOINED = st.lists(PIECES, max_size=30).map(b"".join)
ALL_CRLF = JOINED.map(lambda body: re.sub(rb"\r\n|\r|\n", b"\r\n", body))
BODIES = st.one_of(JOINED, ALL_CRLF, st.binary(max_size=200))


@st.composite
def cut_bodies(draw: st.DrawFn) -> list[bytes]:
    body = draw(BODIES)
    cuts = draw(st.lists(st.integers(0, len(body)), max_size=8).map(sorted))
    return [body[a:b] for a, b in pairwise([0, *cuts, len(body)])]


@given(cut_bodies())
@example([b"data: x\r", b"\ndata: y\n", b"\r", b"\n"])
def test_chunking_changes_nothing(chunks: list[bytes]) -> None:
    body = b"".join(chunks)

    assert read(chunks) == read([body]) == read(bytewise(body))


@given(cut_bodies(), st.integers(1, 40), st.integers(1, 80))
def test_chunking_changes_nothing_where_limits_are_reached(
    chunks: list[bytes], line: int, event: int
) -> None:
    body = b"".join(chunks)
    limits = {"max_line_bytes": line, "max_event_bytes": event}

    whole = read([body], **limits)
    assert read(chunks, **limits) == read(bytewise(body), **limits) == whole
    if whole.limit is not None:
        assert whole.limit[1] <= len(body)


class ExactDecoder(Decoder):
    """A decoder that never takes the plain way."""

    def _take_plain(self, lines: bytes, start: int, items: list[Item]) -> bool:
        return False


@given(cut_bodies())
@example([b"id: 1\nevent: a\ndata: b\n\n", b"data: \xe2\x82\xac\n\n"])
@example([b"id: 1\r\nevent: a\r\ndata: b\r\n\r\n", b": hb\r\ndata: \xc3\xa9\r\n\r\n"])
@example([b"data: x\r\n\r\n", b"data: y\r\n\n", b"data: z\r\r\n\n"])
def test_the_plain_way_and_the_exact_way_agree(chunks: list[bytes]) -> None:
    exact, fast = ExactDecoder(), Decoder()

    assert [fast.feed(chunk) for chunk in chunks] == [
        exact.feed(chunk) for chunk in chunks
    ]
    fast.close()
    exact.close()
    assert fast.anomalies == exact.anomalies
    assert fast.terminators == exact.terminators
    assert fast.last_event_id == exact.last_event_id


@given(st.lists(PIECES, max_size=30).map(b"".join))
def test_text_from_the_standard_decoder_is_the_text_of_the_lines(body: bytes) -> None:
    data = body.replace(b"\r", b"").replace(b"\n", b"")

    [event] = read([b"data: ", data, b"\n\n"]).events

    assert event.data == data.decode(errors="replace")


@given(cut_bodies())
def test_spans_lie_in_order_inside_the_body(chunks: list[bytes]) -> None:
    body = b"".join(chunks)
    reading = read(chunks)

    end = 0
    for item in reading.items:
        assert item.start < item.end <= len(body)
        if not isinstance(item, Comment):
            assert body[item.end - 1] in b"\r\n"
        assert item.end > end
        end = item.end
    for anomaly in reading.anomalies:
        assert 0 <= anomaly.start < anomaly.end <= len(body)


class TestSpans:
    """Where items start and end."""

    def test_an_event_spans_its_fields_and_its_blank_line(self) -> None:
        body = b"\n: hb\n\nid: 1\ndata: \xe2\x82\xac\n\ndata: y\n\n"

        first, second = read([body]).events

        assert body[first.start : first.end] == b"id: 1\ndata: \xe2\x82\xac\n\n"
        assert body[second.start : second.end] == b"data: y\n\n"

    def test_the_lf_of_a_final_crlf_is_not_waited_for(self) -> None:
        body = b"data: x\r\n\r\ndata: y\r\n\r\n"

        first, second = read([body]).events

        assert body[first.start : first.end] == b"data: x\r\n\r"
        assert body[second.start : second.end] == b"data: y\r\n\r"

    def test_a_comment_spans_its_line(self) -> None:
        body = b": hb\n\ndata: x\n: in\xc3\xa9\r\n\n"

        first, second, _ = read([body]).items

        assert first == Comment(text=" hb", start=0, end=5, inside_block=False)
        assert second == Comment(text=" in\u00e9", start=14, end=21, inside_block=True)

    def test_a_block_without_data_spans_like_an_event(self) -> None:
        body = b"data: x\n\nid: 5\nretry: 7\n\n"

        assert read([body]).items[1] == Block(
            event_field=None, id="5", retry_ms=7, start=9, end=25
        )


class TestDispatch:
    """When items come out."""

    def test_an_event_is_returned_by_the_call_that_brings_its_last_byte(self) -> None:
        decoder = Decoder()

        assert decoder.feed(b"data: x\n") == []
        assert len(decoder.feed(b"\n")) == 1

    def test_a_cr_at_the_end_of_a_chunk_dispatches_at_once(self) -> None:
        decoder = Decoder()

        assert len(decoder.feed(b"data: x\r\r")) == 1
        assert decoder.feed(b"\n") == []
        assert len(decoder.feed(b"data: y\r\n\r")) == 1
        assert decoder.feed(b"\n") == []

    def test_an_empty_chunk_after_a_cr_settles_nothing(self) -> None:
        reading = read([b"data: x\r", b"", b"\n\n"])

        assert reading.terminators == Terminators(lf=1, crlf=1)

    def test_offset_counts_every_byte(self) -> None:
        decoder = Decoder()
        for chunk in [b"\xef\xbb\xbfdata: x\r", b"\n\r", b"\n", b"tail"]:
            decoder.feed(chunk)

        assert decoder.offset == 18


class TestTerminators:
    """How line ends are counted."""

    def test_each_kind_is_counted(self) -> None:
        reading = read([b"a\nb\rc\r\nd\r\n\re"])

        assert reading.terminators == Terminators(lf=1, cr=2, crlf=2)

    def test_a_cr_at_the_end_counts_as_cr_until_an_lf_follows(self) -> None:
        decoder = Decoder()

        decoder.feed(b"data: x\r")
        assert decoder.terminators == Terminators(cr=1)
        decoder.feed(b"\n")
        assert decoder.terminators == Terminators(crlf=1)

    def test_lines_are_counted_in_blocks_taken_whole(self) -> None:
        reading = read([b"id: 1\nevent: a\ndata: b\n\ndata: c\n\n: hb\n\n"])

        assert reading.terminators == Terminators(lf=8)


class TestAnomalies:
    """What the bytes alone show; what fields show is tested with the interpreter."""

    def test_a_plain_stream_has_none(self) -> None:
        body = b": hi\n\nid: 1\nretry: 5\nevent: a\ndata: b\n\ndata: c\ndata: d\n\n"

        assert read([body]).anomalies == ()

    def test_a_stream_all_in_crlf_has_none(self) -> None:
        body = b": hi\r\n\r\nid: 1\r\ndata: b\r\n\r\n"

        for chunks in chunkings(body):
            assert read(chunks).anomalies == ()

    def test_mixed_line_ends_are_reported_once_where_they_start(self) -> None:
        [anomaly] = read([b"data: x\n\r\ndata: y\r\r"]).anomalies

        assert anomaly == Anomaly(
            kind=AnomalyKind.MIXED_LINE_ENDS,
            start=8,
            end=10,
            detail="expected LF as in the first line, got CRLF",
        )

    def test_a_lf_among_cr_is_reported_too(self) -> None:
        [anomaly] = read([b"data: x\r\rdata: y\n\n"]).anomalies

        assert (anomaly.kind, anomaly.start, anomaly.end) == (
            AnomalyKind.MIXED_LINE_ENDS,
            16,
            17,
        )

    def test_a_byte_order_mark_at_the_start_is_reported(self) -> None:
        [anomaly] = read([b"\xef\xbb\xbfdata: x\n\n"]).anomalies

        assert (anomaly.kind, anomaly.start, anomaly.end) == (
            AnomalyKind.BOM_AT_START,
            0,
            3,
        )

    def test_invalid_utf8_names_the_byte(self) -> None:
        [anomaly] = read([b"data: x\n\ndata: a\xe2\x82b\n\n"]).anomalies

        assert anomaly == Anomaly(
            kind=AnomalyKind.INVALID_UTF8,
            start=9,
            end=19,
            detail="expected UTF-8, got e2 82 at byte 16",
        )

    def test_invalid_utf8_after_a_byte_order_mark_names_the_byte(self) -> None:
        anomaly = read([b"\xef\xbb\xbfdata: \xff\n\n"]).anomalies[1]

        assert (anomaly.start, anomaly.end) == (3, 10)
        assert anomaly.detail == "expected UTF-8, got ff at byte 9"

    @pytest.mark.parametrize(
        ("tail", "start"),
        [
            (b"data: y\n", 9),
            (b"data: y", 9),
            (b"id: 1\n: hb", 9),
            (b": hb\ndata: y\n", 14),
            (b": hb\ndat", 14),
            (b"\xff", 9),
        ],
    )
    def test_a_body_that_ends_inside_a_block(self, tail: bytes, start: int) -> None:
        body = b"data: x\n\n" + tail

        for chunks in chunkings(body):
            anomaly = read(chunks).anomalies[-1]
            assert anomaly.kind is AnomalyKind.EVENT_NOT_CLOSED
            assert (anomaly.start, anomaly.end) == (start, len(body))

    @pytest.mark.parametrize(
        ("tail", "start"), [(b": hb\n", 9), (b": h", 9), (b": a\n: b\n:", 9)]
    )
    def test_a_body_that_ends_after_a_comment(self, tail: bytes, start: int) -> None:
        body = b"data: x\n\n" + tail

        for chunks in chunkings(body):
            [anomaly] = read(chunks).anomalies
            assert anomaly.kind is AnomalyKind.COMMENT_NOT_CLOSED
            assert (anomaly.start, anomaly.end) == (start, len(body))

    def test_a_byte_order_mark_does_not_hide_what_the_tail_is(self) -> None:
        assert read([b"\xef\xbb\xbf"]).kinds == []
        assert read([b"\xef\xbb\xbf: h"]).kinds == [AnomalyKind.COMMENT_NOT_CLOSED]
        assert read([b"\xef\xbb\xbfdat"]).kinds == [AnomalyKind.EVENT_NOT_CLOSED]

    def test_a_body_that_ends_after_a_blank_line_is_closed(self) -> None:
        assert read([b": hb\n\ndata: x\n\n"]).kinds == []

    def test_the_log_is_bounded_and_the_rest_counted(self) -> None:
        decoder = Decoder()
        for _ in range(MAX_ANOMALIES + 7):
            decoder.feed(b"bogus: x\n\n")

        assert len(decoder.anomalies) == MAX_ANOMALIES
        assert decoder.anomalies_omitted == 7


class TestLimits:
    """What is too large."""

    def test_a_line_at_the_limit_is_read(self) -> None:
        body = b"data: 1234\n\n"

        assert len(read([body], max_line_bytes=10).events) == 1

    @pytest.mark.parametrize("body", [b"data: 12345\n\n", b"data: 12345"])
    def test_a_line_over_the_limit_ends_in_the_defined_error(self, body: bytes) -> None:
        for chunks in chunkings(b"data: x\n\n" + body):
            reading = read(chunks, max_line_bytes=10)

            assert reading.limit == (LimitKind.LINE, 19)
            assert [event.data for event in reading.events] == ["x"]

    def test_a_block_over_the_limit_ends_in_the_defined_error(self) -> None:
        for chunks in chunkings(b"data: 1\ndata: 2\ndata: 3\n\n"):
            reading = read(chunks, max_event_bytes=20)
            assert reading.limit == (LimitKind.EVENT, 20)

    def test_blocks_below_the_limit_add_up_to_any_size(self) -> None:
        body = b"data: 1\n\n" * 100

        assert len(read([body], max_event_bytes=9).events) == 100

    def test_comments_outside_blocks_add_up_to_any_size(self) -> None:
        body = b": hb\n" * 100 + b"\n"

        assert read([body], max_event_bytes=9).comment_count == 100

    def test_comments_inside_a_block_count_as_part_of_it(self) -> None:
        body = b"data: 1\n" + b": hb\n" * 100

        assert read([body], max_event_bytes=50).limit == (LimitKind.EVENT, 50)

    def test_the_error_says_which_limit_and_where(self) -> None:
        decoder = Decoder(max_line_bytes=4)

        with pytest.raises(LimitExceeded) as caught:
            decoder.feed(b": 1\n: 2\ndata: x\n\n")

        error = caught.value
        assert (error.limit, error.max_bytes, error.offset) == (LimitKind.LINE, 4, 12)
        assert [item.start for item in error.items] == [0, 4]
        assert str(error) == "expected line of at most 4 bytes, got more at byte 12"

    def test_after_the_error_nothing_more_is_taken_or_kept(self) -> None:
        decoder = Decoder(max_line_bytes=4)
        with pytest.raises(LimitExceeded) as first:
            decoder.feed(b": 1\n12345")

        with pytest.raises(LimitExceeded) as second:
            decoder.feed(b"\n")
        assert str(second.value) == str(first.value)
        assert len(first.value.items) == 1
        assert second.value.items == ()
        assert decoder.close() == []
        assert decoder.offset == 9
        assert not decoder._tail


class TestClose:
    """The end of the body."""

    def test_a_closed_decoder_takes_no_more_bytes(self) -> None:
        decoder = Decoder()
        decoder.close()

        with pytest.raises(DecoderClosed, match="expected no more bytes after close"):
            decoder.feed(b"data: x\n\n")

    def test_closing_twice_reports_once(self) -> None:
        decoder = Decoder()
        decoder.feed(b"data: x")
        decoder.close()
        decoder.close()

        assert len(decoder.anomalies) == 1

    def test_closing_discards_what_is_pending(self) -> None:
        decoder = Decoder()
        decoder.feed(b"id: 1\ndata: x\nretry: 5\ndata: y")

        assert decoder.close() == []
        assert decoder.last_event_id == ""
        assert decoder.reconnection_time_ms == 5


class _Work:
    """Count interpreter steps, and the bytes that built-in methods may touch.

    Time would make this test flaky, so work is counted: one for each opcode, and for
    each call of a built-in method of bytes, bytearray or str the length of its object.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.touched = 0

    def trace(self, frame: FrameType, event: str, _arg: object) -> _Work:
        frame.f_trace_opcodes = True
        self.steps += event == "opcode"
        return self

    def __call__(self, frame: FrameType, event: str, arg: object) -> _Work:
        return self.trace(frame, event, arg)

    def profile(self, _frame: FrameType, event: str, arg: object) -> None:
        owner = getattr(arg, "__self__", None)
        if event == "c_call" and isinstance(owner, bytes | bytearray | str):
            self.touched += len(owner)


def work_of_one_line_fed_bytewise(size: int) -> _Work:
    decoder = Decoder()
    chunks = bytewise(b"data: " + b"x" * size + b"\n\n")
    work = _Work()
    tracer, profiler = sys.gettrace(), sys.getprofile()
    sys.settrace(work)
    sys.setprofile(work.profile)
    try:
        for chunk in chunks:
            decoder.feed(chunk)
    finally:
        sys.setprofile(profiler)
        sys.settrace(tracer)
    return work


def test_one_line_fed_byte_by_byte_costs_linear_work() -> None:
    small = work_of_one_line_fed_bytewise(1000)
    large = work_of_one_line_fed_bytewise(8000)

    assert small.steps > 1000
    assert small.touched > 1000
    assert large.steps < 8.5 * small.steps
    assert large.touched < 8.5 * small.touched
