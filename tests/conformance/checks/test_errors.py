"""Checks of topic `errors`, on hand-made evidence."""

from dataclasses import replace

import pytest
from tests.conformance.checks.situations import (
    PROFILE,
    answer,
    assert_finding,
    assert_untestable,
    call,
    complete_call,
    done,
    error,
    evidence,
    findings,
    frame,
    ids_of,
    samples,
    stream,
    token,
    with_exchanges,
    without,
)

from streamproof.conformance.model import Evidence, UpstreamCall
from streamproof.conformance.profiles.schema import UpstreamFailure
from streamproof.conformance.wire import EndingKind


def faulted(fault: str, *, tokens: int = 2, turn: int = 1) -> UpstreamCall:
    return call(
        "faulted",
        fault=fault,
        tokens=tokens,
        turn=turn,
        accepted=100.0,
        token_sent=100.05,
        ended=100.1,
    )


def failed(code: str, *calls: UpstreamCall) -> Evidence:
    """A stream of two tokens and a terminal error, and the calls behind it."""
    return evidence(
        stream("stream", token(1), token(2), error(3, code)),
        calls=calls,
        facts={"marker": "SECRET-7f3a"},
    )


# Silent from 100.0 (or from the last token, 100.1) on; given up at 102.3.
MUTE = evidence(
    stream("stream", frame(1, "start"), error(2, "TIMEOUT"), step_s=1.15),
    calls=(call("cancelled_before_first_token", accepted=100.0, peer_gone=102.0),),
)
STALLED = evidence(
    stream("stream", token(1), token(2), error(3, "TIMEOUT"), step_s=0.7),
    calls=(
        call("cancelled_midstream", accepted=100.0, token_sent=100.1, peer_gone=102.0),
    ),
)
DROPPED = failed("BROKEN", faulted("drop"))
RETRIED = evidence(
    stream("stream", token(1), done(2)),
    calls=(
        call("faulted", fault="fail", accepted=100.0, ended=100.01),
        call(turn=2, accepted=101.01, token_sent=101.1, terminator_sent=101.2),
    ),
    facts={"retry_after_s": 1},
)
REQUESTS = evidence(
    answer("invalid-01", 422, "INVALID"),
    answer("invalid-02", 405, "METHOD", method="GET", headers={"Allow": "POST"}),
    answer("unknown-path", 404, "NOT_FOUND", path="/streams/no/such"),
)

OF_REQUESTS = {
    "errors.invalid-requests-refused",
    "errors.refusal-shape",
    "errors.allow-header",
    "errors.invalid-reach-no-model",
    "errors.unknown-path-refused",
}
RIGHT = (
    dict.fromkeys(ids_of("errors"), DROPPED)
    | dict.fromkeys(OF_REQUESTS, REQUESTS)
    | {
        "errors.http-error-code": failed("UPSTREAM", faulted("fail")),
        "errors.rate-limited-code": failed("LIMITED", faulted("fail")),
        "errors.error-event": failed("UPSTREAM", faulted("error")),
        "errors.mute-model-timeout": MUTE,
        "errors.stalled-model-timeout": STALLED,
        "errors.retry-honours-retry-after": RETRIED,
    }
)
CODES = [
    "errors.http-error-code",
    "errors.rate-limited-code",
    "errors.dropped-fin",
    "errors.dropped-rst",
    "errors.truncated",
    "errors.error-event",
    "errors.mute-model-timeout",
    "errors.stalled-model-timeout",
]


@pytest.mark.parametrize("id_", ids_of("errors"))
def test_right_evidence_passes(id_: str) -> None:
    assert findings(id_, RIGHT[id_]) == []


@pytest.mark.parametrize("id_", CODES)
def test_another_code_than_declared_is_found(id_: str) -> None:
    wrong = with_exchanges(RIGHT[id_], stream("stream", error(1, "WHATEVER")))

    assert_finding(id_, wrong, "a terminal error event with code", '"WHATEVER"')


@pytest.mark.parametrize("id_", CODES)
def test_where_no_code_is_declared_any_is_right(id_: str) -> None:
    assert PROFILE.errors is not None
    errors = PROFILE.errors.model_copy(update={"upstream": UpstreamFailure()})
    anyhow = PROFILE.model_copy(update={"errors": errors})
    given = with_exchanges(RIGHT[id_], stream("stream", error(1, "WHATEVER")))

    assert findings(id_, given, anyhow) == []
    cut = with_exchanges(
        RIGHT[id_], stream("stream", token(1), ending=EndingKind.PREMATURE_EOF)
    )
    assert findings(id_, cut, anyhow)


