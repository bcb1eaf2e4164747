"""Bounds and sources of settings."""

import pytest
from pydantic import ValidationError

from streamproof.reference_server.settings import Settings, find_unknown_variable


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMPROOF_SERVER_HEARTBEAT_S", "0.3")
    monkeypatch.setenv("STREAMPROOF_SERVER_JWT_ALGORITHMS", "HS256, RS256")

    settings = Settings()

    assert settings.heartbeat_s == 0.3
    assert settings.jwt_algorithms == ("HS256", "RS256")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("streams_per_user", "0"),
        ("streams_per_user", "nan"),
        ("max_streams", "-1"),
        ("heartbeat_s", "0"),
        ("heartbeat_s", "inf"),
        ("resume_grace_s", "-1"),
        ("resume_grace_s", "nan"),
        ("port", "70000"),
        ("upstream_url", "nonsense"),
        ("upstream_provider", "openai"),
        ("upstream_max_tokens", "0"),
        ("upstream_max_attempts", "0"),
        ("upstream_max_attempts", "101"),
        ("upstream_key", " "),
        ("upstream_key", "a b"),
        ("upstream_key", "a\n"),
        ("upstream_key", "schl\xfcssel"),
        ("observe_token", "\u2603"),
        ("unknown", "x"),
    ],
)
def test_a_value_out_of_bounds_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError) as error:
        Settings.model_validate({name: value})

    assert error.value.errors()[0]["loc"] == (name,)


def test_two_sources_of_the_secret_are_refused() -> None:
    with pytest.raises(ValidationError, match="got both"):
        Settings.model_validate({"jwt_secret": "a", "jwt_secret_file": "b"})


def test_secrets_are_not_shown() -> None:
    settings = Settings.model_validate(
        {"jwt_secret": "hidden", "upstream_key": "hidden", "observe_token": "hidden"}
    )

    assert "hidden" not in repr(settings)


def test_an_empty_key_is_none() -> None:
    settings = Settings.model_validate({"upstream_key": ""})

    assert settings.upstream_key is None


def test_a_variable_that_sets_nothing_is_found_with_what_was_meant() -> None:
    names = ["PATH", "STREAMPROOF_SERVER_PORT", "STREAMPROOF_SERVER_HARTBEAT_S"]

    assert find_unknown_variable(names) == (
        "STREAMPROOF_SERVER_HARTBEAT_S: expected the name of a setting, did you mean "
        "STREAMPROOF_SERVER_HEARTBEAT_S"
    )


def test_a_variable_like_no_setting_is_found_as_well() -> None:
    problem = find_unknown_variable(["STREAMPROOF_SERVER_XYZZY"])

    assert problem is not None
    assert problem.endswith("see --help")


def test_variables_may_be_written_in_any_case() -> None:
    names = ["streamproof_server_port", "Streamproof_Server_Host", "SERVER"]

    assert find_unknown_variable(names) is None
