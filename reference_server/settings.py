"""Every knob of the server: default, bounds, what it means and why.

Each field is also an environment variable `STREAMPROOF_SERVER_<NAME>` and, but for the
secret, a command-line flag: the command line is made from these fields. It must not
read files.
"""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

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
NO_FLAG = "no flag"

# Never NaN or infinite: a limit that compares false with everything is no limit.
PositiveSeconds = Annotated[FiniteFloat, Field(gt=0)]
Seconds = Annotated[FiniteFloat, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Names = Annotated[tuple[str, ...], NoDecode]
# Services of language models by the wire format that they speak.
ProviderName = Literal["openai_chat", "openai_responses", "anthropic"]


def _check_token(value: SecretStr | None) -> SecretStr | None:
    token = value.get_secret_value() if value else ""
    if not re.fullmatch(r"[!-~]*", token):
        raise PydanticCustomError(
            "token", "expected printable ASCII without blanks, which a header can carry"
        )
    # An empty variable is how a shell says that there is none.
    return value or None


Token = Annotated[SecretStr | None, AfterValidator(_check_token)]
# No flag: the list of processes shows the command line to every user of a machine.
EnvironmentOnly = Annotated[SecretStr | None, NO_FLAG]

_MIB = 1024 * 1024


class Settings(BaseSettings):
    """Settings of one server process; times in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port; 0 takes a free one.")

    upstream_provider: ProviderName = Field(
        "openai_chat",
        description=f"What the model speaks: {', '.join(get_args(ProviderName))}.",
    )
    upstream_url: AnyHttpUrl = Field(
        AnyHttpUrl("http://127.0.0.1:9000/v1"),
        description="Base URL of the model, up to /v1.",
    )
    upstream_key: Token = Field(None, description="API key of the model.")
    upstream_model: str = Field("gpt-4o-mini", description="Name of the model.")
    upstream_max_tokens: Count = Field(
        32_000,
        description="Longest answer in tokens; told to a service that wants to be "
        "told, which is anthropic.",
    )
    upstream_first_token_timeout_s: PositiveSeconds = Field(
        60.0,
        description="Longest wait for the model's first sign of life, which is text or "
        "reasoning; connecting included, per attempt.",
    )
    upstream_total_timeout_s: PositiveSeconds = Field(
        60.0, description="Longest model call, per attempt."
    )
    # The pause doubles with every call; doubled a thousand times it overflows.
    upstream_max_attempts: int = Field(
        3,
        ge=1,
        le=100,
        description="Calls at most for one answer when the model says 429, 503 or 529.",
    )
    upstream_backoff_s: Seconds = Field(
        0.5,
        description="First pause before another call; doubles, with up to half of it "
        "added as jitter, and is never less than Retry-After.",
    )
    upstream_retry_budget_s: Seconds = Field(
        30.0, description="All pauses of one answer together."
    )

    jwt_algorithms: Names = Field(
        ("HS256",),
        description="Accepted algorithms, with commas: HS, RS, ES or PS with 256, 384 "
        "or 512.",
    )
    jwt_secret: EnvironmentOnly = Field(None, description="Secret for HS….")
    jwt_secret_file: Path | None = Field(
        None, description="File with the secret for HS…."
    )
    jwt_public_key_file: Path | None = Field(
        None, description="File with the key for RS…, ES… and PS… in PEM."
    )
    jwks_file: Path | None = Field(
        None, description="File with keys for RS…, ES… and PS… as a JSON web key set."
    )
    jwt_audience: str | None = Field(None, description="Required audience.")
    jwt_issuer: str | None = Field(None, description="Required issuer.")
    jwt_leeway_s: Seconds = Field(
        0.0, description="Tolerance for the clocks of others."
    )

    heartbeat_s: PositiveSeconds | None = Field(
        None,
        description="Longest silence on a response; without it each dialect's own.",
    )
    resume_grace_s: Seconds | None = Field(
        None,
        description="How long a run goes on without a reader, 0 cancels at once; "
        "without it each dialect's own.",
    )
    retention_s: Seconds = Field(
        300.0, description="How long an ended stream can be read."
    )
    # A full run of 14 nodes with 500 tokens each has 7028 events of some 200 bytes.
    log_max_events: Count = Field(10_000, description="Events kept for each stream.")
    log_max_bytes: Count = Field(4 * _MIB, description="Bytes kept for each stream.")
    retained_max_bytes: Count = Field(
        256 * _MIB,
        description="Bytes kept for all ended streams together; the oldest go first.",
    )
    send_timeout_s: PositiveSeconds = Field(
        30.0, description="Longest wait of one write for a reader that does not read."
    )

    streams_per_user: Count = Field(3, description="Running streams of one user.")
    max_streams: Count = Field(1000, description="Running streams of all users.")
    max_run_s: PositiveSeconds | None = Field(
        None,
        description="Longest run of a dialect that bounds its runs; without it the "
        "dialect's own.",
    )
    chunk_tokens: int | None = Field(
        None,
        ge=1,
        le=10,
        description="Tokens of the model in one chunk, for dialects that gather them; "
        "without it each dialect's own.",
    )
    gzip_streams: bool = Field(
        default=False, description="Whether clients that ask for gzip get it."
    )
    request_timeout_s: PositiveSeconds = Field(
        30.0,
        description="Longest time for a request to be whole, from the start of a "
        "connection or the first byte of a later request to the last byte of its body.",
    )
    # 20 000 characters are at most 240 000 bytes, all written as escapes.
    max_body_bytes: Count = Field(_MIB, description="Largest request body.")

    database_url: str = Field(
        "sqlite:///streamproof.db",
        description="Where drafts, sessions and timings are kept: sqlite:///FILE, or "
        "postgresql://USER@HOST/NAME. A password is better given in a variable.",
    )

    drain_s: Seconds = Field(
        5.0, description="Time to finish after a signal; a second signal ends it."
    )
    observe_token: Token = Field(None, description="Turns /observe on, for this token.")
    cors_origins: Names = Field((), description="Allowed origins, with commas.")

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
