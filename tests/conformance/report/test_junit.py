"""The JUnit report validates and never looks greener than the run was."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema

from streamproof.conformance.model import Finding, Verdict
from streamproof.conformance.report.junit import to_junit
from streamproof.conformance.runner.result import RunResult

from .sample import TOKEN, judged, mixed_run, run_of

HERE = Path(__file__).parent
GOLDEN = HERE / "golden" / "report.xml"


@pytest.fixture(scope="module")
def schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(HERE / "junit.xsd")


def tree(result: RunResult) -> ET.Element:
    return ET.fromstring(to_junit(result))  # noqa: S314 -- written by ourselves


def case(result: RunResult, id_: str) -> ET.Element:
    found = tree(result).find(f".//testcase[@name='{id_}']")
    assert found is not None
    return found


def test_the_report_is_the_golden_file() -> None:
    assert to_junit(mixed_run()) == GOLDEN.read_text("utf-8")


def test_the_report_validates(schema: xmlschema.XMLSchema) -> None:
    schema.validate(to_junit(mixed_run()))


def test_a_report_on_nothing_validates(schema: xmlschema.XMLSchema) -> None:
    schema.validate(to_junit(run_of()))


def test_every_character_of_a_target_can_be_written(
    schema: xmlschema.XMLSchema,
) -> None:
    everything = "".join(map(chr, range(0x3000)))
    finding = Finding(expected=everything[::-1], got=f"]]>{everything}\ud800\ufffe")

    schema.validate(to_junit(run_of(judged("a.b", Verdict.FAILED, finding))))


@pytest.mark.parametrize(
    ("id_", "tag", "type_"),
    [
        ("heartbeat.while-silent", "failure", "failed"),
        ("limits.exact", "error", "untestable"),
        ("resume.gapless", "error", "errored"),
    ],
)
def test_what_is_not_green_has_an_element_of_its_type(
    id_: str, tag: str, type_: str
) -> None:
    found = case(mixed_run(), id_).find(tag)

    assert found is not None
    assert found.get("type") == type_


def test_a_warning_passes_and_speaks() -> None:
    [said] = case(mixed_run(), "fields.short")

    assert said.tag == "system-out"
    assert "expected: a status" in str(said.text)


def test_what_is_inapplicable_is_skipped_with_its_reason() -> None:
    [skipped] = case(mixed_run(), "auth.expiry")

    assert skipped.get("message") == "the profile does not declare 'auth.expiry'"


def test_what_passed_says_nothing() -> None:
    assert list(case(mixed_run(), "heartbeat.no-id")) == []


def test_the_counts_are_those_of_the_cases() -> None:
    root = tree(mixed_run())

    counts = {name: root.get(name) for name in ("tests", "failures", "errors")}
    assert counts == {"tests": "8", "failures": "2", "errors": "3"}
    for suite in root:
        assert suite.get("tests") == str(len(suite.findall("testcase")))
        assert suite.get("failures") == str(len(suite.findall("testcase/failure")))
        assert suite.get("errors") == str(len(suite.findall("testcase/error")))
        assert suite.get("skipped") == str(len(suite.findall("testcase/skipped")))


def test_no_credential_gets_into_the_report() -> None:
    assert TOKEN not in to_junit(mixed_run())