@pytest.mark.parametrize("id_", CODES)
def test_a_cut_connection_is_found(id_: str) -> None:
    cut = stream("stream", token(1), ending=EndingKind.PREMATURE_EOF)

    assert_finding(
        id_,
        with_exchanges(RIGHT[id_], cut),
        "a terminal error event with code",
        "premature eof end after token (id 's-1')",
    )


@pytest.mark.parametrize("id_", CODES)
def test_a_failure_told_as_success_is_found(id_: str) -> None:
    wrong = with_exchanges(RIGHT[id_], stream("stream", token(1), done(2)))

    assert_finding(id_, wrong, "a terminal error event with code", "which says success")


@pytest.mark.parametrize("id_", CODES)
def test_a_failure_told_by_status_is_found(id_: str) -> None:
    wrong = with_exchanges(RIGHT[id_], answer("stream", 502, "UPSTREAM"))

    assert_finding(id_, wrong, "a terminal error event with code", "502")


@pytest.mark.parametrize("id_", CODES)
def test_a_run_that_never_reached_the_model_proves_nothing(id_: str) -> None:
    refused = with_exchanges(RIGHT[id_], answer("stream", 429, "TOO_MANY"))

    assert_untestable(id_, replace(refused, calls=()), "never reached the model.*429")


@pytest.mark.parametrize("id_", CODES)
def test_a_model_that_did_not_fail_proves_nothing(id_: str) -> None:
    fine = replace(RIGHT[id_], calls=(complete_call(),))

    assert_untestable(id_, fine, "does not show the fault|not mute|did not stall")


def with_stream(*frames: bytes, base: Evidence = DROPPED) -> Evidence:
    return with_exchanges(base, stream("stream", *frames))


def with_message(message: str) -> Evidence:
    return with_stream(token(1), token(2), error(3, message=message))


