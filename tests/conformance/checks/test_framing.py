"""Checks of topic `framing`: each on right bytes, on wrong ones, and on nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.conformance.checks.situations import (
    assert_finding,
    assert_untestable,
    evidence,
    findings,
    ids_of,
)
from tests.conformance.checks.timelines import (
    RICH,
    RUN,
    body,
    call,
    ended_by,
    event,
    fields,
    only,
    run,
    token,
)

from streamproof.conformance.model import Evidence
from streamproof.conformance.profiles import Profile
from streamproof.conformance.wire import Chunk, EndingKind

AWKWARD = (
    " leading\nnew\rline\r\n\n\ndata: forged\nevent: forged\nid: forged\n"
    "\u2028\u0085\x0b\x0c\U0001f600漢字\x00 trailing\n"
)
RIGHT = evidence(run())


def awkward(*frames: bytes) -> Evidence:
    return replace(
        evidence(body("stream", *frames), calls=(call(100.02),)),
        facts={"text": AWKWARD},
    )


RIGHT_TEXT = awkward(
    event(1, "start"), token(2, AWKWARD[:9]), token(3, AWKWARD[9:]), event(4, "done")
)
TEXT_CHECKS = ("framing.text-survives", "framing.no-forged-events")

WRONG: list[tuple[str, Evidence, str, str]] = [
    ("valid-utf-8", only(b"data: caf\xe9\n\n"), "UTF-8", "e9"),
    ("no-bom", only(b"\xef\xbb\xbfdata: 1\n\n"), "no byte order mark", r'"\ufeff"'),
    (
        "no-misplaced-bom",
        only(b"data: 1\n\n", b"\xef\xbb\xbfdata: 2\n\n"),
        "no byte order mark after byte 0",
        "data",
    ),
    ("one-line-end", only(b"data: 1\n\n", b"data: 2\r\n\r\n"), "one kind", "CRLF"),
    (
        "line-end-policy",
        only(b"data: 1\r\n\r\n", b"data: 2\n\n"),
        "every line to end in LF",
        "2 of 4 lines that do not, the first of them in CRLF",
    ),
    ("known-fields-only", only(b"<html>\n\n"), "data, event, id or retry", "<html>"),
    (
        "one-of-each-field",
        only(b"id: a\nid: b\ndata: 1\n\n"),
        "at most once",
        r'another in "id: b\n"',
    ),
    ("closed-by-blank-line", only(b"data: 1\n"), "a blank line", r'"data: 1\n"'),
    ("no-empty-events", only(b"event: ping\n\n"), "a data line", '"event: ping'),
    ("retry-is-digits", only(b"retry: 5s\ndata: 1\n\n"), "ASCII digits", "'5s'"),
    ("id-without-nul", only(b"id: a\x00b\ndata: 1\n\n"), "without U+0000", "a\\x00b"),
    (
        "comment-between-events",
        only(b"data: 1\n: hb\ndata: 2\n\n"),
        "not between the lines",
        r'": hb\n"',
    ),
    (
        "line-length",
        only(b"data: " + b"x" * 65531 + b"\n\n"),
        "at most 65536 bytes",
        "a line of 65538 bytes",
    ),
    (
        "not-formatted-twice",
        only(fields(1, 'data: {"type": "start"}')),
        "the payload itself",
        "field line",
    ),
    ("data-is-json", only(fields(1, ": ping")), "one JSON document", ": ping"),
    ("data-is-json", only(fields(1, "")), "one JSON document", '""'),
    ("data-is-json", only(fields(1, '{"n": NaN}')), "one JSON document", "NaN"),
    (
        "text-survives",
        awkward(event(1, "start"), token(2, AWKWARD.replace("\r", ""))),
        "the model's text unchanged",
        "from character 13 on",
    ),
    (
        "text-survives",
        awkward(event(1, "start"), token(2, AWKWARD.rstrip("\n"))),
        "unchanged",
        f"from character {len(AWKWARD)} on",
    ),
    ("text-survives", awkward(event(1, "start")), "unchanged", "from character 1 on"),
    (
        "no-forged-events",
        awkward(event(1, "start"), b"data: {}\nevent: forged\n\n"),
        "the server's own events",
        "type 'forged'",
    ),
    (
        "no-forged-events",
        awkward(event(1, "start"), b"data: forged\n\n"),
        "the server's own events",
        '"forged"',
    ),
    (
        "no-forged-events",
        awkward(event(1, "start"), b"id: forged\ndata: {}\n\n"),
        "the server's own events",
        "id 'forged'",
    ),
]


def test_every_check_of_the_topic_is_proven_here() -> None:
    assert {f"framing.{id_}" for id_, *_ in WRONG} == set(ids_of("framing"))


@pytest.mark.parametrize("id_", ids_of("framing"))
def test_right_bytes_pass(id_: str) -> None:
    assert findings(id_, RIGHT_TEXT if id_ in TEXT_CHECKS else RIGHT, RICH) == []


@pytest.mark.parametrize(("id_", "given", "expected", "got"), WRONG)
def test_wrong_bytes_are_found(
    id_: str, given: Evidence, expected: str, got: str
) -> None:
    assert_finding(f"framing.{id_}", given, expected, got, RICH)


@pytest.mark.parametrize("id_", ids_of("framing"))
def test_a_response_that_is_no_stream_proves_nothing(id_: str) -> None:
    refused = evidence(replace(run(), transcript=replace(run().transcript, status=500)))

    assert_untestable(id_, refused, "event stream", RICH)


@pytest.mark.parametrize("id_", sorted(set(ids_of("framing")) - set(TEXT_CHECKS)))
def test_an_empty_stream_proves_nothing(id_: str) -> None:
    assert_untestable(id_, evidence(body("stream")), "empty", RICH)


@pytest.mark.parametrize("id_", TEXT_CHECKS)
def test_a_model_that_said_nothing_proves_nothing(id_: str) -> None:
    assert_untestable(id_, replace(RIGHT_TEXT, calls=(call(),)), "not heard", RICH)


def test_findings_point_at_the_byte() -> None:
    (found,) = findings("framing.data-is-json", only(token(1), fields(2, "x")), RICH)

    assert found.offset == len(token(1))
    assert found.exchange == "stream"
    assert found.at_s == pytest.approx(0.03)


def test_many_findings_are_cut_and_counted() -> None:
    given = only(*[fields(n, "x") for n in range(1, 21)])

    found = findings("framing.data-is-json", given, RICH)

    assert len(found) == 5
    assert "15 more events" in found[-1].got


def with_line_end(policy: str) -> Profile:
    framing = RICH.framing.model_copy(update={"line_end": policy})
    return RICH.model_copy(update={"framing": framing})


@pytest.mark.parametrize(
    ("policy", "wire", "is_right"),
    [
        ("any", b"data: 1\r\n\n", True),
        ("any-one", b"data: 1\r\n\r\n", True),
        ("any-one", b"data: 1\r\n\n", False),
        ("crlf", b"data: 1\r\n\r\n", True),
        ("crlf", b"data: 1\n\n", False),
        ("cr", b"data: 1\r\r", True),
    ],
)
def test_each_line_end_policy_allows_its_own(
    policy: str, wire: bytes, *, is_right: bool
) -> None:
    found = findings("framing.line-end-policy", only(wire), with_line_end(policy))

    assert (found == []) is is_right


def test_half_a_line_end_that_we_cut_off_is_no_finding() -> None:
    cut = ended_by(body("stream", b"data: 1\r\n\r"), EndingKind.CLOSED_BY_US)

    found = findings("framing.line-end-policy", evidence(cut), with_line_end("crlf"))

    assert found == []


def test_an_event_that_we_cut_off_is_no_finding() -> None:
    cut = ended_by(body("stream", b"data: 1\n"), EndingKind.CLOSED_BY_US)

    assert findings("framing.closed-by-blank-line", evidence(cut), RICH) == []


def test_a_character_split_over_two_chunks_is_whole() -> None:
    exchange = body("stream", token(1, "漢"))
    data = json.dumps({"type": "token", "text": "漢"}, ensure_ascii=False)
    wire = fields(1, data)
    middle = wire.index("漢".encode()) + 1
    chunks = (Chunk(at=100.1, data=wire[:middle]), Chunk(at=100.2, data=wire[middle:]))
    split = replace(exchange, transcript=replace(exchange.transcript, chunks=chunks))

    assert findings("framing.valid-utf-8", evidence(split), RICH) == []


def test_text_before_that_of_the_later_calls_is_compared() -> None:
    given = awkward(event(1, "start"), token(2, AWKWARD), token(3, "later"))

    assert findings("framing.text-survives", given, RICH) == []


def test_the_finding_on_text_names_the_event() -> None:
    given = awkward(event(1, "start"), token(2, AWKWARD[:9]), token(3, "other"))

    (found,) = findings("framing.text-survives", given, RICH)

    assert found.offset == len(event(1, "start") + token(2, AWKWARD[:9]))
    assert RUN not in found.got
