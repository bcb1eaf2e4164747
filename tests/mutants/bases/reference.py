"""The reference server with one of its dialects."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.types import ASGIApp
from tests.mutants.base import GRACE_S, HEARTBEAT_S, TIMEOUT_S, Base
from tests.mutants.bases.databases import make_database
from tests.mutants.site import SECRET

from streamproof.reference_server.app import create_app
from streamproof.reference_server.settings import ENV_PREFIX, Settings


def reference(
    name: str,
    *,
    endpoint: str,
    is_terminal: Callable[[bytes], bool],
    method: str = "POST",
    prompt: str = "prompt",
) -> Base:
    """Return the base of one dialect; the arguments are those of `Base`."""
    return Base(
        name=name,
        profile=name,
        module="streamproof.reference_server",
        settings=_settings,
        environment=_environment,
        create_app=_create_app,
        method=method,
        endpoint=endpoint,
        prompt=prompt,
        is_terminal=is_terminal,
    )


def _settings(fakes_url: str) -> dict[str, object]:
    return {
        "upstream_url": f"{fakes_url}/v1",
        "upstream_key": "any",
        "jwt_secret": SECRET,
        "heartbeat_s": HEARTBEAT_S,
        "resume_grace_s": GRACE_S,
        "upstream_first_token_timeout_s": TIMEOUT_S,
        "upstream_total_timeout_s": TIMEOUT_S,
        "database_url": make_database(),
    }


def _environment(settings: Mapping[str, object]) -> dict[str, str]:
    return {f"{ENV_PREFIX}{key.upper()}": str(value) for key, value in settings.items()}


def _create_app(settings: Mapping[str, object]) -> ASGIApp:
    return create_app(Settings(**settings))  # type: ignore[arg-type]  # checked by pydantic
