"""Checks of topic `endpoints`, on hand-made evidence."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.conformance.checks.situations import (
    SMALL,
    answer,
    assert_finding,
    assert_untestable,
    call,
    cancelled,
    complete_call,
    done,
    error,
    evidence,
    findings,
    frame,
    ids_of,
    stream,
    token,
    with_exchanges,
    without,
)

from streamproof.conformance.model import Evidence, Exchange
from streamproof.conformance.profiles import parse

SIDES = parse(
    SMALL.replace("[auth]\n", "[auth]\ncomes_first = true\n")
    + """
[[sides]]
name = "notes"
when = "after-complete"

[[sides.requests]]
name = "a new one"
path = "/notes"
body = { text = "{prompt}" }
captures = { note = { pointer = "/id" }, at = { header = "Location" } }
expect = { status = 201, payload = { required = ["id", "text"] } }

[[sides.requests]]
name = "the same"
method = "GET"
path = "/notes/{note}"
foreign = { status = 404, code = "NO_NOTE" }

[sides.requests.expect]
status = 200
same = [
  { pointer = "/id", capture = "note" },
  { pointer = "/last", event = "done", but = ["/type"] },
  { pointer = "/text", event = "token", to = "/text", take = "joined" },
  { pointer = "/list", event = "token", to = "/text", take = "list" },
  { pointer = "/count", event = "token", take = "count" },
]

