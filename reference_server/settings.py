"""Every knob of the server: default, bounds and why.

Each field is also an environment variable `STREAMPROOF_SERVER_<NAME>` and, but for the
secret, a command-line flag. It must not read files other than key material, and only
when asked to.
"""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    Field,
    FiniteFloat,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ENV_PREFIX = "STREAMPROOF_SERVER_"

# Never NaN or infinite: a limit that compares false with everything is no limit.
PositiveSeconds = Annotated[FiniteFloat, Field(gt=0)]
Seconds = Annotated[FiniteFloat, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Names = Annotated[tuple[str, ...], NoDecode]


def _check_token(value: SecretStr | None) -> SecretStr | None:
    token = value.get_secret_value() if value else ""
    if not re.fullmatch(r"[!-~]*", token):
        raise PydanticCustomError(
            "token", "expected printable ASCII without blanks, which a header can carry"
        )
    # An empty variable is how a shell says that there is none.
    return value or None


Token = Annotated[SecretStr | None, AfterValidator(_check_token)]

_MIB = 1024 * 1024


class Settings(BaseSettings):
    """Settings of one server process; times in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000

    upstream_url: AnyHttpUrl = AnyHttpUrl("http://127.0.0.1:9000/v1")
    upstream_key: Token = None
    upstream_model: str = "gpt-4o-mini"
    # From the call to the first token, connecting included.
    upstream_first_token_timeout_s: PositiveSeconds = 60.0
    upstream_total_timeout_s: PositiveSeconds = 60.0
    # The pause doubles with every call; doubled a thousand times it overflows.
    upstream_max_attempts: Annotated[int, Field(ge=1, le=100)] = 3
    upstream_backoff_s: Seconds = 0.5
    upstream_retry_budget_s: Seconds = 30.0

    jwt_algorithms: Names = ("HS256",)
    jwt_secret: SecretStr | None = None
    jwt_secret_file: Path | None = None
    jwt_public_key_file: Path | None = None
    jwks_file: Path | None = None
    jwt_audience: str | None = None
    jwt_issuer: str | None = None
    jwt_leeway_s: Seconds = 0.0

    heartbeat_s: PositiveSeconds = 15.0
    resume_grace_s: Seconds = 5.0
    retention_s: Seconds = 300.0
    # A full run of 14 nodes with 500 tokens each has 7028 events of some 200 bytes.
    log_max_events: Count = 10_000
    log_max_bytes: Count = 4 * _MIB
    # All logs of ended streams together; the oldest go first, before their time.
    retained_max_bytes: Count = 256 * _MIB
    # Longest time that one write may wait for a reader that does not read.
    send_timeout_s: PositiveSeconds = 30.0

    streams_per_user: Count = 3
    max_streams: Count = 1000
    # From the start of a connection, or the first byte of a later request, to the last
    # byte of its body.
    request_timeout_s: PositiveSeconds = 30.0
    # 20 000 characters are at most 240 000 bytes, all written as escapes.
    max_body_bytes: Count = _MIB

    drain_s: Seconds = 5.0
    observe_token: Token = None
    cors_origins: Names = ()

    @field_validator("jwt_algorithms", "cors_origins", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @model_validator(mode="after")
    def _has_one_secret_at_most(self) -> Self:
        if self.jwt_secret is not None and self.jwt_secret_file is not None:
            raise ValueError("expected jwt_secret or jwt_secret_file, got both")
        return self


def find_unknown_variable(names: Iterable[str]) -> str | None:
    """Return what is wrong with the first variable of ours that is no setting.

    It would set nothing, without a word.
    """
    known = [f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields]
    for name in names:
        if name.upper().startswith(ENV_PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.85)
            hint = f"did you mean {near[0]}" if near else "see --help"
            return f"{name}: expected the name of a setting, {hint}"
    return None
