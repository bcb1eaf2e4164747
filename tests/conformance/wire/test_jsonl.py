"""The JSONL form: round trip, and a clear word on anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproof.conformance.wire import Chunk, Ending, EndingKind
from streamproof.conformance.wire.errors import TranscriptError
from streamproof.conformance.wire.jsonl import dump, load
from streamproof.conformance.wire.recording import Recording

SECONDS = st.floats(allow_nan=False, allow_infinity=False)
MAYBE_SECONDS = st.none() | SECONDS

EXCHANGES = st.builds(
    Recording,
    started_at=SECONDS,
    connected_at=MAYBE_SECONDS,
    request_sent_at=MAYBE_SECONDS,
    http_version=st.none() | st.sampled_from(["1.0", "1.1", "2"]),
    status=st.none() | st.integers(100, 599),
    reason=st.text(),
    raw_head=st.binary(),
    headers=st.lists(st.tuples(st.text(), st.text())).map(tuple),
    head_at=MAYBE_SECONDS,
    chunks=st.lists(
        st.builds(
            Chunk,
            at=SECONDS,
            data=st.binary() | st.text("\u2028\u0085\r\n\x0b\xe4").map(str.encode),
        )
    ).map(tuple),
    ending=st.builds(
        Ending, kind=st.sampled_from(EndingKind), at=SECONDS, detail=st.text()
    ),
)

HEAD: dict[str, Any] = {
    "schema": "streamproof.transcript",
    "version": 1,
    "started_at": 1.0,
    "connected_at": None,
    "request_sent_at": None,
    "http_version": None,
    "status": None,
    "reason": "",
    "raw_head": {"text": ""},
    "headers": [],
    "head_at": None,
}
CHUNK: dict[str, Any] = {"at": 1.0, "text": "x"}
ENDING: dict[str, Any] = {"ending": "clean", "at": 1.0, "detail": ""}


def jsonl(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@given(EXCHANGES)
def test_what_is_dumped_is_loaded_again(exchange: Recording) -> None:
    text = dump(exchange)

    assert load(text) == exchange
    assert text.isascii()
    assert text.count("\n") == len(exchange.chunks) + 2


def test_bytes_are_text_where_they_can_be() -> None:
    exchange = Recording(
        started_at=0.5,
        chunks=(Chunk(at=1.0, data=b"data: x\n"), Chunk(at=2.0, data=b"\xff")),
        ending=Ending(kind=EndingKind.RESET, at=3.0, detail="by peer"),
    )

    assert dump(exchange).splitlines()[1:] == [
        '{"at": 1.0, "text": "data: x\\n"}',
        '{"at": 2.0, "base64": "/w=="}',
        '{"ending": "reset", "at": 3.0, "detail": "by peer"}',
    ]


def test_line_ends_of_another_system_are_accepted() -> None:
    text = jsonl(HEAD, CHUNK, ENDING).replace("\n", "\r\n")

    assert load(text).chunks == (Chunk(at=1.0, data=b"x"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected a JSON object, got ''"),
        ("hello\n", "line 1: expected a JSON object, got 'hello'"),
        ("[1]\n", "line 1: expected a JSON object, got '[1]'"),
        ("[" * 200_000, "line 1: expected a JSON object, got '[["),
        (jsonl({}), "line 1: expected 'schema' to be 'streamproof.transcript', got N"),
        (jsonl({**HEAD, "version": 2}), "line 1: expected 'version' to be 1, got 2"),
        (jsonl(HEAD), "line 1: expected the ending line, the text stops before it"),
        (jsonl(HEAD, CHUNK), "line 2: expected the ending line"),
        (jsonl(HEAD, ENDING) + "\n", "line 3: expected a JSON object, got ''"),
        (jsonl(HEAD, ENDING, CHUNK, ENDING), "line 2: expected the ending on the last"),
        (jsonl(HEAD, CHUNK) + '{"at": 1', "line 3: expected a JSON object, got '{\""),
    ],
)
def test_a_text_of_another_shape_is_refused(text: str, message: str) -> None:
    with pytest.raises(TranscriptError) as caught:
        load(text)

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("started_at", None, "expected 'started_at' to be a time in seconds, got None"),
        ("started_at", True, "expected 'started_at' to be a time in seconds, got True"),
        ("started_at", "1", "expected 'started_at' to be a time in seconds, got '1'"),
        (
            "head_at",
            float("nan"),
            "expected 'head_at' to be a time in seconds, got nan",
        ),
        (
            "head_at",
            float("inf"),
            "expected 'head_at' to be a time in seconds, got inf",
        ),
        ("status", "200", "expected 'status' to be an integer or null, got '200'"),
        ("status", True, "expected 'status' to be an integer or null, got True"),
        ("reason", None, "expected 'reason' to be a string, got None"),
        ("http_version", 2, "expected 'http_version' to be a string, got 2"),
        ("headers", {}, "expected 'headers' to be a list of pairs, got {}"),
        ("headers", [["a"]], "expected 'headers' to hold [name, value], got ['a']"),
        ("headers", [["a", 1]], "expected 'headers' to hold [name, value], got ['a',"),
        ("raw_head", "x", "expected 'raw_head' to be an object, got 'x'"),
        ("raw_head", {}, "expected either 'text' or 'base64'"),
        ("raw_head", {"text": "", "base64": ""}, "expected either 'text' or 'base64'"),
        ("raw_head", {"text": 1}, "expected 'text' to be a string, got 1"),
        ("raw_head", {"base64": "?"}, "expected 'base64' to hold bytes, got '?'"),
        ("raw_head", {"base64": "\u00e9"}, "expected 'base64' to hold bytes"),
        ("raw_head", {"text": "\ud800"}, "expected 'text' to hold bytes, got "),
        ("raw_head", {"hex": ""}, "expected the keys text, base64, got 'hex'"),
        ("url", "x", "expected the keys schema, version, started_at"),
    ],
)
def test_a_wrong_value_in_the_head_is_named(
    key: str, value: object, message: str
) -> None:
    with pytest.raises(TranscriptError) as caught:
        load(jsonl({**HEAD, key: value}, CHUNK, ENDING))

    assert str(caught.value).startswith(f"line 1: {message}")


@pytest.mark.parametrize(
    ("chunk", "ending", "message"),
    [
        ({"text": "x"}, ENDING, "line 2: expected the key 'at', it is missing"),
        ({"at": 1.0}, ENDING, "line 2: expected either 'text' or 'base64'"),
        ({**CHUNK, "n": 1}, ENDING, "line 2: expected the keys at, text, base64, got"),
        (CHUNK, {"ending": "clean"}, "line 3: expected the key 'at', it is missing"),
        (CHUNK, {**ENDING, "n": 1}, "line 3: expected the keys ending, at, detail, go"),
        (CHUNK, {**ENDING, "ending": 1}, "line 3: expected 'ending' to be a string, "),
        (
            CHUNK,
            {**ENDING, "ending": "odd"},
            "line 3: expected 'ending' to be one of clean, premature_eof, reset, ",
        ),
    ],
)
def test_a_wrong_value_in_another_line_is_named(
    chunk: dict[str, Any], ending: dict[str, Any], message: str
) -> None:
    with pytest.raises(TranscriptError) as caught:
        load(jsonl(HEAD, chunk, ending))

    assert str(caught.value).startswith(message)


def test_a_whole_number_is_a_time_too() -> None:
    assert load(jsonl({**HEAD, "started_at": 3}, ENDING)).started_at == 3
