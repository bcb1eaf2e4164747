"""The rules of HTML 9.2.6, line by line, and the anomalies that fields show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamproof.conformance.wire import AnomalyKind, Block, Comment, Event
from streamproof.conformance.wire.anomalies import AnomalyLog
from streamproof.conformance.wire.interpreter import MAX_RETRY_MS, Interpreter

if TYPE_CHECKING:
    from streamproof.conformance.wire.events import Item


class Stream:
    """An interpreter fed with ASCII text, and all that came of it."""

    def __init__(self, *texts: str, whole: bool = False) -> None:
        self.log = AnomalyLog(limit=100)
        self.interpreter = Interpreter(self.log)
        self.items: list[Item] = []
        self.lines = 0
        self._end = 0
        for text in texts:
            self.feed(text, whole=whole)

    def feed(self, text: str, *, whole: bool) -> None:
        if whole:
            self.lines += self.interpreter.take_text(text, self._end, 1, self.items)
            self._end += len(text)
            return
        for line in text.removesuffix("\n").split("\n"):
            end = self._end + len(line) + 1
            self.interpreter.take_line(line, self._end, end, self.items)
            self._end = end
            self.lines += 1

    @property
    def kinds(self) -> list[AnomalyKind]:
        return [anomaly.kind for anomaly in self.log.found]

    @property
    def event(self) -> Event:
        [event] = [item for item in self.items if isinstance(item, Event)]
        return event


def test_an_event_carries_all_its_fields() -> None:
    stream = Stream("event: a\nid: 1\nretry: 20\ndata: x\ndata: y\n\n")

    assert stream.items == [
        Event(
            type="a",
            data="x\ny",
            last_event_id="1",
            id="1",
            retry_ms=20,
            event_field="a",
            start=0,
            end=42,
        )
    ]
    assert stream.interpreter.last_event_id == "1"
    assert stream.interpreter.reconnection_time_ms == 20


def test_what_a_block_had_is_not_carried_into_the_next() -> None:
    stream = Stream("event: a\nid: 1\nretry: 20\ndata: x\n\n", "data: y\n\n")

    assert stream.items[1] == Event(
        type="message",
        data="y",
        last_event_id="1",
        id=None,
        retry_ms=None,
        event_field=None,
        start=34,
        end=43,
    )


def test_an_empty_event_field_is_told_from_an_absent_one() -> None:
    event = Stream("event\ndata: x\n\n").event

    assert (event.type, event.event_field) == ("message", "")


def test_an_empty_id_is_told_from_an_absent_one() -> None:
    event = Stream("id: 1\ndata: x\n\nid\n\n", "data: y\nid:\n\n").items[2]

    assert isinstance(event, Event)
    assert (event.id, event.last_event_id) == ("", "")


def test_an_id_counts_only_once_its_block_has_ended() -> None:
    stream = Stream("id: 1\ndata: x\n")

    assert stream.interpreter.last_event_id == ""
    stream.feed("\n", whole=False)
    assert stream.interpreter.last_event_id == "1"


def test_an_ignored_id_leaves_the_valid_one_of_its_block() -> None:
    event = Stream("id: 1\nid: a\0\ndata: x\n\n").event

    assert (event.id, event.last_event_id) == ("1", "1")


def test_an_id_with_nul_alone_is_no_id() -> None:
    assert Stream("id: \0\ndata: x\n\n").event.id is None


def test_a_block_without_data_is_handed_out_as_such() -> None:
    stream = Stream("event: a\nid: 5\n\n")

    assert stream.items == [
        Block(event_field="a", id="5", retry_ms=None, start=0, end=16)
    ]
    assert stream.interpreter.last_event_id == "5"


def test_a_block_of_unknown_fields_is_a_block() -> None:
    assert Stream("bogus\n\n").items == [
        Block(event_field=None, id=None, retry_ms=None, start=0, end=7)
    ]


def test_blank_lines_and_comments_alone_make_no_block() -> None:
    assert Stream("\n\n: hb\n\n").items == [
        Comment(text=" hb", start=2, end=7, inside_block=False)
    ]


def test_a_comment_knows_whether_it_stands_inside_a_block() -> None:
    stream = Stream(": a\ndata: x\n: b\n\n: c\n")

    comments = [item for item in stream.items if isinstance(item, Comment)]
    assert [(c.text, c.inside_block) for c in comments] == [
        (" a", False),
        (" b", True),
        (" c", False),
    ]
    assert stream.interpreter.comment_count == 3


def test_a_comment_stays_unclosed_until_a_blank_line() -> None:
    stream = Stream("\n: a\n: b\n")

    assert stream.interpreter.unclosed_comment == 1
    stream.feed("\n", whole=False)
    assert stream.interpreter.unclosed_comment == -1


@pytest.mark.parametrize(
    "value", ["", "x", "-1", "+1", "1.5", "5s", "\u0661", "\u00b2"]
)
def test_a_retry_that_is_no_number_of_ascii_digits_is_ignored(value: str) -> None:
    stream = Stream(f"retry: 7\nretry: {value}\ndata: x\n\n")

    assert stream.interpreter.reconnection_time_ms == 7
    assert stream.event.retry_ms == 7
    assert AnomalyKind.BAD_RETRY in stream.kinds


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0),
        ("007", 7),
        ("9" * 18, MAX_RETRY_MS),
        ("0" * 9000 + "5", 5),
    ],
)
def test_a_retry_of_ascii_digits_counts(value: str, expected: int) -> None:
    stream = Stream(f"retry:{value}\n\n")

    assert stream.interpreter.reconnection_time_ms == expected
    assert stream.kinds == []


def test_a_retry_no_timer_can_hold_is_taken_as_the_largest() -> None:
    stream = Stream("retry: " + "1" * 9000 + "\n")

    assert stream.interpreter.reconnection_time_ms == MAX_RETRY_MS
    [anomaly] = stream.log.found
    assert anomaly.kind is AnomalyKind.BAD_RETRY
    assert len(anomaly.detail) < 100


@pytest.mark.parametrize(
    ("text", "kind", "detail"),
    [
        (
            "channel: a\n",
            AnomalyKind.UNKNOWN_FIELD,
            "expected data, event, id or retry, got 'channel'",
        ),
        (
            "Data: a\n",
            AnomalyKind.UNKNOWN_FIELD,
            "expected data, event, id or retry, got 'Data'",
        ),
        (
            "\ufeffdata: a\n",
            AnomalyKind.MISPLACED_BOM,
            "expected no byte order mark after byte 0, got '\\ufeffdata'",
        ),
        (
            "data\n",
            AnomalyKind.FIELD_WITHOUT_COLON,
            "expected 'data' to be followed by a colon",
        ),
        (
            "id: a\0b\n",
            AnomalyKind.NUL_IN_ID,
            "expected an id without NUL, got 'a\\x00b'",
        ),
        (
            "retry: 5s\n",
            AnomalyKind.BAD_RETRY,
            "expected ASCII digits, got '5s'",
        ),
        (
            "data: data: x\n",
            AnomalyKind.DATA_PREFIX_TWICE,
            "expected no second 'data:' prefix, got 'data: x'",
        ),
        (
            "data:data:x\n",
            AnomalyKind.DATA_PREFIX_TWICE,
            "expected no second 'data:' prefix, got 'data:x'",
        ),
    ],
)
def test_a_line_to_remark_on(text: str, kind: AnomalyKind, detail: str) -> None:
    [anomaly] = Stream("\n" + text).log.found

    assert (anomaly.kind, anomaly.detail) == (kind, detail)
    assert (anomaly.start, anomaly.end) == (1, 1 + len(text))


@pytest.mark.parametrize("field", ["event", "id", "retry"])
def test_a_field_twice_in_one_block_is_remarked_on(field: str) -> None:
    stream = Stream(f"{field}: 1\n{field}: 2\ndata: x\n\n", f"{field}: 3\n\n")

    duplicates = [a for a in stream.log.found if a.kind is AnomalyKind.DUPLICATE_FIELD]
    assert [a.detail for a in duplicates] == [
        f"expected one {field!r} field in a block, got another"
    ]


def test_several_data_fields_are_no_duplicates() -> None:
    assert Stream("data: a\ndata: b\n\n").kinds == []


def test_a_comment_inside_a_block_is_remarked_on() -> None:
    [anomaly] = Stream(": a\ndata: x\n: b\n\n").log.found

    assert anomaly.kind is AnomalyKind.COMMENT_IN_BLOCK
    assert (anomaly.start, anomaly.end) == (12, 16)


def test_a_type_that_is_never_dispatched_is_remarked_on() -> None:
    [anomaly] = Stream("\nevent: ping\n\n").log.found

    assert anomaly.kind is AnomalyKind.EVENT_WITHOUT_DATA
    assert (anomaly.start, anomaly.end) == (1, 14)
    assert anomaly.detail == "expected data for event 'ping'"


@pytest.mark.parametrize("text", ["id: 1\n\n", "retry: 5\n\n"])
def test_a_block_with_id_or_retry_alone_does_its_work(text: str) -> None:
    assert Stream(text).kinds == []


def test_a_long_value_is_cut_in_the_remark() -> None:
    [anomaly] = Stream("x" * 1000 + ": y\n").log.found

    assert anomaly.detail.endswith("got '" + "x" * 40 + "…'")


@pytest.mark.parametrize(
    "text",
    [
        "data: x\n\n",
        "data:x\n\n",
        "data:  x\n\n",
        "data:\n\n",
        "id: 1\ndata: x\n\n",
        "id:\nevent:\ndata: x\n\n",
        "event: a\ndata: x\n\n",
        "id: 1\nevent: a\ndata: x\n\ndata: y\n\n",
        "event: a\nid: 1\ndata: x\n\n",
        "id: 1\nid: 2\ndata: x\n\n",
        "data: x\nid: 1\n\ndata: y\n\n",
        "data: x\ndata: y\n\n",
        "data: data: x\n\n",
        "data:data: x\n\n",
        "data:  data: x\n\n",
        ": hb\n\ndata: x\n\n: hb\ndata: y\n\n",
        "\n\ndata: x\n\n\n",
        "bogus\ndata: x\n\ndata: y\n\n",
        "id: 1\nretry: 5\ndata: x\n\n",
        "id: 1\nevent: a\ndata: x\n",
    ],
)
def test_a_block_taken_whole_gives_what_its_lines_give(text: str) -> None:
    by_line, whole = Stream(text), Stream(text, whole=True)

    assert whole.items == by_line.items
    assert whole.lines == by_line.lines
    assert whole.log.found == by_line.log.found
    assert whole.interpreter.last_event_id == by_line.interpreter.last_event_id
    assert whole.interpreter.block_start == by_line.interpreter.block_start
    assert whole.interpreter.unclosed_comment == by_line.interpreter.unclosed_comment


def test_a_block_already_begun_is_gone_on_with_line_by_line() -> None:
    stream = Stream("id: 1\n", "data: x\n\n", "data: y\n\n", whole=True)

    assert [item.start for item in stream.items] == [0, 15]


def test_spans_of_text_beyond_ascii_count_bytes() -> None:
    stream = Stream("data: \u20ac\n\ndata: \u20ac\ndata: y\n\n", whole=True)

    assert [(item.start, item.end) for item in stream.items] == [(0, 11), (11, 30)]


def test_spans_count_line_ends_as_they_are_on_the_wire() -> None:
    stream = Stream()
    text = ": a\nid: 1\ndata: x\n\ndata: y\ndata: z\n\n"

    lines = stream.interpreter.take_text(text, 0, 2, stream.items)

    assert lines == 7
    body = text.replace("\n", "\r\n")
    assert [body[item.start : item.end] for item in stream.items] == [
        ": a\r",
        "id: 1\r\ndata: x\r\n\r",
        "data: y\r\ndata: z\r\n\r",
    ]


def test_discard_forgets_the_data_of_the_block_at_hand() -> None:
    stream = Stream("event: a\ndata: x\n")
    stream.interpreter.discard()
    stream.feed("data: y\n\n", whole=False)

    assert (stream.event.type, stream.event.data) == ("message", "y")
