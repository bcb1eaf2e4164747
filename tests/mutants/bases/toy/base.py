"""The toy server as a base of mutants."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from starlette.types import ASGIApp
from tests.mutants.base import FAST, GRACE_S, HEARTBEAT_S, TIMEOUT_S, Base
from tests.mutants.bases.toy.app import Settings, create_app
from tests.mutants.frames import kind
from tests.mutants.site import SECRET


def _settings(fakes_url: str) -> dict[str, object]:
    return {
        "upstream": f"{fakes_url}/v1",
        "secret": SECRET,
        "heartbeat_s": HEARTBEAT_S,
        "grace_s": GRACE_S,
        "timeout_s": TIMEOUT_S,
    }


def _create_app(settings: Mapping[str, object]) -> ASGIApp:
    return create_app(Settings(**settings))  # type: ignore[arg-type]  # as `_settings` makes them


TOY = Base(
    name="toy",
    profile=str(Path(__file__).with_name("toy.toml")),
    module="tests.mutants.bases.toy",
    settings=_settings,
    environment=lambda settings: {"TOY_SETTINGS": json.dumps(settings)},
    create_app=_create_app,
    endpoint="/notes/stream",
    prompt="text",
    is_terminal=lambda frame: kind(frame) in ("done", "error"),
)

_EVENT_FIELDS = {"token": "piece", "citation": "source"}

TOY_WITH_EVENT_FIELDS = replace(
    TOY,
    name="toy-with-event-fields",
    overrides=(
        *FAST,
        "framing.type.data_only=false",
        *(
            f'framing.type.event_fields.{type_}="{field}"'
            for type_, field in _EVENT_FIELDS.items()
        ),
    ),
    settings=lambda fakes_url: {**_settings(fakes_url), "event_fields": _EVENT_FIELDS},
)
"""The toy server with an `event:` field of its own in events of two types."""
