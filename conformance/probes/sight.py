"""What a probe has to recognise while a stream is still running, by its profile.

Pure. Only as much as steering needs: a token, a heartbeat, the terminal signal, an id.
What any of them should look like is for the checks, which read the stream themselves.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..profiles import Profile
from ..profiles.schema import EventMatch
from ..wire import Block, Comment, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Looks at the items of one stream through a profile."""

    profile: Profile

    def is_heartbeat(self, item: Event | Comment | Block) -> bool:
        """Tell whether an item is a heartbeat of the declared form."""
        heartbeat = self.profile.heartbeat
        if heartbeat is None or isinstance(item, Block):
            return False
        match heartbeat.form:
            case "comment":
                return isinstance(item, Comment)
            case "event":
                return isinstance(item, Event) and item.type == (
                    heartbeat.event or "message"
                )
            case "json":
                return isinstance(item, Event) and (
                    self._type_of(item) == heartbeat.type
                    if heartbeat.type is not None
                    else item.data == heartbeat.data
                )
            case _:
                return False

    def is_token(self, event: Event) -> bool:
        """Tell whether an event shows text of the model."""
        token = self.profile.steering.token
        return token is not None and self._type_of(event) == token.type

    def is_terminal(self, event: Event) -> bool:
        """Tell whether nothing but the end of the body may follow this event."""
        terminal = self.profile.terminal
        if terminal.form in ("sentinel", "event-then-sentinel"):
            return event.data == terminal.sentinel
        matches = terminal.success + terminal.error + terminal.cancelled
        return any(self._is_match(event, match) for match in matches)

    def id_of(self, event: Event) -> str | None:
        """Return what a client would resume after, having read this event."""
        place = self.profile.ids.location
        if place == "id-field":
            return event.id
        found = lookup(_json(event), place)
        return str(found) if isinstance(found, str | int) else None

    def _type_of(self, event: Event) -> object:
        place = self.profile.framing.type
        match place.location:
            case "event-field":
                return event.event_field or place.default
            case "json-pointer" | "both":
                return lookup(_json(event), place.pointer or "")
            case "present-key":
                data = lookup(_json(event), place.pointer or "")
                has = data if isinstance(data, dict) else {}
                return next((key for key in place.keys if key in has), None)
            case "none":
                return place.default

    def _is_match(self, event: Event, match: EventMatch) -> bool:
        if match.type is not None and self._type_of(event) != match.type:
            return False
        data = _json(event)
        return all(lookup(data, pointer) is not None for pointer in match.has) and all(
            lookup(data, pointer) == value for pointer, value in match.where.items()
        )


def lookup(value: Any, pointer: str) -> Any:  # noqa: ANN401 -- any JSON value
    """Return what a JSON pointer (RFC 6901) names in a JSON value; None if nothing."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def _json(event: Event) -> Any:  # noqa: ANN401 -- any JSON value
    try:
        return json.loads(event.data)
    except (ValueError, RecursionError):
        return None
