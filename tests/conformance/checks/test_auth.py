"""Checks of topic `auth`, on hand-made evidence."""

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

from streamproof.conformance.model import Evidence, Exchange
from streamproof.conformance.profiles import parse
from streamproof.conformance.wire import EndingKind

FORMS = parse(
    SMALL,
    origin="forms",
    overrides=(
        "auth.forms=['bearer', 'query', 'cookie']",
        "auth.first_decides=true",
        "auth.comes_first=true",
        "auth.code=UNAUTHORIZED",
    ),
)
"""The small profile with three places for a credential, of which the first decides."""

REFUSED = {
    "auth.no-credential": "none",
    "auth.malformed": "malformed",
    "auth.wrong-scheme": "wrong-scheme",
    "auth.alg-none": "alg-none",
    "auth.bad-signature": "bad-signature",
    "auth.wrong-algorithm": "wrong-algorithm",
    "auth.expired": "expired",
    "auth.query-token-refused": "query-token",
    "auth.cookie-token-refused": "cookie-token",
    "auth.before-validation": "none-and-invalid-body",
}


def refused(label: str, **changes: str) -> Exchange:
    challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"', **changes}
    return answer(label, 401, "UNAUTHORIZED", headers=challenge)


CREDENTIALS = evidence(
    *(refused(label) for label in REFUSED.values()),
    stream("valid-1", token(1), done(2), key="K-valid-1"),
    stream("valid-2", token(1), done(2), key="K-valid-2"),
    calls=(complete_call(key="K-valid-1"), complete_call(key="K-valid-2")),
)

# The model is held after two tokens; the token runs out at 102.
EXPIRY = evidence(
    stream("stream", token(1), token(2), ended_at=102.05),
    stream("resumed", token(3), done(4), at=102.1, after="s-2"),
    calls=(
        call(
            accepted=100.0,
            headers_sent=100.0,
            token_sent=100.1,
            terminator_sent=103.0,
            ended=103.0,
        ),
    ),
    marks={"expires": 102.0, "released": 102.5},
)

FAULTS = ("malformed", "alg-none", "bad-signature", "wrong-algorithm", "expired")
IN_FORMS = evidence(
    *CREDENTIALS.exchanges,
    *(refused(f"{fault}-{form}") for fault in FAULTS for form in ("query", "cookie")),
    *(refused(f"none-and-{what}") for what in ("unknown-path", "wrong-method")),
    *(
        each
        for form in ("query", "cookie")
        for each in (
            stream(f"accepted-{form}", token(1), done(2), key=f"K-{form}"),
            answer(f"resumed-{form}", 204),
            answer(f"cancelled-{form}", 200),
        )
    ),
    *(
        each
        for one, other in (("bearer", "query"), ("query", "cookie"))
        for each in (
            stream(f"good-{one}-bad-{other}", token(1), done(2)),
            refused(f"good-{other}-bad-{one}"),
        )
    ),
    calls=CREDENTIALS.calls,
)
NOT_IN_FORMS = {"auth.query-token-refused", "auth.cookie-token-refused"}
OF_FORMS = (
    "auth.before-routing",
    "auth.every-form-accepted",
    "auth.first-form-decides",
    "auth.refusal-code",
)

RIGHT = dict.fromkeys(ids_of("auth"), CREDENTIALS) | {
    "auth.expiry-closes": EXPIRY,
    "auth.expiry-resumable": EXPIRY,
}


@pytest.mark.parametrize("id_", sorted(set(ids_of("auth")) - set(OF_FORMS)))
def test_right_evidence_passes(id_: str) -> None:
    assert findings(id_, RIGHT[id_]) == []


@pytest.mark.parametrize("id_", sorted({*OF_FORMS, *REFUSED} - NOT_IN_FORMS))
def test_right_evidence_of_several_forms_passes(id_: str) -> None:
    assert findings(id_, IN_FORMS, FORMS) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_is_accepted_in_one_form_alone_is_found(fault: str) -> None:
    wrong = with_exchanges(IN_FORMS, stream(f"{fault}-cookie", token(1), done(2)))

    (found,) = findings(f"auth.{fault}", wrong, FORMS)

    assert found.exchange == f"{fault}-cookie"
    assert " in a cookie to be refused with 401" in found.expected


