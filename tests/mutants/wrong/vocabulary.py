"""Servers that say things which their protocol does not have."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from tests.mutants.asgi import Mutation, Reply, Wrap
from tests.mutants.bases.toy.base import TOY
from tests.mutants.bases.toy.run import Run
from tests.mutants.frames import document, drop, is_event, kind, put, with_document
from tests.mutants.mutant import Mutant


def _in(kind_: str, change: Callable[[dict[str, Any]], object]) -> Wrap:
    """Change the JSON of every event of one type."""

    def frame(frame: bytes) -> bytes:
        if kind(frame) != kind_:
            return frame
        event = document(frame)
        change(event)
        return with_document(frame, event)

    return Mutation(frame=lambda each, _reply: frame(each))


def _late_step(event: dict[str, Any]) -> None:
    event["progress"]["step"] = max(1, event["progress"]["step"] - 1)


def _with(**values: object) -> Callable[[dict[str, Any]], object]:
    """Put values into an event."""
    return lambda event: event.update(values)


def _plus(name: str) -> Callable[[dict[str, Any]], object]:
    """Make a number one too large."""
    return lambda event: event.update({name: event[name] + 1})


def _an_hour_ago(event: dict[str, Any]) -> None:
    at = dt.datetime.fromisoformat(event["timestamp"]) - dt.timedelta(hours=1)
    event["timestamp"] = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _beat(change: Callable[[bytes], bytes]) -> Wrap:
    """Change every heartbeat that is an event."""

    def frame(frame: bytes, _reply: Reply) -> bytes:
        is_beat = not is_event(frame) and frame.startswith(b"data:")
        return change(frame) if is_beat else frame

    return Mutation(frame=frame)


def _cites_late(patch: pytest.MonkeyPatch) -> None:
    """Cite long after the marker, as a server does that asks a database first."""
    cite = Run._cite

    def later(run: Run, number: int) -> None:
        asyncio.get_running_loop().call_later(0.9, cite, run, number)

    patch.setattr(Run, "_cite", later)


MARKED_TEXT = ("marked-text",)
"""The probe of texts in which markers stand."""

MUTANTS = (
    Mutant(
        name="unknown-type",
        defect="a type of next year's protocol",
        trips={"vocabulary.known-types": "token-chunk"},
        also={
            "lifecycle.order": "an unknown type has no place in the order",
            "lifecycle.all-tokens-arrive": "no event is known to carry a token",
            "vocabulary.invariants": "a node's output is not its tokens any more",
        },
        wrap=_in("token-stream", lambda event: event.update(type="token-chunk")),
    ),
    Mutant(
        name="no-event-field",
        defect="the event name only in the JSON",
        trips={"vocabulary.event-field": "state_delta"},
        wrap=Mutation(
            frame=lambda frame, _reply: (
                drop(frame, "event") if is_event(frame) else frame
            )
        ),
    ),
    Mutant(
        name="negative-eta",
        defect="an estimate that went below zero",
        trips={"vocabulary.payload-schema": "etaMs"},
        wrap=_in("node-enter", lambda event: event["progress"].update(etaMs=-1)),
    ),
    Mutant(
        name="step-lags-behind",
        defect="progress computed before the step is counted",
        trips={"vocabulary.invariants": "step"},
        wrap=_in("node-complete", _late_step),
    ),
    Mutant(
        name="error-code-of-its-own",
        defect="a code that no client knows",
        trips={"vocabulary.error-codes": "E_42"},
        also={
            "errors.http-error-code": "the code is none for that failure either",
            "errors.error-event": "the code is none for that failure either",
        },
        base=TOY,
        wrap=_in("error", _with(code="E_42")),
    ),
    Mutant(
        name="event-field-on-data-only-frames",
        defect="a listener of messages never sees the named ones",
        trips={"vocabulary.event-field": "no event field, got event: note"},
        base=TOY,
        wrap=Mutation(
            frame=lambda frame, _reply: (
                put(frame, "event", "note") if is_event(frame) else frame
            )
        ),
    ),
    Mutant(
        name="event-field-on-a-data-only-heartbeat",
        defect="heartbeats that another writer makes",
        trips={"vocabulary.event-field": "event: heartbeat in heartbeat"},
        base=TOY,
        wrap=_beat(lambda beat: b"event: heartbeat\n" + beat),
    ),
    Mutant(
        name="heartbeat-without-its-time",
        defect="a heartbeat that lacks what was promised of it",
        trips={"vocabulary.payload-schema": "'timestamp' is a required property"},
        base=TOY,
        wrap=_beat(lambda _beat: b'data: {"type": "heartbeat"}\n\n'),
    ),
    Mutant(
        name="type-at-the-second-place-alone",
        defect="a stage that is told as another thing",
        trips={"vocabulary.known-types": "started-too"},
        also={
            "lifecycle.order": "the stage is missing in the order",
            "vocabulary.invariants": "what the start tells is not there",
        },
        base=TOY,
        wrap=_in("started", lambda event: event.update(stage="started-too")),
    ),
    Mutant(
        name="output-lacks-a-token",
        defect="the whole is put together from something else",
        trips={"vocabulary.invariants": "a node's output is all of its tokens"},
        wrap=_in("node-complete", lambda event: event["delta"].update(output="some")),
    ),
    Mutant(
        name="another-number-is-cited",
        defect="citations numbered from nought",
        trips={"vocabulary.invariants": "each marker is cited once: citation for 2"},
        probes=MARKED_TEXT,
        base=TOY,
        wrap=_in("citation", _plus("number")),
    ),
    Mutant(
        name="cited-too-late",
        defect="a citation waits for the end of the paragraph",
        trips={"vocabulary.invariants": "within 500 ms of its marker's last byte"},
        probes=MARKED_TEXT,
        base=TOY,
        patch=_cites_late,
    ),
    Mutant(
        name="unresolved-markers-are-not-told",
        defect="a marker without a source is dropped in silence",
        trips={"vocabulary.invariants": "the markers without citation: 12"},
        probes=MARKED_TEXT,
        base=TOY,
        wrap=_in("done", _with(unresolved=[])),
    ),
    Mutant(
        name="the-wrong-source-is-named",
        defect="a source looked up by another index",
        trips={"vocabulary.invariants": "a citation names its source"},
        probes=MARKED_TEXT,
        base=TOY,
        wrap=_in("citation", _with(source="source 9")),
    ),
    Mutant(
        name="citations-are-miscounted",
        defect="markers are counted, not citations",
        trips={"vocabulary.invariants": "different values at /number"},
        probes=MARKED_TEXT,
        base=TOY,
        wrap=_in("done", _plus("citations")),
    ),
    Mutant(
        name="sources-are-miscounted",
        defect="a count from before the filter",
        trips={"vocabulary.invariants": "the length of /sources"},
        base=TOY,
        wrap=_in("started", _plus("count")),
    ),
    Mutant(
        name="words-are-miscounted",
        defect="words counted per piece",
        trips={"vocabulary.invariants": "the words of the joined /text"},
        base=TOY,
        wrap=_in("done", _plus("words")),
    ),
    Mutant(
        name="sizes-do-not-add-up",
        defect="a size in bytes beside sizes in characters",
        trips={"vocabulary.invariants": "the sum of /size"},
        base=TOY,
        wrap=_in("done", _plus("size")),
    ),
    Mutant(
        name="another-draft-at-the-end",
        defect="an id that is made twice",
        trips={"vocabulary.invariants": "the draft is the same at the end"},
        base=TOY,
        wrap=_in("done", _with(draft_id="another")),
    ),
    Mutant(
        name="not-done-after-it-was-saved",
        defect="a step that leads nowhere",
        trips={"vocabulary.invariants": "what is saved is done"},
        also={
            "lifecycle.order": "the step has no place there",
            "lifecycle.all-tokens-arrive": "the step hides a token",
        },
        base=TOY,
        wrap=_in("token", _with(stage="saved")),
    ),
    Mutant(
        name="time-goes-back",
        defect="timestamps of several clocks",
        trips={"vocabulary.invariants": "time never goes back: no value below"},
        base=TOY,
        wrap=_in("token", _an_hour_ago),
    ),
    Mutant(
        name="time-is-a-number",
        defect="seconds where a time was promised",
        trips={"vocabulary.invariants": "time never goes back: a time at /timestamp"},
        base=TOY,
        wrap=_in("token", _with(timestamp=1.5)),
    ),
)