WRONG: list[tuple[str, Evidence, str, str]] = [
    (
        "errors.mute-model-timeout",
        with_exchanges(MUTE, stream("stream", error(1, "TIMEOUT"), step_s=3.5)),
        "within 3000 ms of the model's last sign of life",
        "error (id 's-1') after 3500 ms",
    ),
    (
        "errors.stalled-model-timeout",
        with_exchanges(STALLED, stream("stream", error(1, "TIMEOUT"), step_s=3.5)),
        "within 3000 ms of the model's last sign of life",
        "after 3400 ms",
    ),
    (
        "errors.one-terminal",
        with_stream(token(1), error(2), done(3)),
        "nothing after the terminal event error (id 's-2')",
        "a second terminal event: done (id 's-3')",
    ),
    (
        "errors.one-terminal",
        with_stream(token(1), error(2), token(3)),
        "nothing after the terminal event",
        "an event: token",
    ),
    (
        "errors.one-terminal",
        with_stream(token(1), done(2), error(3)),
        "nothing after the terminal event done",
        "a second terminal event: error",
    ),
    (
        "errors.told-in-full",
        with_stream(token(1), error(2, message=" ")),
        "a message at /message of the error event",
        '" "',
    ),
    (
        "errors.told-in-full",
        with_stream(frame(1, "error", message="it failed")),
        "a code at /code of the error event",
        "nothing in",
    ),
    (
        "errors.retryable-declared",
        with_stream(frame(1, "error", code="BROKEN", message="m", retryable="yes")),
        "true or false at /retryable",
        '"yes"',
    ),
    (
        "errors.no-internals",
        with_message("the model said: SECRET-7f3a"),
        "nothing of the server's inside",
        "the provider's own message: …",
    ),
    (
        "errors.no-internals",
        with_message('Traceback (most recent call last):\n  File "x", line 1'),
        "nothing of the server's inside",
        "a stack trace",
    ),
    (
        "errors.no-internals",
        with_message("failed in /srv/app/node.py"),
        "nothing of the server's inside",
        "a source file",
    ),
    (
        "errors.no-internals",
        with_message("cannot reach http://127.0.0.1:9000/v1"),
        "nothing of the server's inside",
        "an address",
    ),
    (
        "errors.no-internals",
        with_message("RemoteProtocolError: peer closed"),
        "nothing of the server's inside",
        "an exception name: …RemoteProtocolError",
    ),
    (
        "errors.no-internals",
        with_message("httpx.ReadError('')"),
        "nothing of the server's inside",
        "an exception name",
    ),
    (
        "errors.no-internals",
        with_exchanges(REQUESTS, answer("invalid-01", 422, body=b"JSONDecodeError: x")),
        "nothing of the server's inside",
        "an exception name",
    ),
    (
        "errors.clean-end",
        with_exchanges(
            DROPPED, stream("stream", error(1), ending=EndingKind.PREMATURE_EOF)
        ),
        "to end properly after the error event",
        "premature eof end 10 ms after it",
    ),
    (
        "errors.clean-end",
        with_exchanges(DROPPED, stream("stream", error(1), ended_at=102.1)),
        "within 1000 ms of the error event",
        "its end 2000 ms after it",
    ),
    (
        "errors.tokens-before-error-arrive",
        with_stream(token(1), error(2)),
        "the 2 tokens that the model sent, then the error event",
        "1 of them before error (id 's-2')",
    ),
    (
        "errors.retry-honours-retry-after",
        replace(RETRIED, calls=RETRIED.calls[:1]),
        "tried again after its Retry-After of 1000 ms",
        "no further model call",
    ),
    (
        "errors.retry-honours-retry-after",
        replace(
            RETRIED,
            calls=(RETRIED.calls[0], call(turn=2, accepted=100.51, ended=100.6)),
        ),
        "not before its Retry-After of 1000 ms is over",
        "it came after 500 ms",
    ),
    (
        "errors.retry-honours-retry-after",
        with_exchanges(RETRIED, stream("stream", error(1, "LIMITED"))),
        "the stream to go on to its terminal success event",
        "clean end after error",
    ),
    (
        "errors.not-retried-after-tokens",
        replace(DROPPED, calls=(faulted("drop"), complete_call(turn=2))),
        "no model call after call 1 failed with 2 tokens shown",
        "model call 2",
    ),
    (
        "errors.invalid-requests-refused",
        with_exchanges(REQUESTS, stream("invalid-01", token(1), done(2))),
        "an invalid request (prompt is a number) to be refused with 422 INVALID",
        "200 text/event-stream",
    ),
    (
        "errors.invalid-requests-refused",
        with_exchanges(REQUESTS, answer("invalid-01", 422, "OTHER")),
        "refused with 'INVALID' at /error/code",
        '"OTHER"',
    ),
    (
        "errors.refusal-shape",
        with_exchanges(REQUESTS, answer("unknown-path", 404, body=b'{"detail": "x"}')),
        "a text at /error/code of the refusal",
        "nothing in 404",
    ),
    (
        "errors.allow-header",
        with_exchanges(REQUESTS, answer("invalid-02", 405, "METHOD", method="GET")),
        "Allow with the 405 for GET",
        "no such header",
    ),
    (
        "errors.invalid-reach-no-model",
        replace(REQUESTS, calls=(complete_call(),)),
        "no model call for an invalid request",
        "model call 1",
    ),
    (
        "errors.unknown-path-refused",
        with_exchanges(REQUESTS, stream("unknown-path", token(1), done(2))),
        "to be refused with 404 or 405",
        "200 text/event-stream",
    ),
]


@pytest.mark.parametrize(("id_", "wrong", "expected", "got"), WRONG)
def test_wrong_evidence_is_found(
    id_: str, wrong: Evidence, expected: str, got: str
) -> None:
    assert_finding(id_, wrong, expected, got)


SUCCEEDED = with_stream(token(1), done(2))
SILENT = with_stream(token(1))