@pytest.mark.parametrize("fault", FAULTS)
def test_a_form_in_which_nothing_is_accepted_proves_nothing(fault: str) -> None:
    wrong = with_exchanges(IN_FORMS, refused("accepted-query"))

    why = "no valid request with its token in the query was accepted"
    assert_untestable(f"auth.{fault}", wrong, why, FORMS)


WRONG_FORMS: list[tuple[str, Evidence, str, str]] = [
    (
        "auth.before-routing",
        with_exchanges(IN_FORMS, answer("none-and-unknown-path", 404, "NOT_FOUND")),
        "a request to an unknown path without a credential to be refused with 401",
        "404",
    ),
    (
        "auth.before-routing",
        with_exchanges(IN_FORMS, answer("none-and-wrong-method", 405, "NO")),
        "a request with an unserved method and no credential to be refused with 401",
        "405",
    ),
    (
        "auth.every-form-accepted",
        with_exchanges(IN_FORMS, refused("accepted-cookie")),
        "a stream for a token in a cookie",
        "401",
    ),
    (
        "auth.every-form-accepted",
        with_exchanges(IN_FORMS, refused("resumed-query")),
        "a token in the query to count for what is resumed too",
        "401",
    ),
    (
        "auth.every-form-accepted",
        with_exchanges(IN_FORMS, refused("cancelled-cookie")),
        "a token in a cookie to count for what is cancelled too",
        "401",
    ),
    (
        "auth.first-form-decides",
        with_exchanges(IN_FORMS, refused("good-bearer-bad-query")),
        "the good token in the Authorization header to decide, not the bad one",
        "401",
    ),
    (
        "auth.first-form-decides",
        with_exchanges(IN_FORMS, stream("good-cookie-bad-query", token(1), done(2))),
        "a bad token in the query beside a good one in a cookie to be refused",
        "200",
    ),
    (
        "auth.refusal-code",
        with_exchanges(IN_FORMS, answer("expired", 401, "EXPIRED")),
        "to be refused with 'UNAUTHORIZED' at /error/code",
        "EXPIRED",
    ),
]


@pytest.mark.parametrize(("id_", "wrong", "expected", "got"), WRONG_FORMS)
def test_wrong_evidence_of_several_forms_is_found(
    id_: str, wrong: Evidence, expected: str, got: str
) -> None:
    assert_finding(id_, wrong, expected, got, FORMS)


UNPROVEN_FORMS: list[tuple[str, Evidence, str]] = [
    ("auth.before-routing", CREDENTIALS, "no exchange 'none-and-unknown-path'"),
    ("auth.every-form-accepted", CREDENTIALS, "no exchange 'accepted-query'"),
    ("auth.first-form-decides", CREDENTIALS, "with its token in the query"),
    ("auth.refusal-code", evidence(stream("none", token(1))), "was refused so"),
]


@pytest.mark.parametrize(("id_", "unproven", "why"), UNPROVEN_FORMS)
def test_evidence_without_several_forms_proves_nothing(
    id_: str, unproven: Evidence, why: str
) -> None:
    assert_untestable(id_, unproven, why, FORMS)


@pytest.mark.parametrize(("id_", "label"), REFUSED.items())
def test_a_request_that_gets_a_stream_is_found(id_: str, label: str) -> None:
    wrong = with_exchanges(CREDENTIALS, stream(label, token(1), done(2)))

    assert_finding(id_, wrong, "to be refused with 401", "200 text/event-stream")


@pytest.mark.parametrize(("id_", "label"), REFUSED.items())
def test_another_refusal_than_declared_is_found(id_: str, label: str) -> None:
    wrong = with_exchanges(CREDENTIALS, answer(label, 422, "INVALID"))

    assert_finding(id_, wrong, "to be refused with 401", "422 application/json")


