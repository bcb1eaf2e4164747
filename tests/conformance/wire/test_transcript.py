"""A transcript: what the body says, and when it said so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproof.conformance.wire import (
    AnomalyKind,
    Chunk,
    Ending,
    EndingKind,
    Transcript,
)
from streamproof.conformance.wire.decoder import MAX_LINE_BYTES
from streamproof.conformance.wire.errors import LimitKind, TranscriptError
from streamproof.conformance.wire.lines import Terminators


def transcript(*chunks: bytes, kind: EndingKind = EndingKind.CLEAN) -> Transcript:
    return Transcript(
        started_at=0.0,
        chunks=tuple(
            Chunk(at=float(n), data=data) for n, data in enumerate(chunks, start=1)
        ),
        ending=Ending(kind=kind, at=99.0),
    )


def test_the_body_is_all_chunks() -> None:
    assert transcript(b"a", b"", b"b").body == b"ab"


def test_an_event_arrives_with_its_last_byte() -> None:
    found = transcript(b"data: 1\n", b"\ndata: 2\n\ndata: 3\r\n\r", b"\n", b": hb\n")

    assert [(timed.item.data, timed.at) for timed in found.events] == [
        ("1", 2.0),
        ("2", 2.0),
        ("3", 2.0),
    ]
    assert [(timed.item.text, timed.at) for timed in found.comments] == [(" hb", 4.0)]


def test_items_keep_their_order() -> None:
    found = transcript(b": a\nid: 1\n\ndata: x\n\n: b\n\n").decoded.items

    assert [type(timed.item).__name__ for timed in found] == [
        "Comment",
        "Block",
        "Event",
        "Comment",
    ]


def test_what_the_stream_left_behind_is_kept() -> None:
    found = transcript(b"retry: 5\nid: 1\ndata: x\n\nid: 2\n").decoded

    assert found.last_event_id == "1"
    assert found.reconnection_time_ms == 5
    assert found.anomalies_omitted == 0
    assert found.limit is None


def test_anomalies_and_terminators_are_at_hand() -> None:
    found = transcript(b"bogus: x\n\r\n")

    assert [anomaly.kind for anomaly in found.anomalies] == [
        AnomalyKind.UNKNOWN_FIELD,
        AnomalyKind.MIXED_LINE_ENDS,
    ]
    assert found.terminators == Terminators(lf=1, crlf=1)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (EndingKind.CLEAN, [AnomalyKind.EVENT_NOT_CLOSED]),
        (EndingKind.PREMATURE_EOF, [AnomalyKind.EVENT_NOT_CLOSED]),
        (EndingKind.RESET, []),
        (EndingKind.CLOSED_BY_US, []),
        (EndingKind.DEADLINE, []),
        (EndingKind.LIMIT, []),
        (EndingKind.PROTOCOL_ERROR, []),
    ],
)
def test_an_unfinished_event_counts_only_where_the_peer_ended_the_body(
    kind: EndingKind, expected: list[AnomalyKind]
) -> None:
    found = transcript(b"data: x\n", kind=kind)

    assert [anomaly.kind for anomaly in found.anomalies] == expected


def test_a_body_over_the_limit_keeps_what_came_before() -> None:
    too_long = b"x" * (MAX_LINE_BYTES + 1)

    found = transcript(b"data: 1\n\ndata: 2\n\n" + too_long, b"\ndata: 3\n\n").decoded

    assert len(found.items) == 2
    assert found.limit is not None
    assert found.limit.limit is LimitKind.LINE


def test_a_transcript_is_decoded_once() -> None:
    found = transcript(b"data: x\n\n")

    assert found.decoded is found.decoded
    assert found.events is found.events


@given(st.lists(st.binary(max_size=30), max_size=5))
def test_a_transcript_survives_the_round_trip(chunks: list[bytes]) -> None:
    original = transcript(*chunks)

    again = Transcript.from_jsonl(original.to_jsonl())

    assert again == original
    assert type(again) is Transcript
    assert again.events == original.events


def test_a_transcript_already_decoded_is_equal_to_a_fresh_one() -> None:
    used, fresh = transcript(b"data: x\n\n"), transcript(b"data: x\n\n")
    assert used.events

    assert used == fresh
    assert hash(used) == hash(fresh)


def test_secrets_do_not_reach_the_text() -> None:
    text = transcript(b"data: s3", b"cret\n\n").to_jsonl(secrets=["s3cret"])

    assert "cret" not in text
    [event] = Transcript.from_jsonl(text).events
    assert event.item.data == "[redacted]"


def test_a_text_that_is_no_transcript_is_refused() -> None:
    with pytest.raises(TranscriptError, match="line 1: expected a JSON object"):
        Transcript.from_jsonl("nothing")
