"""No credential that the suite has used gets into a report."""

from dataclasses import replace

from streamproof.conformance.model import Evidence, Finding, Verdict
from streamproof.conformance.report.json_report import to_json
from streamproof.conformance.report.junit import to_junit
from streamproof.conformance.report.redaction import without_secrets

from .sample import judged, run_of

OPAQUE = "tok-4711"


def test_a_credential_is_replaced_wherever_a_report_shows_text() -> None:
    finding = Finding(
        expected=f"no {OPAQUE}", got=f"bad token {OPAQUE}", probe="silent"
    )
    result = run_of(
        judged("a.b", Verdict.FAILED, finding),
        judged("a.c", Verdict.ERRORED, reason=f"broke on {OPAQUE}"),
    )
    evidence = Evidence(probe="silent", missing=f"{OPAQUE}?", error=f"{OPAQUE}!")
    result = replace(result, evidence={"silent": evidence})

    safe = without_secrets(result, [OPAQUE])

    assert OPAQUE not in to_json(safe) + to_junit(safe)
    assert safe.judgements[0].findings[0].got == "bad token [redacted]"


def test_a_secret_that_another_one_starts_with_leaves_nothing_behind() -> None:
    result = run_of(judged("a.b", Verdict.ERRORED, reason="abcdef"))

    safe = without_secrets(result, ["abc", "abcdef", ""])

    assert safe.judgements[0].reason == "[redacted]"


def test_an_encoded_credential_is_replaced_also_where_it_is_quoted() -> None:
    body = r'{"t": "a\"/b"}'
    result = run_of(
        judged("a.b", Verdict.ERRORED, reason=f"got {body!r}, {body}, a%22%2Fb")
    )

    safe = without_secrets(result, ['a"/b'])

    redacted = '{"t": "[redacted]"}'
    assert safe.judgements[0].reason == f"got '{redacted}', {redacted}, [redacted]"


def test_without_secrets_nothing_changes() -> None:
    result = run_of(judged("a.b", Verdict.PASSED))

    assert without_secrets(result, []) is result