[[sides.requests]]
name = "one that is busy"
method = "PATCH"
path = "/notes/{note}"
expect = { status = 409, code = "BUSY" }
""",
    origin="sides",
)


def key_for(label: str) -> str:
    return "K-" + label.replace(".", "-")


def spoken(label: str, status: int, value: object, **headers: str) -> Exchange:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return answer(label, status, body=json.dumps(value).encode(), headers=named)


def refused(label: str, status: int = 401, code: str = "UNAUTHORIZED") -> Exchange:
    user = "bob" if label.endswith("foreign") else "ann"
    return answer(label, status, code, user=user, key=key_for(label))


NOTE = {
    "id": "n1",
    "last": {"words": 2},
    "text": "one two ",
    "list": ["one ", "two "],
    "count": 2,
}
RIGHT = evidence(
    stream(
        "notes.stream", token(1, "one "), token(2, "two "), frame(3, "done", words=2)
    ),
    *(
        refused(f"notes.{n:02}.{variant}")
        for n in (1, 2, 3)
        for variant in ("none", "none-and-wrong-method")
    ),
    spoken("notes.01", 201, {"id": "n1", "text": "one"}, Location="/notes/n1"),
    refused("notes.02.foreign", 404, "NO_NOTE"),
    spoken("notes.02", 200, NOTE),
    answer("notes.03", 409, "BUSY"),
    calls=(complete_call(),),
    facts={"sides": ["notes"]},
)


@pytest.mark.parametrize("id_", ids_of("endpoints"))
def test_right_evidence_passes(id_: str) -> None:
    assert findings(id_, RIGHT, SIDES) == []


def changed(**values: object) -> Evidence:
    return with_exchanges(RIGHT, spoken("notes.02", 200, {**NOTE, **values}))


WRONG: list[tuple[str, Evidence, str, str]] = [
    (
        "endpoints.status",
        with_exchanges(RIGHT, spoken("notes.03", 200, {})),
        "409 for notes, 'one that is busy'",
        "200",
    ),
    (
        "endpoints.code",
        with_exchanges(RIGHT, answer("notes.03", 409, "CONFLICT")),
        "notes, 'one that is busy' to be refused with 'BUSY' at /error/code",
        "CONFLICT",
    ),
    (
        "endpoints.refusals-are-json",
        with_exchanges(RIGHT, answer("notes.02.foreign", 404, body=b"Not Found")),
        "a refusal that is one JSON document",
        "Not Found",
    ),
    (
        "endpoints.payload",
        with_exchanges(RIGHT, spoken("notes.01", 201, {"id": "n1"}, Location="/n")),
        "a body as its schema has it",
        "'text' is a required property",
    ),
    (
        "endpoints.payload",
        with_exchanges(RIGHT, answer("notes.01", 201, body=b"made")),
        "a JSON document as application/json",
        "made",
    ),
    (
        "endpoints.payload",
        with_exchanges(RIGHT, spoken("notes.01", 201, {"id": "n1", "text": "one"})),
        "a value for {at} at Location of notes, 'a new one'",
        "201",
    ),
    (
        "endpoints.same",
        changed(id="n2"),
        "\"n1\" at /id of notes, 'the same', as the answer before ({note}) has it",
        '"n2"',
    ),
    (
        "endpoints.same",
        changed(last={"words": 3}),
        "2 at /last/words of notes, 'the same', as the last done event has it",
        "3",
    ),
    (
        "endpoints.same",
        changed(text="one two"),
        "at /text of notes, 'the same', as the joined token events at /text has it",
        '"one two"',
    ),
    (
        "endpoints.same",
        changed(list=["one ", "two"]),
        "\"two \" at /list/1 of notes, 'the same', as the list of the token events",
        '"two"',
    ),
    (
        "endpoints.same",
        changed(count=3),
        "2 at /count of notes, 'the same', as the number of token events has it",
        "3",
    ),
    (
        "endpoints.needs-credential",
        with_exchanges(RIGHT, spoken("notes.02.none", 200, NOTE)),
        "notes, 'the same' without a credential to be refused with 401",
        "200",
    ),
    (
        "endpoints.needs-credential",
        replace(
            RIGHT, calls=(*RIGHT.calls, complete_call(key=key_for("notes.01.none")))
        ),
        "no model call for a request without a credential",
        "model call 1",
    ),
    (
        "endpoints.credential-first",
        with_exchanges(RIGHT, answer("notes.02.none-and-wrong-method", 405, "NO")),
        "notes, 'the same' by another method, without a credential to be refused",
        "405",
    ),
    (
        "endpoints.foreign-refused",
        with_exchanges(RIGHT, refused("notes.02.foreign", 403, "NO_NOTE")),
        "notes, 'the same' by another user to be refused with 404",
        "403",
    ),
    (
        "endpoints.foreign-refused",
        with_exchanges(RIGHT, refused("notes.02.foreign", 404, "NOT_YOURS")),
        "notes, 'the same' by another user to be refused with 'NO_NOTE'",
        "NOT_YOURS",
    ),
]


@pytest.mark.parametrize(("id_", "wrong", "expected", "got"), WRONG)
def test_wrong_evidence_is_found(
    id_: str, wrong: Evidence, expected: str, got: str
) -> None:
    assert_finding(id_, wrong, expected, got, SIDES)


NOTHING = evidence(RIGHT.exchanges[0], facts=RIGHT.facts)
FIRST = without(RIGHT, "notes.02", "notes.03")

UNPROVEN: list[tuple[str, Evidence, str]] = [
    ("endpoints.status", NOTHING, "the probe asked nothing"),
    ("endpoints.status", replace(RIGHT, facts={}), "the probe asked nothing"),
    (
        "endpoints.status",
        with_exchanges(RIGHT, stream("notes.stream", token(1), error(2))),
        "notes: expected a stream that ends in success, got error after error",
    ),
    ("endpoints.code", FIRST, "no request of this probe was about that"),
    (
        "endpoints.refusals-are-json",
        evidence(RIGHT.exchanges[0], spoken("notes.01", 201, {}), facts=RIGHT.facts),
        "no request was refused",
    ),
    (
        "endpoints.payload",
        without(RIGHT, "notes.01"),
        "no request of this probe was about that",
    ),
    ("endpoints.same", FIRST, "no request of this probe was about that"),
    (
        "endpoints.same",
        with_exchanges(RIGHT, answer("notes.02", 500, "OOPS")),
        "notes, 'the same': 500",
    ),
    (
        "endpoints.needs-credential",
        with_exchanges(FIRST, answer("notes.01", 500, "OOPS")),
        "nothing was answered as declared",
    ),
    (
        "endpoints.needs-credential",
        without(RIGHT, "notes.01.none"),
        "no exchange 'notes.01.none'",
    ),
    (
        "endpoints.credential-first",
        without(RIGHT, "notes.01.none-and-wrong-method"),
        "no exchange",
    ),
    ("endpoints.foreign-refused", without(RIGHT, "notes.02.foreign"), "no exchange"),
    (
        "endpoints.foreign-refused",
        with_exchanges(RIGHT, answer("notes.02", 404, "NO_NOTE")),
        "notes, 'the same': 404",
    ),
    (
        "endpoints.foreign-refused",
        with_exchanges(RIGHT, answer("notes.02.foreign", 404, "NO_NOTE")),
        "no second user",
    ),
]


@pytest.mark.parametrize(("id_", "unproven", "why"), UNPROVEN)
def test_evidence_that_proves_nothing_never_passes(
    id_: str, unproven: Evidence, why: str
) -> None:
    assert_untestable(id_, unproven, why, SIDES)


def test_every_check_has_wrong_and_unproven_evidence() -> None:
    assert sorted({row[0] for row in WRONG}) == ids_of("endpoints")
    assert sorted({row[0] for row in UNPROVEN}) == ids_of("endpoints")


def test_a_request_that_could_not_be_made_is_found_where_its_value_was_missing() -> (
    None
):
    untold = with_exchanges(
        without(RIGHT, "notes.02", "notes.03"),
        spoken("notes.01", 201, {"text": "one"}, Location="/n"),
    )

    expected = "a value for {note} at /id of notes, 'a new one'"
    assert_finding("endpoints.payload", untold, expected, "201", SIDES)


@pytest.mark.parametrize(
    ("when", "right", "wrong", "why"),
    [
        ("after-cancel", cancelled(2), error(2), "ends in cancelled, got error"),
        ("after-error", error(2), done(2), "ends in error, got success"),
        ("after-error", error(2), token(2), "ends in error, got no end"),
    ],
)
def test_a_stream_that_ended_otherwise_proves_nothing(
    when: str, right: bytes, wrong: bytes, why: str
) -> None:
    profile = SIDES.model_copy(
        update={"sides": (SIDES.sides[0].model_copy(update={"when": when}),)}
    )
    given = with_exchanges(RIGHT, stream("notes.stream", token(1), right))
    other = with_exchanges(RIGHT, stream("notes.stream", token(1), wrong))

    assert findings("endpoints.status", given, profile) == []
    assert_untestable("endpoints.status", other, why, profile)


def test_a_stream_that_was_over_too_early_proves_nothing() -> None:
    profile = SIDES.model_copy(
        update={"sides": (SIDES.sides[0].model_copy(update={"when": "during"}),)}
    )
    still_open = with_exchanges(
        RIGHT, stream("notes.stream", token(1), done(2), step_s=2.0)
    )
    asked_late = [
        replace(each, transcript=replace(each.transcript, started_at=109.0))
        for each in RIGHT.exchanges
        if each.label == "notes.03"
    ]

    assert findings("endpoints.status", still_open, profile) == []
    late = with_exchanges(still_open, *asked_late)
    assert_untestable("endpoints.status", late, "over before the last", profile)


def test_no_event_of_a_type_is_nothing_to_compare_with() -> None:
    one = SIDES.sides[0].requests[1]
    same = one.expect.same[1].model_copy(update={"event": "none-such"})
    step = one.model_copy(
        update={"expect": one.expect.model_copy(update={"same": (same,)})}
    )
    side = SIDES.sides[0].model_copy(update={"requests": (step,)})
    given = replace(RIGHT, exchanges=(RIGHT.exchange("notes.stream"), relabelled()))

    profile = SIDES.model_copy(update={"sides": (side,)})
    assert_untestable("endpoints.same", given, "has no event of type", profile)


def relabelled() -> Exchange:
    return replace(RIGHT.exchange("notes.02"), label="notes.01")


def test_a_call_of_another_request_is_no_fault() -> None:
    more = replace(RIGHT, calls=(*RIGHT.calls, call(key=key_for("notes.01"))))

    assert findings("endpoints.needs-credential", more, SIDES) == []
