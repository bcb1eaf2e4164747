"""What is shown of a server that is only tried out."""

from __future__ import annotations

import shlex
from pathlib import Path

import jwt
import pytest
from tests.reference_server.asgi import EPOCH, SECRET, make_settings
from tests.reference_server.streams.test_dialect import RESOURCES
from tests.reference_server.toy import PATH, toy

from streamproof.reference_server.dev import show_examples, trying_out
from streamproof.reference_server.refusals import SettingsError
from streamproof.reference_server.settings import Settings

URL = "http://127.0.0.1:8000"


def words_of(method: str = "GET", **settings: object) -> list[str]:
    dialect = toy(method=method)(RESOURCES)
    shown = show_examples([dialect], URL, make_settings(**settings), EPOCH)
    blank, name, command = shown.split("\n")
    assert (blank, name) == ("", "# toy")
    return shlex.split(command)


def claims_of(words: list[str], secret: str = SECRET) -> dict[str, object]:
    token = words[words.index("-H") + 1].removeprefix("Authorization: Bearer ")
    found: dict[str, object] = jwt.decode(
        token,
        secret,
        algorithms=["HS256"],
        options={"verify_exp": False, "verify_aud": False},
    )
    return found


def test_a_get_has_its_parameters_in_the_query() -> None:
    words = words_of()

    assert words[:3] == ["curl", "-N", "-H"]
    assert words[4:] == [f"{URL}{PATH}?theme=spring"]


def test_a_post_has_them_in_its_body() -> None:
    assert words_of("POST")[4:] == [
        *("-H", "Content-Type: application/json"),
        *("-d", '{"theme": "spring"}'),
        f"{URL}{PATH}",
    ]


def test_the_token_is_good_for_a_day() -> None:
    assert claims_of(words_of()) == {"sub": "dev", "exp": EPOCH + 24 * 3600}


def test_the_token_is_for_whom_the_server_is_told(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("a secret in a file, which is long enough\n")

    words = words_of(
        jwt_secret=None,
        jwt_secret_file=file,
        jwt_audience="readers",
        jwt_issuer="the house",
    )

    claims = claims_of(words, "a secret in a file, which is long enough")
    assert (claims["aud"], claims["iss"]) == ("readers", "the house")


def test_what_is_given_stays() -> None:
    given = Settings(
        jwt_secret=SECRET,
        database_url="sqlite://",
        upstream_url="http://127.0.0.1:9/v1",
        upstream_key="mine",
    )

    with trying_out(given) as settings:
        assert settings == given


def test_keys_of_others_sign_no_token() -> None:
    with (
        pytest.raises(
            SettingsError, match=r"^dev: expected HS256 among jwt_algorithms"
        ),
        trying_out(make_settings(jwt_algorithms="RS256")),
    ):
        pass


def test_fakes_that_do_not_start_are_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")

    with (
        pytest.raises(
            SettingsError, match=r"^dev: expected the fakes to say .*, got ''"
        ),
        trying_out(Settings()),
    ):
        pass


def test_a_database_of_its_own_is_gone_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("STREAMPROOF_SERVER_DATABASE_URL")
    given = Settings(upstream_url="http://127.0.0.1:9/v1")

    with trying_out(given) as settings:
        file = Path(settings.database_url.removeprefix("sqlite:///"))
        assert file.parent.is_dir()
        assert settings.jwt_secret is not None

    assert not file.parent.exists()
