"""Evidence as JSONL: an exact round trip, and a clear word on anything else."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conformance.checks.situations import call, evidence, stream, token

from streamproof.conformance.errors import EvidenceError
from streamproof.conformance.evidence.jsonl import dump, load
from streamproof.conformance.model import (
    CallEvent,
    Evidence,
    Exchange,
    Request,
    UpstreamCall,
)
from streamproof.conformance.wire import Chunk, Ending, EndingKind, Transcript

SECONDS = st.floats(allow_nan=False, allow_infinity=False)
BYTES = st.binary() | st.text("\u2028\u0085\r\n\x0b\xe4").map(str.encode)
PAIRS = st.lists(st.tuples(st.text(), st.text()), max_size=3).map(tuple)
COUNTS = st.integers(min_value=0)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | SECONDS | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)
TRANSCRIPTS = st.builds(
    Transcript,
    started_at=SECONDS,
    status=st.none() | st.integers(100, 599),
    raw_head=BYTES,
    headers=PAIRS,
    head_at=st.none() | SECONDS,
    chunks=st.lists(st.builds(Chunk, at=SECONDS, data=BYTES), max_size=3).map(tuple),
    ending=st.builds(
        Ending, kind=st.sampled_from(EndingKind), at=SECONDS, detail=st.text()
    ),
)
REQUESTS = st.builds(
    Request, method=st.text(), path=st.text(), headers=PAIRS, body=BYTES
)
EXCHANGES = st.builds(
    Exchange,
    label=st.text(),
    user=st.text(),
    request=REQUESTS,
    transcript=TRANSCRIPTS,
    token=st.text(),
)
CALLS = st.builds(
    UpstreamCall,
    key=st.text(),
    turn=COUNTS,
    outcome=st.none() | st.text(),
    fault=st.none() | st.text(),
    peer=st.none() | st.text(),
    generated=COUNTS,
    sent=COUNTS,
    after_peer_gone=COUNTS,
    events=st.lists(
        st.builds(CallEvent, name=st.text(), at=SECONDS, n=st.none() | COUNTS),
        max_size=3,
    ).map(tuple),
)
EVIDENCE = st.builds(
    Evidence,
    probe=st.text(),
    exchanges=st.lists(EXCHANGES, max_size=3).map(tuple),
    calls=st.lists(CALLS, max_size=3).map(tuple),
    marks=st.dictionaries(st.text(), SECONDS, max_size=3),
    facts=st.dictionaries(st.text(), JSON, max_size=3),
    missing=st.text(),
    error=st.text(),
    late_s=SECONDS,
    is_cut=st.booleans(),
)

GIVEN = evidence(
    stream("stream", token(1), token(2)),
    stream("resumed", token(2), after="s-1"),
    calls=(call(accepted=100.0, token_sent=100.1), call(turn=2)),
    marks={"left": 100.5},
    facts={"cuts": 1},
)
LINES = dump(GIVEN).splitlines(keepends=True)


@given(EVIDENCE)
def test_what_is_dumped_is_loaded_again(given_: Evidence) -> None:
    text = dump(given_)

    assert load(text) == given_
    assert dump(load(text)) == text
    assert text.isascii()


def test_the_transcripts_are_those_of_the_wire() -> None:
    assert [next(iter(json.loads(line))) for line in LINES] == [
        "schema",
        *("exchange", "schema", "at", "at", "ending"),
        *("exchange", "schema", "at", "ending"),
        "call",
        "call",
    ]


def test_a_transcript_that_was_loaded_can_be_decoded() -> None:
    [stream, _] = load(dump(GIVEN)).exchanges

    assert [event.item.id for event in stream.transcript.events] == ["s-1", "s-2"]


def broken(n: int, line: str) -> str:
    """Return the evidence with another n-th line, from 1."""
    return "".join([*LINES[: n - 1], line.removesuffix("\n") + "\n", *LINES[n:]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: "),
        ("[]", "line 1: "),
        ('{"schema": "streamproof.transcript"}', "line 1: schema: input should be"),
        (broken(1, LINES[0].replace('"version": 1', '"version": 2')), "line 1: vers"),
        (broken(1, LINES[0].replace('"facts"', '"fact"')), "line 1: facts: field req"),
        (broken(1, LINES[0].replace("false", "0")), "line 1: is_cut: input should be"),
        (broken(2, "data: x"), "line 2: expected an exchange or a call, got 'data: x'"),
        (broken(2, "[" * 100_000), "line 2: expected an exchange or a call"),
        (broken(2, LINES[1].replace('"user"', '"who"')), "line 2: user: field requir"),
        (
            broken(2, LINES[1].replace('"body": {"text"', '"body": {"base64"')),
            "line 2: expected 'base64' to hold bytes",
        ),
        (broken(3, LINES[2].replace('"version": 1', "")), "line 3: expected a JSON"),
        (broken(5, '{"at": 1.0}'), "line 5: expected either 'text' or 'base64'"),
        ("".join(LINES[:4]), "line 4: expected the ending line"),
        ("".join(LINES[:2]), "line 3: expected a JSON object"),
        (broken(12, LINES[11].replace('"turn": 2', '"turn": "2"')), "line 12: turn: "),
        (dump(GIVEN) + "{}\n", "line 13: expected an exchange or a call, got '{}'"),
    ],
)
def test_anything_else_is_refused_by_its_line(text: str, message: str) -> None:
    with pytest.raises(EvidenceError) as problem:
        load(text)

    assert str(problem.value).startswith(message)


def test_a_time_that_is_not_finite_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump(Evidence(probe="p", marks={"left": math.inf}))


def test_a_fact_that_is_no_json_value_is_not_written() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        dump(Evidence(probe="p", facts={"when": object()}))
