"""The command line is made from the settings, and the README tells of the same ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streamproof.reference_server import cli
from streamproof.reference_server.settings import Settings

README = Path(__file__).parents[2] / "reference_server" / "README.md"
FLAGS = [name for name in Settings.model_fields if name != "jwt_secret"]


def show_help() -> str:
    result = CliRunner().invoke(cli._app, ["--help"], env={"COLUMNS": "400"})
    assert result.exit_code == 0
    return result.output


def line_of(name: str) -> str:
    flag = f"--{name.replace('_', '-')} <"
    found = re.search(
        rf"^ +{re.escape(flag)}.*(?:\n {{20,}}.*)*", show_help(), re.MULTILINE
    )
    assert found, flag
    return " ".join(found[0].split())


@pytest.mark.parametrize("name", FLAGS)
def test_every_setting_but_the_secret_is_a_flag_that_says_what_it_means(
    name: str,
) -> None:
    description = Settings.model_fields[name].description

    assert description
    assert description in line_of(name)


def test_the_secret_is_no_flag() -> None:
    assert "--jwt-secret " not in show_help()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("port", "<int> Port; 0 takes a free one. [default: 8000]"),
        ("upstream_backoff_s", "[default: 0.5]"),
        ("drain_s", "[default: 5]"),
        ("jwt_algorithms", "[default: HS256]"),
        ("gzip_streams", "[default: false]"),
        ("upstream_url", "[default: http://127.0.0.1:9000/v1]"),
    ],
)
def test_a_default_is_shown(name: str, shown: str) -> None:
    assert line_of(name).endswith(shown)


@pytest.mark.parametrize("name", ["heartbeat_s", "cors_origins", "observe_token"])
def test_no_default_is_shown_where_there_is_none(name: str) -> None:
    assert "default" not in line_of(name)


def test_what_is_given_reaches_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, object] = {}
    monkeypatch.setattr(cli, "_run", lambda options, **_: given.update(options))
    arguments = ["--port", "7", "--drain-s", "0.5", "--jwks-file", "x", "--host", "::1"]

    CliRunner().invoke(cli._app, arguments, catch_exceptions=False)

    assert given == {"port": 7, "drain_s": 0.5, "jwks_file": Path("x"), "host": "::1"}


def migrate(*before: str, after: Sequence[str] = ()) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli._app, [*before, "migrate", *after])
    return result.exit_code, result.stdout, result.stderr


def test_a_database_is_migrated_wherever_its_url_stands(tmp_path: Path) -> None:
    first, second = tmp_path / "first.db", tmp_path / "second.db"

    assert migrate("--database-url", f"sqlite:///{first}") == (0, "schema 0001\n", "")
    assert migrate(after=["--database-url", f"sqlite:///{second}"])[0] == 0
    assert first.read_bytes()[:6] == second.read_bytes()[:6] == b"SQLite"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:////missing/kept.db", "unable to open database file"),
        ("mysql://host/kept", "got mysql:"),
        ("", "got something that is no URL"),
    ],
)
def test_a_database_that_cannot_be_migrated_is_one_line(url: str, message: str) -> None:
    code, out, complaint = migrate(after=["--database-url", url])

    assert (code, out) == (2, "")
    assert complaint.startswith("streamproof-server: database_url: ")
    assert complaint.endswith(f"{message}\n")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_readme_has_a_line_for_every_setting(name: str) -> None:
    rows = [line for line in README.read_text("utf-8").splitlines() if line[:1] == "|"]

    assert [row for row in rows if f"`{name}`" in row.split("|")[1]]
