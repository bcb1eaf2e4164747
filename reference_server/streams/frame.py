"""Frames: how one event of a run looks to a client.

Pure. A dialect makes them; it must not number them, as ids and times to reconnect are
given to a frame where it is published.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One event as a dialect wants it on the wire.

    Attributes:
        data: payload.
        event: type of the event, None for the default one.
        is_terminal: whether the run is complete with it.
        late: makes the payload again when the frame can be read, for one that tells
            the time: the end of a run is told when it is saved, perhaps seconds later.
    """

    data: str
    event: str | None = None
    is_terminal: bool = False
    late: Callable[[], str] | None = None
