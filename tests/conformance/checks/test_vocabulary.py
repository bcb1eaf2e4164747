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
from streamproof.conformance.profiles.schema import Heartbeat, TypeLocation

FAILED = body("failed", event(1, "start"), event(2, "error", code="BROKEN"))
RIGHT = evidence(run(), resumed(), FAILED)


def located(**place: object) -> Profile:
    """Return RICH with other things said of its types."""
    values = {"location": "json-pointer", "pointer": "/type", **place}
    type_ = TypeLocation.model_validate(values)
    framing = RICH.framing.model_copy(update={"type": type_})
    return RICH.model_copy(update={"framing": framing})


PINNED = located(event_field="delta")

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
        "error-codes",
        only(event(1, "error", code="OTHER")),
        "at /code one of UPSTREAM, LIMITED, TIMEOUT, BROKEN, CANCELLED",
        '"OTHER" in error',
        RICH,
    ),
    ("error-codes", only(event(1, "error")), "at /code", "nothing in error", RICH),
    (
        "invariants",
        only(event(1, "start", subject="a"), event(2, "done", subject="b")),
        'one subject: "a" at /subject throughout',
        '"b" in done',
        RICH,
    ),
]


OF_ERRORS = {"vocabulary.error-codes"}


def test_every_check_of_the_topic_is_proven_here() -> None:
    assert {f"vocabulary.{id_}" for id_, *_ in WRONG} == set(ids_of("vocabulary"))


@pytest.mark.parametrize("id_", ids_of("vocabulary"))
def test_right_events_pass(id_: str) -> None:
    assert findings(id_, RIGHT, RICH) == []


@pytest.mark.parametrize("id_", sorted(set(ids_of("vocabulary")) - OF_ERRORS))
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

    for id_ in set(ids_of("vocabulary")) - OF_ERRORS:
        assert findings(id_, given, PIPELINE) == []


def test_a_type_in_both_places_must_agree() -> None:
    profile = located(location="both")
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
    profile = located(known=("data-*",))
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
    profile = located(event_field="message", event_field_optional=True)
    id_ = "vocabulary.event-field"

    assert findings(id_, only(event(1, "start")), profile) == []
    assert_finding(
        id_, only(b"event: x\n" + event(1, "start")), "event: message", "x", profile
    )


def test_each_type_may_have_an_event_field_of_its_own() -> None:
    fields_ = {"error": "failure", "to*": "delta"}
    profile = located(event_field="message", event_fields=fields_)
    id_ = "vocabulary.event-field"
    right = only(
        b"event: message\n" + event(1, "start"),
        b"event: delta\n" + event(2, "token", text="a"),
        b"event: failure\n" + event(3, "error", code="BROKEN"),
    )

    assert findings(id_, right, profile) == []
    for wrong, wanted in ((event(1, "error"), "failure"), (event(1, "token"), "delta")):
        given = only(b"event: message\n" + wrong)
        assert_finding(id_, given, f"event: {wanted}", "event: message in", profile)


def test_message_is_an_event_field_like_any_other() -> None:
    profile = located(event_field="message")
    id_ = "vocabulary.event-field"

    assert findings(id_, only(b"event: message\n" + event(1, "start")), profile) == []
    assert_finding(id_, only(event(1, "start")), "event: message", "no event", profile)


def test_where_all_is_data_only_heartbeats_have_no_event_field_either() -> None:
    heartbeat = Heartbeat(form="json", type="beat")
    profile = located(data_only=True).model_copy(update={"heartbeat": heartbeat})
    id_ = "vocabulary.event-field"
    beat = b'data: {"type": "beat"}\n\n'

    assert findings(id_, only(event(1, "start"), beat), profile) == []
    for wrong in (
        [b"event: start\n" + event(1, "start")],
        [event(1, "start"), b"event: beat\n" + beat],
    ):
        assert_finding(id_, only(*wrong), "no event field", "event: ", profile)


def test_the_payload_of_a_heartbeat_is_held_against_its_schema() -> None:
    schema: dict[str, JsonValue] = {"required": ["at"]}
    heartbeat = Heartbeat(form="json", type="beat")
    profile = RICH.model_copy(
        update={
            "payloads": {**RICH.payloads, "beat": schema},
            "heartbeat": heartbeat,
        }
    )
    id_ = "vocabulary.payload-schema"
    right, wrong = (
        b'data: {"type": "beat"%s}\n\n' % part for part in (b', "at": 1', b"")
    )

    assert findings(id_, only(event(1, "start"), right), profile) == []
    assert_finding(
        id_, only(event(1, "start"), wrong), "the payload of beat", "'at' is", profile
    )


def test_a_cancel_has_a_code_too_and_no_error_proves_nothing() -> None:
    id_ = "vocabulary.error-codes"
    cancelled = only(event(1, "start"), event(2, "error", code="CANCELLED"))

    assert findings(id_, cancelled, RICH) == []
    assert_untestable(id_, evidence(run()), "no stream told an error", RICH)


def test_a_profile_that_lists_no_codes_is_never_judged_on_them() -> None:
    assert RICH.errors is not None
    errors = RICH.errors.model_copy(update={"codes": ()})

    for without in (errors, None):
        profile = RICH.model_copy(update={"errors": without})
        assert_untestable("vocabulary.error-codes", RIGHT, "lists no error", profile)
