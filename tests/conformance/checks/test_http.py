"""Checks of topic `http`: framing by version, no compression."""

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
)
from tests.conformance.checks.timelines import (
    RICH,
    body,
    ended_by,
    event,
    run,
    with_headers,
)

from streamproof.conformance.model import Evidence, Exchange
from streamproof.conformance.wire import EndingKind


def old(exchange: Exchange | None = None, coding: str | None = None) -> Exchange:
    """Answer an HTTP/1.0 request; the status line says HTTP/1.1 all the same."""
    return with_headers(exchange or run("http-1.0"), Transfer_Encoding=coding)


RIGHT = evidence(old(), run("accept-gzip"))

WRONG: list[tuple[str, Evidence, str, str]] = [
    (
        "http-1-0-close-delimited",
        evidence(old(coding="chunked")),
        "without Transfer-Encoding",
        "Transfer-Encoding: chunked",
    ),
    (
        "http-1-0-close-delimited",
        evidence(old(body("http-1.0", event(1, "start")))),
        "the whole stream",
        "clean end without a terminal signal",
    ),
    (
        "chunked-on-http-1-1",
        evidence(with_headers(run(), Transfer_Encoding=None)),
        "Transfer-Encoding: chunked",
        "ends only with the connection",
    ),
    (
        "chunked-on-http-1-1",
        evidence(with_headers(run(), Transfer_Encoding=None, Content_Length="99")),
        "Transfer-Encoding: chunked",
        "Content-Length: 99",
    ),
    (
        "chunked-on-http-1-1",
        evidence(with_headers(run(), Transfer_Encoding="gzip")),
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip",
    ),
    (
        "not-compressed",
        evidence(with_headers(run("accept-gzip"), Content_Encoding="gzip")),
        "no Content-Encoding",
        "Content-Encoding: gzip",
    ),
]


def test_every_check_of_the_topic_is_proven_here() -> None:
    assert {f"http.{id_}" for id_, *_ in WRONG} == set(ids_of("http"))


@pytest.mark.parametrize("id_", ids_of("http"))
def test_right_http_passes(id_: str) -> None:
    assert findings(id_, RIGHT, RICH) == []


@pytest.mark.parametrize(("id_", "given", "expected", "got"), WRONG)
def test_wrong_http_is_found(
    id_: str, given: Evidence, expected: str, got: str
) -> None:
    assert_finding(f"http.{id_}", given, expected, got, RICH)


@pytest.mark.parametrize("id_", ids_of("http"))
def test_a_refused_request_proves_nothing(id_: str) -> None:
    refused = evidence(answer("http-1.0", 505), answer("accept-gzip", 500))

    assert_untestable(id_, refused, "50", RICH)


def test_an_old_request_that_was_not_made_proves_nothing() -> None:
    id_ = "http.http-1-0-close-delimited"

    assert_untestable(id_, evidence(run()), "no exchange 'http-1.0'", RICH)


def test_an_old_response_that_we_left_may_be_unfinished() -> None:
    left = ended_by(body("http-1.0", event(1, "start")), EndingKind.CLOSED_BY_US)

    assert findings("http.http-1-0-close-delimited", evidence(old(left)), RICH) == []


def test_chunking_is_asked_of_http_1_1_only() -> None:
    exchange = run()
    other = replace(exchange, transcript=replace(exchange.transcript, http_version="2"))

    assert_untestable("http.chunked-on-http-1-1", evidence(other), "HTTP/1.1", RICH)


def test_identity_is_no_compression() -> None:
    given = evidence(with_headers(run("accept-gzip"), Content_Encoding="identity"))

    assert findings("http.not-compressed", given, RICH) == []
