"""The JSON report is complete, stable, and free of credentials."""

import json
from dataclasses import replace
from pathlib import Path

from streamproof.conformance.report.json_report import to_json

from .sample import TOKEN, mixed_run

GOLDEN = Path(__file__).with_name("golden") / "report.json"


def test_the_report_is_the_golden_file() -> None:
    assert to_json(mixed_run()) == GOLDEN.read_text("utf-8")


def test_the_order_of_judging_does_not_change_the_report() -> None:
    result = mixed_run()

    backwards = replace(
        result,
        judgements=result.judgements[::-1],
        probe_seconds=dict(reversed(list(result.probe_seconds.items()))),
    )

    assert to_json(backwards) == to_json(result)


def test_the_report_is_ascii_and_has_no_credential() -> None:
    text = to_json(mixed_run())

    assert text.isascii()
    assert TOKEN not in text
    assert json.loads(text)["schema"] == 1


def test_every_finding_is_there_however_many_there_are() -> None:
    judgements = json.loads(to_json(mixed_run()))["judgements"]

    [many] = [each for each in judgements if each["id"] == "fields.ascii"]
    assert len(many["findings"]) == 5
