"""Checks of topic `ids`: each on right ids, wrong ones, and none."""

from __future__ import annotations

import pytest
from tests.conformance.checks.situations import (
    answer,
    assert_finding,
    assert_untestable,
    evidence,
    findings,
    ids_of,
)
from tests.conformance.checks.timelines import (
    OTHER,
    RICH,
    RUN,
    body,
    event,
    fields,
    only,
    resumed,
    run,
    token,
    token_with_retry,
)

from streamproof.conformance.checks.ids import max_entropy_bits
from streamproof.conformance.model import Evidence
from streamproof.conformance.profiles import Profile
from streamproof.conformance.profiles.schema import Heartbeat

RIGHT = evidence(run(), run("twin", OTHER, "K-twin"), resumed())
START = '{"type": "start"}'


def with_id(id_: str) -> Evidence:
    return only(f"retry: 1000\nid: {id_}\ndata: {START}\n\n".encode())


WRONG: list[tuple[str, Evidence, str, str]] = [
    (
        "on-every-event",
        only(event(1, "start"), b'data: {"type": "done"}\n\n'),
        "an id on every event",
        "done (no id)",
    ),
    ("declared-form", with_id("7"), "<stream>-<n>", '"7"'),
    ("declared-form", with_id(f"{RUN}-01"), "without leading zeros", "-01"),
    ("declared-form", with_id(f"{RUN}-x"), "<stream>-<n>", "-x"),
    ("without-gaps", only(token(1), token(3)), f"id {RUN}-2 next", f"{RUN}-3"),
    ("without-gaps", only(token(2)), f"id {RUN}-1 next", f"{RUN}-2"),
    (
        "without-gaps",
        evidence(body("resumed", token(2), after=f"{RUN}-2")),
        f"id {RUN}-3 next",
        f"{RUN}-2",
    ),
    ("unique", only(token(1), token(2), token(2)), "once", "a second time"),
    ("ascii", with_id("é-1"), "ASCII", "\\u00e9"),
    ("ascii", with_id("a\tb-1"), "ASCII", "a\\tb"),
    (
        "stream-differs",
        evidence(run(), run("twin")),
        "other than that of stream",
        f"{RUN}-1",
    ),
    (
        "unguessable",
        evidence(run(id_="17"), run("twin", "18")),
        "at least 128 unguessable bits",
        "at most 7 bits",
    ),
    (
        "retry-on-first-event",
        only(fields(1, START, retry=False)),
        "retry: 1000",
        "without retry",
    ),
    (
        "retry-on-first-event",
        only(b"retry: 1000\n\n", fields(1, START, retry=False)),
        "as a field of the first event",
        "retry: 1000 in a block without data",
    ),
    (
        "retry-on-first-event",
        only(f"retry: 5\nid: {RUN}-1\ndata: {START}\n\n".encode()),
        "retry: 1000",
        "with retry: 5",
    ),
    (
        "retry-on-first-event",
        evidence(run(), body("resumed", token(3), after=f"{RUN}-2")),
        "retry: 1000",
        "without retry",
    ),
]


def test_every_check_of_the_topic_is_proven_here() -> None:
    assert {f"ids.{id_}" for id_, *_ in WRONG} == set(ids_of("ids"))


@pytest.mark.parametrize("id_", ids_of("ids"))
def test_right_ids_pass(id_: str) -> None:
    assert findings(id_, RIGHT, RICH) == []


@pytest.mark.parametrize(("id_", "given", "expected", "got"), WRONG)
def test_wrong_ids_are_found(
    id_: str, given: Evidence, expected: str, got: str
) -> None:
    assert_finding(f"ids.{id_}", given, expected, got, RICH)


@pytest.mark.parametrize("id_", ids_of("ids"))
def test_a_refused_request_proves_nothing(id_: str) -> None:
    assert_untestable(id_, evidence(answer("stream", 500)), "500", RICH)


@pytest.mark.parametrize("id_", ids_of("ids"))
def test_a_stream_without_events_proves_nothing(id_: str) -> None:
    assert_untestable(id_, only(b": hello\n\n"), "no event", RICH)


@pytest.mark.parametrize(
    "id_",
    sorted(set(ids_of("ids")) - {"ids.on-every-event", "ids.retry-on-first-event"}),
)
def test_a_stream_without_ids_proves_nothing(id_: str) -> None:
    assert_untestable(id_, only(b"data: 1\n\n"), "id", RICH)


