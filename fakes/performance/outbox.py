"""Bytes on their way to the peer, and the record of what has left.

Order, always: record, then write. A token counts as sent once the kernel has taken the
bytes that it is in; some have none of their own and leave with later ones.
Must not know what the bytes say or when they are due, and reads no clock but the one
it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..calls.call import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..calls.call import Call
    from ..net.link import Link

__all__ = ["Outbox"]


class Outbox:
    """What one call has made and its connection has not taken yet."""

    __slots__ = (
        "_call",
        "_is_abandoned",
        "_is_terminal",
        "_link",
        "_made",
        "_now",
        "_unsaid",
        "is_leaving",
        "status",
    )

    def __init__(self, call: Call, link: Link, now: Callable[[], float]) -> None:
        """Start with nothing made; `now` reads seconds."""
        self._call = call
        self._link = link
        self._now = now
        self._made: list[bytes] = []
        # Tokens at the end of it that have no bytes yet.
        self._unsaid = 0
        self._is_terminal = False
        self._is_abandoned = False
        # Of the response, once its head leaves.
        self.status = 200
        # Whether the kernel still has to take what was written.
        self.is_leaving = False

    def add_token(self, data: bytes, at: float) -> None:
        """Make one token, and the bytes that it and those before it are in, if any."""
        self._call.token_generated(at)
        if data:
            self._made.append(data)
            self._unsaid = 0
        else:
            self._unsaid += 1

    def add(self, data: bytes, *, is_terminal: bool = False) -> None:
        """Make what follows the tokens so far; they leave with it, if it is anything.

        With `is_terminal` the terminal frame is among it.
        """
        self._is_terminal |= is_terminal
        if data:
            self._made.append(data)
            self._unsaid = 0

    def add_apart(self, data: bytes, *, is_terminal: bool = False) -> None:
        """Make something that brings no token along."""
        self._is_terminal |= is_terminal
        if data:
            self._made.append(data)

    def flush(self) -> bool:
        """Hand over what is made; False if the kernel does not take it all now."""
        if self._is_abandoned:
            self._made.clear()
            return True
        if self.is_leaving or not self._link.is_open:
            return False
        if not self._made:
            return True
        data = b"".join(self._made)
        self._made.clear()
        # Stamped before the write: no client may receive a token before it was sent.
        at = self._now()
        self.is_leaving = True
        self._link.write(data)
        if self._link.is_full or not self._link.is_open:
            return False
        self._has_left(at)
        return True

    def writable(self) -> bool:
        """Record that the kernel has taken everything; False if it had before."""
        if not self.is_leaving:
            return False
        self._has_left(self._now())
        return True

    def abandon(self) -> None:
        """Write no more: what is made from now on has no reader."""
        self._is_abandoned = True
        self.is_leaving = False

    def _has_left(self, at: float) -> None:
        self.is_leaving = False
        if self._call.status is None:
            self._call.status = self.status
            self._call.note(Event.HEADERS_SENT, at)
        self._call.tokens_sent(at, unsaid=self._unsaid)
        if self._is_terminal:
            self._is_terminal = False
            self._call.note(Event.TERMINATOR_SENT, at)
