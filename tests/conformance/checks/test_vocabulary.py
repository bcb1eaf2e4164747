"""Checks of topic `vocabulary`: types, the event field, payloads."""

from __future__ import annotations

import pytest
from pydantic import JsonValue
from tests.conformance.checks.situations import (
    answer,
    assert_finding,
    assert_untestable,
    evidence,
    findings,
    ids_of,
)
from tests.conformance.checks.timelines import (
    PIPELINE,
    RICH,
    body,
    event,
    fields,
    only,
    pipeline_event,
    pipeline_frames,
    resumed,
    run,
)

from streamproof.conformance.model import Evidence
from streamproof.conformance.profiles import Profile
from streamproof.conformance.profiles.schema import TypeLocation

RIGHT = evidence(run(), resumed())
PINNED = RICH.model_copy(
    update={
        "framing": RICH.framing.model_copy(
            update={
                "type": TypeLocation(
                    location="json-pointer", pointer="/type", event_field="delta"
                )
            }
        )
    }
)

WRONG: list[tuple[str, Evidence, str, str, Profile]] = [
    ("known-types", only(event(1, "surprise")), "a type of", "surprise (id", RICH),
    ("known-types", only(fields(1, "{}")), "a type of", "without type", RICH),
    ("event-field", only(event(1, "start")), "event: delta", "no event field", PINNED),
    (
        "event-field",
        only(b"event: x\n" + event(1, "start")),
        "event: delta",
        "event: x in start",
        PINNED,
    ),
    (
        "payload-schema",
        only(event(1, "token")),
        "the payload of token",
        "'text' is a required property at $",
        RICH,
    ),
    (
        "payload-schema",
        only(event(1, "token", text=7)),
        "the payload of token",
        "7 is not of type 'string' at $.text",
        RICH,
    ),
    (
        "invariants",
        only(event(1, "start", subject="a"), event(2, "done", subject="b")),
        'one subject: "a" at /subject throughout',
        '"b" in done',
        RICH,
    ),
]


def test_every_check_of_the_topic_is_proven_here() -> None:
    assert {f"vocabulary.{id_}" for id_, *_ in WRONG} == set(ids_of("vocabulary"))


@pytest.mark.parametrize("id_", ids_of("vocabulary"))
def test_right_events_pass(id_: str) -> None:
    assert findings(id_, RIGHT, RICH) == []


@pytest.mark.parametrize("id_", ids_of("vocabulary"))
def test_a_right_pipeline_run_passes(id_: str) -> None:
    given = evidence(body("stream", *pipeline_frames()))

    assert findings(id_, given, PIPELINE) == []


@pytest.mark.parametrize(("id_", "given", "expected", "got", "profile"), WRONG)
def test_wrong_events_are_found(
    id_: str, given: Evidence, expected: str, got: str, profile: Profile
) -> None:
    assert_finding(f"vocabulary.{id_}", given, expected, got, profile)


@pytest.mark.parametrize("id_", ids_of("vocabulary"))
def test_a_refused_request_proves_nothing(id_: str) -> None:
    assert_untestable(id_, evidence(answer("stream", 500)), "500", RICH)


@pytest.mark.parametrize("id_", ids_of("vocabulary"))
def test_a_stream_without_events_proves_nothing(id_: str) -> None:
    assert_untestable(id_, only(b": hb\n\n"), "no event", RICH)


def test_events_without_a_declared_payload_prove_nothing_on_payloads() -> None:
    given = only(event(1, "surprise"))

    assert_untestable("vocabulary.payload-schema", given, "declared payload", RICH)


def test_heartbeat_events_need_no_type_and_no_pinned_field() -> None:
    beat = b"event: heartbeat\ndata: {}\n\n"
    given = evidence(body("stream", *pipeline_frames()[:1], beat))

    for id_ in ids_of("vocabulary"):
        assert findings(id_, given, PIPELINE) == []


def test_a_type_in_both_places_must_agree() -> None:
    place = TypeLocation(location="both", pointer="/type")
    framing = RICH.framing.model_copy(update={"type": place})
    profile = RICH.model_copy(update={"framing": framing})
    id_ = "vocabulary.event-field"

    assert findings(id_, only(b"event: start\n" + event(1, "start")), profile) == []
    assert_finding(
        id_, only(b"event: x\n" + event(1, "start")), "event: start", "x", profile
    )


def test_a_wrong_step_of_the_pipeline_is_found() -> None:
    frames = pipeline_frames()
    frames[4] = pipeline_event(5, "node-enter", 3, {"status": "running"})

    found = findings(
        "vocabulary.invariants", evidence(body("stream", *frames)), PIPELINE
    )

    assert '"objective-map" at /node as number 2' in found[0].expected
    assert found[0].got.startswith('"source-retrieval" in node-enter')


def test_a_type_may_be_known_by_how_it_begins() -> None:
    place = TypeLocation(location="json-pointer", pointer="/type", known=("data-*",))
    framing = RICH.framing.model_copy(update={"type": place})
    profile = RICH.model_copy(update={"framing": framing})
    id_ = "vocabulary.known-types"

    assert findings(id_, only(event(1, "data-weather")), profile) == []
    assert_finding(id_, only(event(1, "date")), "a type of", "date (id", profile)


def test_a_payload_may_be_that_of_all_types_that_begin_so() -> None:
    schema: dict[str, JsonValue] = {"required": ["data"]}
    profile = RICH.model_copy(update={"payloads": {"data-*": schema, "data-x": {}}})
    id_ = "vocabulary.payload-schema"

    assert findings(id_, only(event(1, "data-x")), profile) == []
    assert_finding(
        id_, only(event(1, "data-y")), "the payload of data-y", "'data' is", profile
    )


def test_a_pinned_event_field_may_be_left_out_where_it_is_optional() -> None:
    place = TypeLocation(
        location="json-pointer",
        pointer="/type",
        event_field="message",
        event_field_optional=True,
    )
    framing = RICH.framing.model_copy(update={"type": place})
    profile = RICH.model_copy(update={"framing": framing})
    id_ = "vocabulary.event-field"

    assert findings(id_, only(event(1, "start")), profile) == []
    assert_finding(
        id_, only(b"event: x\n" + event(1, "start")), "event: message", "x", profile
    )