@pytest.mark.parametrize("id_", REFUSED)
def test_a_server_that_refuses_everybody_proves_nothing(id_: str) -> None:
    wrong = with_exchanges(CREDENTIALS, refused("valid-1"), refused("valid-2"))

    assert_untestable(id_, wrong, "no valid request was accepted")


@pytest.mark.parametrize(("id_", "label"), REFUSED.items())
def test_a_request_that_was_not_made_proves_nothing(id_: str, label: str) -> None:
    assert_untestable(id_, without(CREDENTIALS, label), f"no exchange '{label}'")


WRONG: list[tuple[str, Evidence, str, str]] = [
    (
        "auth.challenge",
        with_exchanges(CREDENTIALS, answer("expired", 401, "UNAUTHORIZED")),
        "WWW-Authenticate: Bearer",
        "no such header with 401",
    ),
    (
        "auth.challenge",
        with_exchanges(
            CREDENTIALS, refused("expired", **{"WWW-Authenticate": "Basic realm=x"})
        ),
        "WWW-Authenticate: Bearer",
        "Basic",
    ),
    (
        "auth.challenge-names-error",
        with_exchanges(
            CREDENTIALS, refused("expired", **{"WWW-Authenticate": "Bearer realm=x"})
        ),
        "WWW-Authenticate with error=",
        "Bearer realm=x",
    ),
    (
        "auth.refused-as-json",
        with_exchanges(
            CREDENTIALS,
            answer("none", 401, body=b"no", headers={"Content-Type": "text/plain"}),
        ),
        "a refusal as application/json",
        "401 text/plain: no",
    ),
    (
        "auth.before-upstream",
        replace(CREDENTIALS, calls=(*CREDENTIALS.calls, complete_call(key="K"))),
        "no model call for a request without a valid credential",
        "model call 1",
    ),
    (
        "auth.takes-no-slot",
        with_exchanges(CREDENTIALS, answer("valid-2", 429, "TOO_MANY")),
        "all 2 streams to open after 10 refusals",
        "429",
    ),
    (
        "auth.expiry-closes",
        with_exchanges(
            EXPIRY,
            stream("stream", token(1), ending=EndingKind.CLOSED_BY_US, ended_at=109.0),
        ),
        "to end properly after the token's expiry",
        "closed by us end 7000 ms after it",
    ),
    (
        "auth.expiry-closes",
        with_exchanges(
            EXPIRY,
            stream("stream", token(1), ending=EndingKind.RESET, ended_at=102.1),
        ),
        "to end properly after the token's expiry",
        "reset end 100 ms after it",
    ),
    (
        "auth.expiry-closes",
        with_exchanges(EXPIRY, stream("stream", token(1), ended_at=103.5)),
        "within 1250 ms of the token's expiry",
        "1500 ms after it",
    ),
    (
        "auth.expiry-closes",
        with_exchanges(EXPIRY, stream("stream", token(1), ended_at=101.0)),
        "to stay open until the token's expiry",
        "its end 1000 ms before",
    ),
    (
        "auth.expiry-closes",
        with_exchanges(
            EXPIRY, stream("stream", token(1), frame(2, "error", code="EXPIRED"))
        ),
        "no terminal event",
        "error (id 's-2')",
    ),
    (
        "auth.expiry-resumable",
        with_exchanges(EXPIRY, answer("resumed", 404, "NO", at=102.1, after="s-2")),
        "the stream to go on after 's-2' with a fresh token",
        "404",
    ),
    (
        "auth.expiry-resumable",
        with_exchanges(EXPIRY, stream("resumed", done(4), at=102.1, after="s-2")),
        "the event that follows 's-2'",
        "s-4",
    ),
    (
        "auth.expiry-resumable",
        with_exchanges(EXPIRY, stream("resumed", token(3), at=102.1, after="s-2")),
        "terminal success event",
        "clean end after token (id 's-3')",
    ),
    (
        "auth.expiry-resumable",
        with_exchanges(EXPIRY, stream("resumed", cancelled(3), at=102.4, after="s-2")),
        "terminal success event",
        "clean end after error (id 's-3')",
    ),
]


