"""Reading Last-Event-ID; what it leads to is in `test_streams`."""

import pytest

from streamproof.reference_server.refusals import Refusal, RefusalCode
from streamproof.reference_server.streams.event_log import EventLog
from streamproof.reference_server.streams.resume import (
    Cursor,
    check_cursor,
    format_event_id,
    parse_last_event_id,
)


@pytest.mark.parametrize("stream", ["a", "-a", "a-b", "a_b-", "Zz09_-x"])
def test_an_id_is_read_as_it_was_written(stream: str) -> None:
    stream = stream.rstrip("-")

    cursor = parse_last_event_id(format_event_id(stream, 120))

    assert cursor == Cursor(stream=stream, number=120)


@pytest.mark.parametrize(
    "value",
    [
        *("", "-", "-1", "a", "a-", "a-0", "a-01", "a--1", "a-1\n", "a-+1", "a-1e3"),
        *("a-\N{ARABIC-INDIC DIGIT ONE}", "ä-1", "a b-1", "a-1-"),
        *("x" * 129 + "-1", "a-" + "1" * 19),
    ],
)
def test_anything_else_is_malformed(value: str) -> None:
    with pytest.raises(Refusal) as refusal:
        parse_last_event_id(value)

    assert refusal.value.code is RefusalCode.INVALID_LAST_EVENT_ID


def test_something_can_follow_any_event_but_the_terminal_one() -> None:
    log = EventLog(max_events=10, max_bytes=1000)
    log.append(b"a")
    assert check_cursor(1, log)

    log.append(b"b", is_terminal=True)

    assert check_cursor(1, log)
    assert not check_cursor(2, log)
