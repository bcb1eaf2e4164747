"""Bounds and sources of settings."""

import pytest
from pydantic import ValidationError

from reference_server.settings import Settings


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
        ("upstream_max_attempts", "0"),
        ("upstream_max_attempts", "101"),
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