UNPROVEN: list[tuple[str, Evidence, str]] = [
    ("errors.one-terminal", SILENT, "no terminal event came"),
    ("errors.told-in-full", SUCCEEDED, "told no error"),
    ("errors.retryable-declared", SUCCEEDED, "told no error"),
    ("errors.no-internals", SUCCEEDED, "nothing was told of a failure"),
    ("errors.clean-end", SUCCEEDED, "told no error"),
    ("errors.clean-end", replace(DROPPED, calls=()), "never reached the model"),
    ("errors.tokens-before-error-arrive", SUCCEEDED, "told no error"),
    (
        "errors.tokens-before-error-arrive",
        replace(DROPPED, calls=(faulted("drop", tokens=0),)),
        "sent no token",
    ),
    (
        "errors.retry-honours-retry-after",
        replace(RETRIED, calls=(complete_call(),)),
        "no model call that was refused once",
    ),
    (
        "errors.retry-honours-retry-after",
        replace(
            with_exchanges(RETRIED, stream("stream", error(1, "TIMEOUT"))),
            calls=(*RETRIED.calls, call(None, turn=3, accepted=101.3)),
        ),
        "more trouble than ordered: model call 3",
    ),
    (
        "errors.not-retried-after-tokens",
        replace(DROPPED, calls=(faulted("drop", tokens=0),)),
        "failed before a token",
    ),
    (
        "errors.not-retried-after-tokens",
        replace(DROPPED, calls=(complete_call(),)),
        "does not show the fault",
    ),
    (
        "errors.invalid-requests-refused",
        without(REQUESTS, "invalid-01"),
        "sent 1 of 2 requests",
    ),
    ("errors.refusal-shape", DROPPED, "no request was refused"),
    ("errors.allow-header", DROPPED, "answered with 405"),
    ("errors.invalid-reach-no-model", evidence(), "room for a steering key"),
    ("errors.unknown-path-refused", evidence(), "no exchange 'unknown-path'"),
    (
        "errors.mute-model-timeout",
        replace(MUTE, calls=STALLED.calls),
        "the model was not mute",
    ),
    (
        "errors.stalled-model-timeout",
        replace(STALLED, calls=MUTE.calls),
        "sent no token before it stalled",
    ),
]


@pytest.mark.parametrize(("id_", "unproven", "why"), UNPROVEN)
def test_evidence_that_proves_nothing_never_passes(
    id_: str, unproven: Evidence, why: str
) -> None:
    assert_untestable(id_, unproven, why)


def test_every_check_has_wrong_and_unproven_evidence() -> None:
    assert sorted({*CODES, *(row[0] for row in WRONG)}) == ids_of("errors")
    assert sorted({*CODES, *(row[0] for row in UNPROVEN)}) == ids_of("errors")


@pytest.mark.parametrize(
    "message",
    [
        "an error in the model, see https://docs.example.com/errors for help",
        "Error: the model took too long",
        "version 1.2.3.4 of the model is gone",
    ],
)
def test_messages_safe_to_show_are_no_internals(message: str) -> None:
    assert findings("errors.no-internals", with_message(message)) == []


def test_a_prompt_that_is_echoed_with_its_directive_is_no_internal() -> None:
    prompt = '[[fake:fail status=500 message="SECRET-7f3a" call=K]]'
    echoed = with_stream(frame(1, "start", prompt=prompt), error(2))

    assert findings("errors.no-internals", echoed) == []


def test_internals_in_a_body_that_broke_off_are_found() -> None:
    wrong = with_stream(token(1), b'Traceback (most recent call last):\n  File "x", ')

    assert_finding("errors.no-internals", wrong, "the server's inside", "stack trace")


def test_tokens_that_share_an_event_all_count() -> None:
    right = with_stream(token(1, "one two"), error(2))

    assert findings("errors.tokens-before-error-arrive", right) == []


def test_a_refusal_of_head_needs_no_body() -> None:
    right = with_exchanges(
        REQUESTS, answer("invalid-02", 405, method="HEAD", headers={"Allow": "POST"})
    )

    assert findings("errors.refusal-shape", right) == []


def test_timeouts_and_ends_are_measured() -> None:
    assert samples("errors.mute-model-timeout", MUTE) == [2300]
    assert samples("errors.stalled-model-timeout", STALLED) == [2000]
    assert samples("errors.clean-end", DROPPED) == [10]
    assert samples("errors.retry-honours-retry-after", RETRIED) == [1000]


def test_a_profile_without_a_place_for_retryable_is_not_judged_on_it() -> None:
    assert PROFILE.errors is not None
    errors = PROFILE.errors.model_copy(update={"retryable": None})
    other = PROFILE.model_copy(update={"errors": errors})

    assert_untestable("errors.retryable-declared", DROPPED, "does not say where", other)
