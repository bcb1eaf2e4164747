"""Dialects: how the events of a run look to a client.

A dialect is a module of pure functions from neutral events to `DialectFrame`s, plus the
paths it is served under. It must not number events, touch a log or read a clock.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DialectFrame:
    """One event as a dialect wants it on the wire; its id is given by the log."""

    data: str
    event: str | None = None
    retry_ms: int | None = None
    is_terminal: bool = False
