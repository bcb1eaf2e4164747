"""Checks of topic `headers`: each on a right head, a wrong one, and none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.conformance.checks.situations import (
    answer,
    assert_finding,
    assert_untestable,
    evidence,
    findings,
    ids_of,
    silence,
)
from tests.conformance.checks.timelines import (
    OTHER,
    RICH,
    RUN,
    body,
    event,
    resumed,
    run,
    token,
    with_headers,
)

from streamproof.conformance.model import Evidence
from streamproof.conformance.wire import EndingKind

RIGHT = evidence(run(), resumed(), answer("cancel-finished", 200))


def changed(**headers: str | None) -> Evidence:
    return evidence(with_headers(run(), **headers), resumed())


WRONG: list[tuple[str, Evidence, str, str]] = [
    ("status-200", evidence(answer("stream", 500)), "status 200", "500"),
    (
        "status-200",
        evidence(silence("stream", EndingKind.DEADLINE)),
        "status 200",
        "no response, deadline",
    ),
    (
        "content-type-event-stream",
        changed(Content_Type="text/plain"),
        "text/event-stream",
        "Content-Type: text/plain",
    ),
    (
        "content-type-event-stream",
        changed(Content_Type=None),
        "text/event-stream",
        "no Content-Type",
    ),
    (
        "charset-utf-8-or-none",
        changed(Content_Type="text/event-stream; charset=utf8"),
        "charset=utf-8",
        "charset=utf8",
    ),
    (
        "not-cacheable",
        changed(Cache_Control="max-age=60"),
        "no-cache or no-store",
        "max-age=60",
    ),
    ("not-cacheable", changed(Cache_Control=None), "no-cache", "no Cache-Control"),
    (
        "declared-tokens",
        changed(Cache_Control="no-cache"),
        "Cache-Control with no-transform",
        "Cache-Control: no-cache",
    ),
    (
        "no-content-length",
        changed(Content_Length="12"),
        "no Content-Length",
        "Content-Length: 12",
    ),
    ("stream-id-matches", changed(X_Stream_Id=OTHER), RUN, f"X-Stream-Id: {OTHER}"),
    ("stream-id-matches", changed(X_Stream_Id=None), RUN, "no X-Stream-Id"),
    (
        "stream-id-matches",
        evidence(body("stream", token(1), token(2, run=OTHER))),
        "one stream in all ids",
        RUN,
    ),
    (
        "same-on-resume",
        evidence(run(), with_headers(resumed(), X_Stream_Id=OTHER)),
        RUN,
        OTHER,
    ),
    (
        "same-on-resume",
        evidence(run(), with_headers(resumed(), Cache_Control="no-cache")),
        "no-transform",
        "Cache-Control: no-cache",
    ),
]


def test_every_check_of_the_topic_is_proven_here() -> None:
    assert {f"headers.{id_}" for id_, *_ in WRONG} == set(ids_of("headers"))


@pytest.mark.parametrize("id_", ids_of("headers"))
def test_a_right_head_passes(id_: str) -> None:
    assert findings(id_, RIGHT, RICH) == []


@pytest.mark.parametrize(("id_", "given", "expected", "got"), WRONG)
def test_a_wrong_head_is_found(
    id_: str, given: Evidence, expected: str, got: str
) -> None:
    assert_finding(f"headers.{id_}", given, expected, got, RICH)


@pytest.mark.parametrize("id_", ids_of("headers"))
def test_no_connection_proves_nothing(id_: str) -> None:
    unreached = evidence(silence("stream", EndingKind.NOT_CONNECTED, sent=False))

    assert_untestable(id_, unreached, "no", RICH)


def test_names_and_values_are_compared_without_case() -> None:
    exchange = run()
    headers = (
        ("content-type", 'TEXT/EVENT-STREAM;Charset="UTF-8"'),
        ("CACHE-CONTROL", "No-Transform"),
        ("cache-control", "NO-CACHE"),
        ("x-stream-id", RUN),
    )
    odd = replace(exchange, transcript=replace(exchange.transcript, headers=headers))

    found = [
        f
        for id_ in ids_of("headers")
        if "resume" not in id_
        for f in findings(id_, evidence(odd), RICH)
    ]

    assert found == []


def test_a_stream_that_was_never_resumed_says_nothing_on_resumed_heads() -> None:
    assert_untestable("headers.same-on-resume", evidence(run()), "resumed", RICH)


def test_a_stream_without_ids_says_nothing_on_the_stream_id() -> None:
    given = evidence(body("stream", b'data: {"type": "start"}\n\n'))

    assert_untestable("headers.stream-id-matches", given, "no event", RICH)


def test_a_refused_request_says_nothing_on_the_media_type() -> None:
    given = evidence(answer("stream", 503))

    assert_untestable("headers.content-type-event-stream", given, "503", RICH)


def test_each_response_is_judged_on_its_own_id() -> None:
    given = evidence(run(), run("twin", OTHER), body("again", event(1, "start")))

    assert findings("headers.stream-id-matches", given, RICH) == []