@pytest.mark.parametrize(("id_", "wrong", "expected", "got"), WRONG)
def test_wrong_evidence_is_found(
    id_: str, wrong: Evidence, expected: str, got: str
) -> None:
    assert_finding(id_, wrong, expected, got)


UNPROVEN: list[tuple[str, Evidence, str]] = [
    ("auth.challenge", evidence(answer("none", 403, "NO")), "answered with 401"),
    ("auth.challenge-names-error", evidence(refused("none")), "with a token"),
    ("auth.refused-as-json", evidence(stream("none", token(1))), "no request was"),
    ("auth.before-upstream", replace(CREDENTIALS, calls=()), "not even an accepted"),
    ("auth.takes-no-slot", without(CREDENTIALS, "valid-1", "valid-2"), "then valid"),
    ("auth.takes-no-slot", without(CREDENTIALS, "valid-2"), "only 1 valid starts"),
    ("auth.expiry-closes", replace(EXPIRY, marks={}), "when its token expired"),
    ("auth.expiry-closes", replace(EXPIRY, calls=()), "no model call"),
    (
        "auth.expiry-closes",
        replace(EXPIRY, calls=(complete_call(),)),
        "did not outlast its token",
    ),
    (
        "auth.expiry-closes",
        with_exchanges(EXPIRY, answer("stream", 429, "TOO_MANY")),
        "expected an event stream",
    ),
    *(
        (
            id_,
            with_exchanges(EXPIRY, answer("stream", 401, "UNAUTHORIZED", at=102.1)),
            "the token had expired before the request for the stream was answered: 401",
        )
        for id_ in ("auth.expiry-closes", "auth.expiry-resumable")
    ),
    (
        "auth.expiry-resumable",
        with_exchanges(EXPIRY, stream("resumed", cancelled(3), at=102.7, after="s-2")),
        "came back 700 ms after the expiry, when the grace of 500 ms was over",
    ),
    (
        "auth.expiry-resumable",
        with_exchanges(EXPIRY, stream("resumed", done(3), at=102.1)),
        "did not come back after an event",
    ),
    (
        "auth.expiry-resumable",
        with_exchanges(EXPIRY, stream("resumed", done(3), at=101.0, after="s-2")),
        "before the token had expired",
    ),
]


@pytest.mark.parametrize(("id_", "unproven", "why"), UNPROVEN)
def test_evidence_that_proves_nothing_never_passes(
    id_: str, unproven: Evidence, why: str
) -> None:
    assert_untestable(id_, unproven, why)


def test_every_check_has_wrong_and_unproven_evidence() -> None:
    wrong = {row[0] for row in (*WRONG, *WRONG_FORMS)}
    unproven = {row[0] for row in (*UNPROVEN, *UNPROVEN_FORMS)}

    assert sorted({*REFUSED, *wrong}) == ids_of("auth")
    assert sorted({*REFUSED, *unproven}) == ids_of("auth")


def test_a_late_end_is_a_timed_finding_with_its_sample() -> None:
    late = with_exchanges(EXPIRY, stream("stream", token(1), ended_at=103.5))

    assert [each.timed for each in findings("auth.expiry-closes", late)] == [True]
    assert samples("auth.expiry-closes", late) == [1500]


def test_a_model_call_that_starts_after_the_expiry_is_a_run_that_goes_on() -> None:
    slow = replace(EXPIRY, calls=(call(accepted=102.2, ended=103.0),))

    assert findings("auth.expiry-closes", slow) == []


def test_a_call_for_an_accepted_forgery_names_that_request() -> None:
    wrong = replace(
        with_exchanges(CREDENTIALS, stream("alg-none", token(1), done(2))),
        calls=(*CREDENTIALS.calls, complete_call(key="K")),
    )

    (found,) = findings("auth.before-upstream", wrong)

    assert found.got.endswith("for alg-none")
