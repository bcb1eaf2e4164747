"""One reader of one stream: how a run reaches the response that is written to a client.

It holds no data: a reader is woken and looks into the log itself. It must not write to
a connection or know what is in an event.
"""

import asyncio
from enum import StrEnum


class Leaving(StrEnum):
    """Why a reader gets nothing more."""

    DISCONNECTED = "disconnected"
    STALLED = "stalled"
    TAKEN_OVER = "taken_over"
    TOKEN_EXPIRED = "token_expired"
    BEHIND_THE_LOG = "behind_the_log"

    @property
    def is_connection_gone(self) -> bool:
        """Whether the client can not be told any more."""
        return self in {Leaving.DISCONNECTED, Leaving.STALLED}


class Reader:
    """Wake-up and end of one response."""

    __slots__ = ("_leaving", "_woken")

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._leaving: Leaving | None = None

    @property
    def leaving(self) -> Leaving | None:
        """Why this reader is done, None while it is not."""
        return self._leaving

    def wake(self) -> None:
        """Tell the reader that there is something to look at."""
        self._woken.set()

    def leave(self, reason: Leaving) -> None:
        """End this reader; the first reason stays."""
        if self._leaving is None:
            self._leaving = reason
        self.wake()

    async def wait_woken(self) -> None:
        """Return when woken since the last return."""
        await self._woken.wait()
        self._woken.clear()
