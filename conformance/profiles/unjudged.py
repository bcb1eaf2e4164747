"""What a profile declares and no check can judge, so that it is not taken for proven.

Pure. The table grows and shrinks with the checks: a form that a check learns to judge
loses its row here, and `capabilities` declares it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .schema import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Unjudged:
    """A key of a profile, dotted, and why what it declares is not judged."""

    key: str
    reason: str


_ROWS: tuple[tuple[str, Callable[[Profile], bool], str], ...] = (
    (
        "endpoint.setup",
        lambda p: bool(p.endpoint.setup),
        "no probe makes requests before the one for the stream",
    ),
    (
        "endpoint.follow_up",
        lambda p: bool(p.endpoint.follow_up),
        "no probe asks once the stream is open",
    ),
    (
        "response.compression",
        lambda p: p.response.compression == "on-request",
        "no check looks into a compressed stream",
    ),
    (
        "response.stream_id",
        lambda p: p.response.stream_id is not None,
        "no probe takes the id of a stream from there",
    ),
    (
        "ids.form",
        lambda p: p.ids.form == "ascending",
        "no check follows ids with a step of any size",
    ),
    (
        "ids.only_on",
        lambda p: bool(p.ids.only_on),
        "the checks of ids speak of every event",
    ),
    (
        "terminal.form",
        lambda p: p.terminal.form == "none",
        "no check can tell a stream without an end from one that was dropped",
    ),
    (
        "terminal.rotates_after_s",
        lambda p: p.terminal.rotates_after_s is not None,
        "no probe waits for a response that ends before its stream",
    ),
    (
        "resume.form",
        lambda p: p.resume is not None and p.resume.form != "last-event-id",
        "probes continue with the header Last-Event-ID alone",
    ),
    (
        "resume.query",
        lambda p: p.resume is not None and bool(p.resume.query),
        "no probe continues with other query parameters",
    ),
    (
        "resume.body",
        lambda p: p.resume is not None and p.resume.body is not None,
        "no probe continues with another body",
    ),
    (
        "resume.second_reader",
        lambda p: p.resume is not None and p.resume.second_reader != "takes-over",
        "the check of two readers knows a takeover alone",
    ),
    (
        "cancel.on_disconnect",
        lambda p: p.cancel is not None and p.cancel.on_disconnect == "continues",
        "no check looks whether a run goes on without a reader",
    ),
    (
        "auth.rejection",
        lambda p: p.auth is not None and p.auth.rejection == "event",
        "no check reads a refusal in the stream",
    ),
    (
        "heartbeat.promised",
        lambda p: p.heartbeat is not None and not p.heartbeat.promised,
        "a heartbeat that need not come cannot be missing",
    ),
    (
        "payloads",
        lambda p: p.framing.data == "text" and bool(p.payloads),
        "a schema speaks of JSON, and the data is text",
    ),
    (
        "invariants",
        lambda p: p.framing.data == "text" and bool(p.invariants),
        "values are looked up in JSON, and the data is text",
    ),
)


def find_unjudged(profile: Profile) -> list[Unjudged]:
    """Return what the profile declares without a check, in the order of its sections.

    That a probe needs the model steered, or a second user, is no matter here: it is
    the run that lacks it then, not the suite.
    """
    return [
        Unjudged(key=key, reason=reason)
        for key, is_declared, reason in _ROWS
        if is_declared(profile)
    ]
