"""Reports reach the disk, with the transcripts of what failed and no others."""

from pathlib import Path

import pytest

from streamproof.conformance.errors import HarnessError, UsageError
from streamproof.conformance.model import Verdict
from streamproof.conformance.report.files import (
    expect_writable,
    write,
    write_report_folder,
)
from streamproof.conformance.wire import Transcript

from .sample import STREAM, TOKEN, judged, mixed_run, run_of


def test_the_folder_holds_both_reports_and_the_failing_exchanges(
    tmp_path: Path,
) -> None:
    transcripts = write_report_folder(tmp_path / "new", mixed_run(), [TOKEN])

    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*")) == [
        "new/sample-transcripts/silent--resumed_.._x.jsonl",
        "new/sample-transcripts/silent--stream.jsonl",
        "new/sample.json",
        "new/sample.xml",
    ]
    assert transcripts == tmp_path / "new" / "sample-transcripts"


def test_a_transcript_can_be_read_back_and_has_no_credential(tmp_path: Path) -> None:
    folder = write_report_folder(tmp_path, mixed_run(), [TOKEN])

    assert folder is not None
    text = (folder / "silent--stream.jsonl").read_text("utf-8")
    assert TOKEN not in text
    assert Transcript.from_jsonl(text).chunks[1] == STREAM.transcript.chunks[1]


def test_transcripts_of_an_earlier_run_are_removed(tmp_path: Path) -> None:
    write_report_folder(tmp_path, mixed_run(), [])
    stranger = tmp_path / "sample-transcripts" / "notes.txt"
    stranger.write_text("mine", "utf-8")

    green = run_of(judged("a.b", Verdict.PASSED))

    assert write_report_folder(tmp_path, green, []) is None
    assert list(stranger.parent.iterdir()) == [stranger]


def test_a_report_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("", "utf-8")

    with pytest.raises(HarnessError, match=r"cannot write the report to .*a\.json"):
        write(file / "a.json", "{}")


def test_the_folder_of_a_report_is_made_before_the_run(tmp_path: Path) -> None:
    expect_writable(tmp_path / "a" / "b" / "report.json")

    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_in_place_of_a_report_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a directory"):
        expect_writable(tmp_path)


def test_a_file_in_place_of_a_folder_is_the_users_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("", "utf-8")

    with pytest.raises(UsageError, match="cannot write the report"):
        expect_writable(file / "report.json")


def test_a_report_that_is_there_already_may_be_written_again(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("", "utf-8")

    expect_writable(file)


def test_a_place_without_permission_is_the_users_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may write everywhere, so the answer of the system is given here.
    monkeypatch.setattr("os.access", lambda path, mode: False)

    with pytest.raises(UsageError, match="permission denied"):
        expect_writable(tmp_path / "report.json")
