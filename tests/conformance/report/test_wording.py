"""The rows of a judgement hold everything that is needed to mend the fault."""

from dataclasses import replace

import pytest

from streamproof.conformance.model import Evidence, Finding, Verdict
from streamproof.conformance.report.wording import (
    Row,
    exchange_of,
    judgement_rows,
    sample_summary,
    verdict_sentence,
)
from streamproof.conformance.runner.result import RunResult

from .sample import STREAM, judged, mixed_run, run_of


def rows(result: RunResult, id_: str) -> list[Row]:
    [judgement] = [each for each in result.judgements if each.requirement.id == id_]
    return list(judgement_rows(judgement, result))


def test_a_finding_says_what_where_and_how_to_see_it_again() -> None:
    shown = rows(mixed_run(), "heartbeat.while-silent")

    assert [row.label for row in shown] == [
        "rule",
        "expected",
        "got",
        "where",
        "again",
        *("", "", ""),
        "measured",
        "remedy",
        "source",
    ]
    assert shown[3].text == (
        "probe silent, exchange stream, byte 68 of the body, 1012 ms after its start"
    )
    assert shown[4].is_verbatim
    assert shown[5].text == "TOKEN: a credential of the user user-1"
    assert shown[8].text == "2 values: min 300 ms, median 1012 ms, max 1012 ms"


def test_a_forged_credential_is_told_with_how_it_is_made() -> None:
    finding = Finding(expected="a", got="b", probe="silent", exchange="stream")
    result = run_of(judged("a.b", Verdict.FAILED, finding))
    forged = replace(STREAM, token="forged: signed by nobody")
    evidence = Evidence(probe="silent", exchanges=(forged,))

    shown = rows(replace(result, evidence={"silent": evidence}), "a.b")

    assert Row("", "TOKEN: forged: signed by nobody") in shown
    assert not any("a credential of the user" in row.text for row in shown)


def test_many_findings_are_counted_and_not_all_shown() -> None:
    shown = rows(mixed_run(), "fields.ascii")

    assert [row.label for row in shown].count("expected") == 3
    assert Row("", "and 2 more") in shown


def test_one_command_is_enough_for_many_findings() -> None:
    first = Finding(expected="a", got="b", probe="silent", exchange="stream")
    result = run_of(judged("a.b", Verdict.FAILED, first, first))

    assert [row.label for row in rows(result, "a.b")].count("again") == 1


def test_what_the_probe_had_sent_before_is_named() -> None:
    assert Row("", "sent before by this probe: stream") in rows(
        mixed_run(), "fields.ascii"
    )


def test_a_finding_without_its_exchange_is_shown_without_a_command() -> None:
    gone = Finding(expected="a", got="b", probe="silent", exchange="gone")
    result = run_of(judged("a.b", Verdict.FAILED, gone))

    assert exchange_of(gone, result) is None
    assert "again" not in [row.label for row in rows(result, "a.b")]


def test_a_finding_of_a_probe_that_left_nothing_is_shown_without_a_command() -> None:
    unknown = Finding(expected="a", got="b", probe="other", exchange="stream")

    assert exchange_of(unknown, run_of()) is None


def test_a_finding_leads_to_its_exchange() -> None:
    finding = Finding(expected="a", got="b", probe="silent", exchange="stream")

    assert exchange_of(finding, run_of()) is STREAM


def test_what_could_not_be_tested_needs_no_remedy() -> None:
    shown = rows(mixed_run(), "limits.exact")

    assert [row.label for row in shown] == ["rule", "reason", "source"]


def test_a_single_sample_is_one_value() -> None:
    assert sample_summary([0.0421]) == "1 value: min 42 ms, median 42 ms, max 42 ms"


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ([Verdict.PASSED] * 2, "conformant: 2 requirements judged, none failed"),
        (
            [Verdict.PASSED, Verdict.WARNED],
            "conformant: 2 requirements judged, none failed, 1 with a warning",
        ),
        (
            [Verdict.PASSED, Verdict.FAILED, Verdict.ERRORED],
            "not conformant: 1 of 2 requirements failed",
        ),
        (
            [Verdict.PASSED, Verdict.ERRORED],
            "no verdict: the suite itself could not judge 1 requirement",
        ),
        (
            [Verdict.PASSED, Verdict.UNTESTABLE],
            "incomplete: 1 requirement could not be tested",
        ),
        ([Verdict.INAPPLICABLE], "incomplete: nothing was judged"),
        ([], "incomplete: nothing was judged"),
    ],
)
def test_the_verdict_is_one_sentence(verdicts: list[Verdict], sentence: str) -> None:
    result = run_of(*(judged(f"a.b{n}", each) for n, each in enumerate(verdicts)))

    assert verdict_sentence(result) == sentence
