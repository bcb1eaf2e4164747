"""What a probe has to recognise while a stream is still running, by its profile.

Pure. Only as much as steering needs: a token, a heartbeat, the terminal signal, an id.
What any of them should look like is for the checks, which read the stream themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...profiles import Profile
from ...profiles.typed import TypedEvent, is_heartbeat, read_event
from ...wire import Block, Comment, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Looks at the items of one stream through a profile."""

    profile: Profile

    def is_heartbeat(self, item: Event | Comment | Block) -> bool:
        """Tell whether an item is a heartbeat of the declared form."""
        return not isinstance(item, Block) and is_heartbeat(item, self.profile)

    def is_token(self, event: Event) -> bool:
        """Tell whether an event shows text of the model."""
        token = self.profile.steering.token
        return token is not None and self._read(event).type == token.type

    def is_terminal(self, event: Event) -> bool:
        """Tell whether nothing but the end of the body may follow this event."""
        terminal = self.profile.terminal
        if terminal.form in ("sentinel", "event-then-sentinel"):
            return event.data == terminal.sentinel
        return self._read(event).outcome is not None

    def id_of(self, event: Event) -> str | None:
        """Return what a client would resume after, having read this event."""
        return self._read(event).id

    def _read(self, event: Event) -> TypedEvent:
        return read_event(event, 0.0, self.profile)  # when it came does not matter here
