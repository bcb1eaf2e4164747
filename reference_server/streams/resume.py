"""Reading `Last-Event-ID` and deciding where a resumed response starts.

Pure. It must not look streams up: the caller finds the log and says whose it is.
"""

import re
from dataclasses import dataclass

from ..refusals import Refusal, RefusalCode
from .event_log import EventLog

# A stream id is URL-safe text and never ends in "-" (16 bytes in base64url end in one
# of A, Q, g, w), so "<stream>--1" is malformed and not a stream of another name. The
# limits on length keep a hostile header from costing anything.
_LAST_EVENT_ID = re.compile(r"([A-Za-z0-9_-]{0,127}[A-Za-z0-9_])-([1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The last event that a client has seen: number `number` of stream `stream`."""

    stream: str
    number: int


def format_event_id(stream: str, number: int) -> str:
    """Return the id of one event."""
    return f"{stream}-{number}"


def parse_last_event_id(value: str) -> Cursor:
    """Read the header.

    Raises:
        Refusal: INVALID_LAST_EVENT_ID when it is not of the form `<stream>-<n>`.
    """
    match = _LAST_EVENT_ID.fullmatch(value)
    if match is None:
        raise Refusal(
            RefusalCode.INVALID_LAST_EVENT_ID,
            "expected Last-Event-ID of the form <stream>-<n> with n from 1",
        )
    return Cursor(stream=match[1], number=int(match[2]))


def stream_not_found() -> Refusal:
    """Return the one answer for unknown, expired and foreign streams."""
    return Refusal(RefusalCode.STREAM_NOT_FOUND, "no such stream")


def check_cursor(number: int, log: EventLog) -> bool:
    """Return whether anything can follow event `number` (False: it was the last).

    Raises:
        Refusal: the event was never issued, or what follows it is gone.
    """
    if number > log.last:
        raise Refusal(
            RefusalCode.INVALID_LAST_EVENT_ID,
            "expected Last-Event-ID of an event that was sent, got a later one",
        )
    if log.is_closed and number == log.last:
        return False
    if not log.has_all_after(number):
        raise Refusal(
            RefusalCode.RESUME_WINDOW_EXCEEDED,
            "events after this one are no longer kept, start a new stream",
        )
    return True
