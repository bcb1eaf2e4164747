"""`recording.cassette`: bytes survive, mistakes are found, a torn end is seen."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproof.fakes.recording.cassette import (
    Asked,
    End,
    Read,
    Recording,
    decode_cassette,
    encode_recording,
    encode_title,
    in_ms,
)
from streamproof.fakes.recording.errors import CassetteError

TITLE = encode_title("https://api.openai.com")
ASKED = Asked(
    method="POST",
    target="/v1/chat/completions?a=1",
    headers=(("Host", "api.openai.com"), ("X-Twice", "1"), ("X-Twice", "ä")),
    body='{"text": "grün"}'.encode(),
)
RECORDING = Recording(
    call=1,
    asked=ASKED,
    reads=(
        Read(1.5, b"HTTP/1.1 200 OK\r\n\r\n"),
        Read(20.125, b"data: \xe2\x82"),
        Read(20.125, b"\xac\n\n"),
    ),
    end=End.CLOSE,
    end_ms=30.0,
)
LINES = (TITLE + encode_recording(RECORDING)).splitlines(keepends=True)


def decode(*lines: bytes) -> str:
    """Return the complaint about a cassette of these lines."""
    with pytest.raises(CassetteError) as caught:
        decode_cassette(b"".join(lines), where="c.jsonl")
    return str(caught.value)


def changed(line: bytes, **values: object) -> bytes:
    return json.dumps({**json.loads(line), **values}).encode() + b"\n"


def test_a_recording_is_one_line_per_read() -> None:
    assert encode_recording(RECORDING).decode().splitlines() == [
        (
            '{"call": 1, "method": "POST", "target": "/v1/chat/completions?a=1", '
            '"headers": [["Host", "api.openai.com"], ["X-Twice", "1"], ["X-Twice", "ä"]'
            '], "text": "{\\"text\\": \\"grün\\"}"}'
        ),
        '{"at_ms": 1.5, "text": "HTTP/1.1 200 OK\\r\\n\\r\\n"}',
        '{"at_ms": 20.125, "base64": "ZGF0YTog4oI="}',
        '{"at_ms": 20.125, "base64": "rAoK"}',
        '{"at_ms": 30.0, "end": "close"}',
    ]


def test_what_is_read_is_what_was_written() -> None:
    cassette = decode_cassette(b"".join(LINES), where="c.jsonl")

    assert cassette.upstream == "https://api.openai.com"
    assert cassette.recordings == (RECORDING,)
    assert cassette.lines == (2,)
    assert cassette.torn_at is None


@given(
    body=st.binary(),
    pieces=st.lists(st.binary(min_size=1) | st.text(min_size=1).map(str.encode)),
    end=st.sampled_from(End),
)
def test_any_bytes_survive(body: bytes, pieces: list[bytes], end: End) -> None:
    recording = Recording(
        call=7,
        asked=Asked(method="PUT", target="/", headers=(), body=body),
        reads=tuple(Read(float(at), piece) for at, piece in enumerate(pieces)),
        end=end,
        end_ms=float(len(pieces)),
    )
    encoded = TITLE + encode_recording(recording)

    assert decode_cassette(encoded, where="c").recordings == (recording,)
    assert len(encoded.decode().splitlines()) == len(pieces) + 3


def test_nothing_that_an_editor_hides_stands_in_a_cassette() -> None:
    read = Read(0.0, "\ufeff\u2028\u2029\x85\u202e\u200b\x7f".encode())
    recording = Recording(
        call=1, asked=ASKED, reads=(read,), end=End.COMPLETE, end_ms=0.0
    )
    line = encode_recording(recording).splitlines()[1]

    assert line == (
        rb'{"at_ms": 0.0, "text": '
        rb'"\ufeff\u2028\u2029\u0085\u202e\u200b\u007f"}'
    )


def test_calls_are_put_in_order_of_arrival() -> None:
    second = changed(LINES[1], call=2)
    cassette = decode_cassette(
        b"".join([TITLE, second, *LINES[2:], *LINES[1:]]), where="c.jsonl"
    )

    assert [recording.call for recording in cassette.recordings] == [1, 2]
    assert cassette.lines == (7, 2)


@pytest.mark.parametrize("cut", range(len(LINES[0]) + 1, sum(map(len, LINES)) - 1))
def test_a_call_that_was_cut_off_anywhere_is_left_out(cut: int) -> None:
    cassette = decode_cassette(b"".join(LINES)[:cut], where="c.jsonl")

    assert cassette.recordings == ()
    assert cassette.torn_at == len(LINES[0])


def test_a_call_behind_a_whole_one_may_be_cut_off_too() -> None:
    whole = b"".join(LINES)
    torn = changed(LINES[1], call=2) + LINES[2][:-5]
    cassette = decode_cassette(whole + torn, where="c.jsonl")

    assert [recording.call for recording in cassette.recordings] == [1]
    assert cassette.torn_at == len(whole)


def test_a_title_that_was_cut_off_is_an_empty_cassette() -> None:
    cassette = decode_cassette(LINES[0][:-3], where="c.jsonl")

    assert cassette.recordings == ()
    assert cassette.torn_at == 0


def test_a_last_line_whose_end_an_editor_removed_is_whole() -> None:
    cassette = decode_cassette(b"".join(LINES)[:-1], where="c.jsonl")

    assert cassette.recordings == (RECORDING,)
    assert cassette.torn_at is None


def test_an_empty_file_is_no_cassette() -> None:
    assert decode() == "c.jsonl: expected a cassette, got an empty file"


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (
            [changed(TITLE, cassette=2), *LINES[1:]],
            (
                "c.jsonl:1: cassette: expected format 1, got 2; record it anew, or use "
                "the version that wrote it"
            ),
        ),
        (
            [changed(TITLE, upsteam=""), *LINES[1:]],
            "c.jsonl:1: upsteam: unknown key, did you mean 'upstream'",
        ),
        (
            [TITLE, changed(LINES[1], metod="GET"), *LINES[2:]],
            "c.jsonl:2: metod: unknown key, did you mean 'method'",
        ),
        (
            [TITLE, changed(LINES[1], headers=[["a", 1]]), *LINES[2:]],
            "c.jsonl:2: headers.0.1: expected a text, got 1",
        ),
        (
            [TITLE, changed(LINES[1], call="1"), *LINES[2:]],
            "c.jsonl:2: call: expected a whole number, got '1'",
        ),
        (
            [*LINES[:2], b'{"at_ms": 1, "txt": "x"}\n', LINES[-1]],
            "c.jsonl:3: txt: unknown key, did you mean 'text'",
        ),
        (
            [*LINES[:2], b'{"at_ms": 1, "z%s": 1}\n' % (b"z" * 999), LINES[-1]],
            f"c.jsonl:3: {'z' * 60}: unknown key, known are text, base64, at_ms",
        ),
        (
            [*LINES[:2], b'{"at_ms": 1}\n', LINES[-1]],
            "c.jsonl:3: expected either 'text' or 'base64'",
        ),
        (
            [*LINES[:2], b'{"at_ms": 1, "text": "a", "base64": ""}\n', LINES[-1]],
            "c.jsonl:3: expected either 'text' or 'base64'",
        ),
        (
            [*LINES[:2], b'{"at_ms": 1, "base64": "?"}\n', LINES[-1]],
            "c.jsonl:3: base64: expected base64: only base64 data is allowed",
        ),
        (
            [*LINES[:2], b'{"at_ms": 1, "text": ""}\n', LINES[-1]],
            "c.jsonl:3: expected a read of at least one byte, got 0",
        ),
        (
            [*LINES[:2], b'{"at_ms": -1, "text": "x"}\n', LINES[-1]],
            "c.jsonl:3: at_ms: expected at least 0, got -1",
        ),
        (
            [*LINES[:2], b'{"at_ms": 1e308, "text": "x"}\n', LINES[-1]],
            ("c.jsonl:3: at_ms: expected at most 86400000, got 1e+308"),
        ),
        (
            [*LINES[:2], b'{"at_ms": 1, "text": "x", "at_ms": 2}\n', LINES[-1]],
            "c.jsonl:3: at_ms: expected the key once, got it twice",
        ),
        (
            [b'{"cassette": 1, "upstream": "x", "upstream": "y"}\n', *LINES[1:]],
            "c.jsonl:1: upstream: expected the key once, got it twice",
        ),
        (
            [*LINES[:4], changed(LINES[4], at_ms=20), LINES[-1]],
            "c.jsonl:5: at_ms: expected at least 20.125 of the read before, got 20.0",
        ),
        (
            [*LINES[:3], b'{"at_ms": 1, "text": \n', LINES[-1]],
            (
                "c.jsonl:4: expected JSON, got EOF while parsing a value "
                "at line 1 column 20"
            ),
        ),
        (
            [*LINES[:5], changed(LINES[5], end="gone")],
            (
                "c.jsonl:6: end: expected 'complete', 'close', 'fin', 'rst' or "
                "'silence', got 'gone'"
            ),
        ),
        (
            [*LINES[:3], changed(LINES[1], call=2), *LINES[2:]],
            "c.jsonl:4: expected the end of call 1 (line 2), got call 2",
        ),
        (
            [*LINES, *LINES[1:]],
            (
                "c.jsonl:7: call: expected another number, got 1, which is the call of "
                "line 2"
            ),
        ),
        (
            [TITLE, *LINES[2:]],
            "c.jsonl:2: expected a call before its reads and end",
        ),
    ],
)
def test_a_mistake_is_told_with_file_line_and_key(
    lines: list[bytes], complaint: str
) -> None:
    assert decode(*lines) == complaint


def test_text_that_utf_8_cannot_spell_is_refused() -> None:
    complaint = decode(*LINES[:2], b'{"at_ms": 1, "text": "\\ud800"}\n', LINES[-1])

    assert complaint.startswith("c.jsonl:3: expected JSON, got ")


def test_times_are_whole_microseconds_and_never_negative() -> None:
    assert in_ms(0.0123456789) == 12.346
    assert in_ms(-0.5) == 0
