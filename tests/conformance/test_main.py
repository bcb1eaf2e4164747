"""What can go wrong before the command line is read."""

import sys
from types import ModuleType

import pytest

from streamproof.conformance.__main__ import main


class Interrupting(ModuleType):
    """A module in whose import somebody presses Ctrl-C."""

    def __getattr__(self, name: str) -> object:
        raise KeyboardInterrupt


def test_ctrl_c_during_the_imports_ends_with_130_and_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = Interrupting("streamproof.conformance.cli")
    monkeypatch.setitem(sys.modules, "streamproof.conformance.cli", module)

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 130
    assert capsys.readouterr().err == "streamproof: interrupted by SIGINT\n"


def test_a_suite_that_cannot_be_imported_ends_with_4_and_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "streamproof.conformance.cli", None)
    monkeypatch.setattr("sys.argv", ["streamproof"])

    with pytest.raises(SystemExit) as ended:
        main()

    err = capsys.readouterr().err
    assert ended.value.code == 4
    assert err.startswith("streamproof: the suite cannot be loaded: ")
    assert err.endswith("; --debug shows where\n")
    assert err.count("\n") == 1


def test_debug_shows_where_the_import_broke(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "streamproof.conformance.cli", None)
    monkeypatch.setattr("sys.argv", ["streamproof", "--debug"])

    with pytest.raises(SystemExit):
        main()

    assert "Traceback" in capsys.readouterr().err


def test_what_can_be_imported_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["streamproof", "profiles"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 0
    assert "pipeline  Generation pipeline" in capsys.readouterr().out