def test_one_stream_alone_says_nothing_on_difference() -> None:
    assert_untestable("ids.stream-differs", evidence(run()), "only one", RICH)


def test_heartbeats_and_resumes_leave_the_count_alone() -> None:
    given = evidence(
        body("stream", event(1, "start"), b": hb\n\n", token(2)),
        body("resumed", token_with_retry(3), after=f"{RUN}-2"),
        body("odd", token(9), after="not an id"),
    )

    assert findings("ids.without-gaps", given, RICH) == []


def test_replayed_ids_are_no_duplicates() -> None:
    given = evidence(run(), resumed("after-0002"), resumed("after-0002-again"))

    assert findings("ids.unique", given, RICH) == []


def profile_with(**ids: object) -> Profile:
    return RICH.model_copy(update={"ids": RICH.ids.model_copy(update=ids)})


@pytest.mark.parametrize(
    ("form", "id_", "is_right"),
    [
        ("sequence", "12", True),
        ("sequence", "012", False),
        ("opaque", "anything", True),
        ("opaque", "", False),
    ],
)
def test_other_forms_have_ids_of_their_own(
    form: str, id_: str, *, is_right: bool
) -> None:
    found = findings("ids.declared-form", with_id(id_), profile_with(form=form))

    assert (found == []) is is_right


def test_ids_may_stand_in_the_data() -> None:
    profile = profile_with(form="sequence", location="/seq")
    given = only(b'data: {"type": "start", "seq": 1}\n\n', b'data: {"seq": "2"}\n\n')

    assert findings("ids.on-every-event", given, profile) == []
    assert findings("ids.without-gaps", given, profile) == []


@pytest.mark.parametrize(
    ("id_", "others", "bits"),
    [
        ("0" * 8, [], 27),
        ("0123456789abcdef0123456789abcdef", [], 128),
        ("Zm9vYmFyLWJheg-qux_QuuxA", [], 143),
        # A version 4 UUID fixes six of its bits, version 7 shows its time.
        ("6fa459ea-ee8a-4ca4-894e-db77e160355e", [], 122),
        ("018f4e7c-8f7a-7000-8000-000000000000", [], 74),
        ("6fa459ea-ee8a-1ca4-894e-db77e160355e", [], 0),
        # What siblings share beyond chance was not drawn.
        ("stream-aaaaaaaaaaaaaaaaaaaaaa0001", ["stream-aaaaaaaaaaaaaaaaaaaaaa0002"], 5),
        # One or two equal characters are chance.
        ("01234567", ["01999999"], 27),
    ],
)
def test_random_bits_are_bounded_from_above(
    id_: str, others: list[str], bits: int
) -> None:
    assert round(max_entropy_bits(id_, others)) == bits


def test_a_profile_without_retry_is_never_judged() -> None:
    profile = RICH.model_copy(update={"retry": None})

    assert_untestable("ids.retry-on-first-event", RIGHT, "declares no retry", profile)


def test_retry_stands_on_the_first_event_that_has_an_id() -> None:
    id_ = "ids.retry-on-first-event"
    plain = b'data: {"type": "start"}\n\n'

    assert findings(id_, only(plain, event(1, "token", retry=True)), RICH) == []
    given = only(b"retry: 1000\n" + plain, event(1, "token", retry=False))
    assert_finding(id_, given, "the first event with an id", "token (id", RICH)


def test_without_any_id_retry_stands_on_the_first_event() -> None:
    id_ = "ids.retry-on-first-event"
    plain = b'data: {"type": "start"}\n\n'

    assert findings(id_, only(b"retry: 1000\n" + plain, plain), RICH) == []
    profile = profile_with(form="none")
    assert_finding(id_, only(plain), "a field of the first event", "without", profile)


def test_a_heartbeat_before_the_first_event_has_neither_id_nor_retry() -> None:
    heartbeat = Heartbeat(form="json", type="beat", opens=True)
    profile = RICH.model_copy(update={"heartbeat": heartbeat})
    beat = b'data: {"type": "beat"}\n\n'
    given = only(beat, event(1, "start"), event(2, "done"))

    for id_ in ("retry-on-first-event", "on-every-event", "without-gaps"):
        assert findings(f"ids.{id_}", given, profile) == []
