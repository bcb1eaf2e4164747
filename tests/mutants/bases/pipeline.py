"""The reference server with its dialect `pipeline`."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp
from tests.mutants.base import GRACE_S, HEARTBEAT_S, TIMEOUT_S, Base
from tests.mutants.frames import document, drop, get, put, with_document
from tests.mutants.site import SECRET

from streamproof.reference_server.app import create_app
from streamproof.reference_server.settings import ENV_PREFIX, Settings


def is_terminal(frame: bytes) -> bool:
    """Tell whether this is the last event of a run."""
    found = document(frame)
    return bool(found) and (
        found["type"] == "error"
        or (found["type"] == "node-complete" and found["node"] == "assemble")
    )


def failure(frame: bytes, code: str) -> bytes:
    """Return an error event that could follow the event in `frame`."""
    event = document(frame)
    stream, _, n = (get(frame, "id") or "").rpartition("-")
    event["type"] = "error"
    event["progress"]["etaMs"] = 0
    event["delta"] = {
        "status": "error",
        "code": code,
        "message": "it failed",
        "retryable": False,
    }
    next_id = f"{stream}-{int(n) + 1}"
    return put(with_document(drop(frame, "retry"), event), "id", next_id)


def _settings(fakes_url: str) -> dict[str, object]:
    return {
        "upstream_url": f"{fakes_url}/v1",
        "upstream_key": "any",
        "jwt_secret": SECRET,
        "heartbeat_s": HEARTBEAT_S,
        "resume_grace_s": GRACE_S,
        "upstream_first_token_timeout_s": TIMEOUT_S,
        "upstream_total_timeout_s": TIMEOUT_S,
    }


def _environment(settings: Mapping[str, object]) -> dict[str, str]:
    return {f"{ENV_PREFIX}{key.upper()}": str(value) for key, value in settings.items()}


def _create_app(settings: Mapping[str, object]) -> ASGIApp:
    return create_app(Settings(**settings))  # type: ignore[arg-type]  # checked by pydantic


PIPELINE = Base(
    name="pipeline",
    profile="pipeline",
    module="streamproof.reference_server",
    settings=_settings,
    environment=_environment,
    create_app=_create_app,
    endpoint="/api/generation/stream",
    prompt="prompt",
    is_terminal=is_terminal,
)
