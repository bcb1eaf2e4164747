"""Servers that say things which their protocol does not have."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from tests.mutants.asgi import Emit, Mutation, Reply, Wrap, in_events
from tests.mutants.bases.toy.base import TOY, TOY_WITH_EVENT_FIELDS
from tests.mutants.bases.toy.model import Model
from tests.mutants.bases.toy.run import Run
from tests.mutants.frames import document, drop, is_event, kind, put, with_document
from tests.mutants.mutant import Mutant


def _late_step(event: dict[str, Any]) -> None:
    event["progress"]["step"] = max(1, event["progress"]["step"] - 1)


_PLACES = {"blueprint": ("vignette-gen", 5), "vignette-gen": ("blueprint", 4)}


def _swapped(frame: bytes, _reply: Reply) -> bytes:
    """Call two nodes by each other's name and step."""
    event = document(frame)
    if event and event["node"] in _PLACES:
        event["node"], event["progress"]["step"] = _PLACES[event["node"]]
        event["progress"]["node"] = event["node"]
        return with_document(frame, event)
    return frame


def _from_intake(event: dict[str, Any]) -> None:
    event["node"] = event["progress"]["node"] = "intake"
    event["progress"]["step"] = 1


def _time_is_left(event: dict[str, Any]) -> None:
    event["progress"]["etaMs"] += 5


def _with(**values: object) -> Callable[[dict[str, Any]], object]:
    """Put values into an event."""
    return lambda event: event.update(values)


def _plus(name: str) -> Callable[[dict[str, Any]], object]:
    """Make a number one too large."""
    return lambda event: event.update({name: event[name] + 1})


def _an_hour_ago(event: dict[str, Any]) -> None:
    at = dt.datetime.fromisoformat(event["timestamp"]) - dt.timedelta(hours=1)
    event["timestamp"] = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _cancelled_for_now(event: dict[str, Any]) -> None:
    if event["code"] == "CANCELLED":
        event["retryable"] = True


def _tail_is_text(event: dict[str, Any]) -> None:
    event["tail"] = event["text"]


def _room_is_used(event: dict[str, Any]) -> None:
    event["room"] = event["n"]


def _batched(event: dict[str, Any]) -> None:
    event["n"] = (event["n"] + 1) // 2


def _written_backwards(event: dict[str, Any]) -> None:
    at = dt.datetime.fromisoformat(event["written_at"])
    event["written_at"] = (at - dt.timedelta(hours=event["n"])).isoformat()


def _no_done(frame: bytes, reply: Reply) -> bytes:
    if kind(frame) != "done":
        return frame
    reply.memory["done"] = frame
    return b""


async def _done_at_last(reply: Reply, emit: Emit) -> None:
    """Send late what was kept back."""
    await anyio.sleep(0.9)
    await emit(reply.memory.get("done", b""))


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


def _starts_late(patch: pytest.MonkeyPatch) -> None:
    """Look something up before the run says that it has started."""
    work = Run.work

    async def later(run: Run, model: Model, prompt: str) -> None:
        await asyncio.sleep(1.3)
        await work(run, model, prompt)

    patch.setattr(Run, "work", later)


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
        wrap=in_events("token-stream", lambda event: event.update(type="token-chunk")),
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
        wrap=in_events("node-enter", lambda event: event["progress"].update(etaMs=-1)),
    ),
    Mutant(
        name="step-lags-behind",
        defect="progress computed before the step is counted",
        trips={"vocabulary.invariants": "step is the node's place in the pipeline"},
        wrap=in_events("node-complete", _late_step),
    ),
    Mutant(
        name="two-nodes-swapped",
        defect="two steps that run in the order of their code",
        trips={"vocabulary.invariants": "nodes come in the pipeline's order"},
        wrap=Mutation(frame=_swapped),
    ),
    Mutant(
        name="tokens-of-another-node",
        defect="one callback for the tokens of all nodes",
        trips={"vocabulary.invariants": "a node's events carry that node"},
        wrap=in_events("token-stream", _from_intake),
    ),
    Mutant(
        name="progress-of-another-node",
        defect="progress that one step forgot to move on",
        trips={"vocabulary.invariants": "progress speaks of the event's own node"},
        wrap=in_events(
            "node-enter", lambda event: event["progress"].update(node="intake")
        ),
    ),
    Mutant(
        name="time-is-left-at-the-end",
        defect="an estimate that is never brought to nought",
        trips={"vocabulary.invariants": "no time is left at the end"},
        wrap=in_events("node-complete", _time_is_left),
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
        wrap=in_events("error", _with(code="E_42")),
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
        name="event-field-of-another-type",
        defect="a copied line of the writer, whose name was not changed",
        trips={"vocabulary.event-field": "event: piece, got event: source in token"},
        base=TOY_WITH_EVENT_FIELDS,
        wrap=Mutation(
            frame=lambda frame, _reply: (
                put(frame, "event", "source") if kind(frame) == "token" else frame
            )
        ),
    ),
    Mutant(
        name="heartbeat-without-its-time",
        defect="a heartbeat that lacks what was promised of it",
        trips={"vocabulary.payload-schema": "'timestamp' is a required property"},
        base=TOY,
        wrap=_beat(lambda _beat: b'data: {"type": "heartbeat"}\n\n'),
    ),
    Mutant(
        name="cancelled-like-any-error",
        defect="a client tries again what its user has just cancelled",
        trips={"vocabulary.payload-schema": "the payload of cancelled"},
        probes=("cancel-midstream",),
        base=TOY,
        wrap=in_events("error", _cancelled_for_now),
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
        wrap=in_events("started", lambda event: event.update(stage="started-too")),
    ),
    Mutant(
        name="output-lacks-a-token",
        defect="the whole is put together from something else",
        trips={"vocabulary.invariants": "a node's output is all of its tokens"},
        wrap=in_events(
            "node-complete", lambda event: event["delta"].update(output="some")
        ),
    ),
    Mutant(
        name="another-number-is-cited",
        defect="citations numbered from nought",
        trips={"vocabulary.invariants": "each marker is cited once: citation for 2"},
        probes=MARKED_TEXT,
        base=TOY,
        wrap=in_events("citation", _plus("number")),
    ),
    Mutant(
        name="cited-too-late",
        defect="a citation waits for the end of the paragraph",
        trips={
            "vocabulary.invariants": "each marker is cited once: citation for 2 within"
        },
        probes=MARKED_TEXT,
        base=TOY,
        patch=_cites_late,
    ),
    Mutant(
        name="unresolved-markers-are-not-told",
        defect="a marker without a source is dropped in silence",
        trips={"vocabulary.invariants": "each marker is cited once: at /unresolved"},
        probes=MARKED_TEXT,
        base=TOY,
        wrap=in_events("done", _with(unresolved=[])),
    ),
    Mutant(
        name="the-wrong-source-is-named",
        defect="a source looked up by another index",
        trips={"vocabulary.invariants": "a citation names its source"},
        probes=MARKED_TEXT,
        base=TOY,
        wrap=in_events("citation", _with(source="source 9")),
    ),
    Mutant(
        name="citations-are-miscounted",
        defect="markers are counted, not citations",
        trips={"vocabulary.invariants": "every citation is counted"},
        probes=MARKED_TEXT,
        base=TOY,
        wrap=in_events("done", _plus("citations")),
    ),
    Mutant(
        name="sources-are-miscounted",
        defect="a count from before the filter",
        trips={"vocabulary.invariants": "the sources are counted"},
        base=TOY,
        wrap=in_events("started", _plus("count")),
    ),
    Mutant(
        name="words-are-miscounted",
        defect="words counted per piece",
        trips={"vocabulary.invariants": "the words are counted"},
        base=TOY,
        wrap=in_events("done", _plus("words")),
    ),
    Mutant(
        name="sizes-do-not-add-up",
        defect="a size in bytes beside sizes in characters",
        trips={"vocabulary.invariants": "the sizes add up"},
        base=TOY,
        wrap=in_events("done", _plus("size")),
    ),
    Mutant(
        name="another-draft-at-the-end",
        defect="an id that is made twice",
        trips={"vocabulary.invariants": "the draft is the same at the end"},
        base=TOY,
        wrap=in_events("done", _with(draft_id="another")),
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
        wrap=in_events("token", _with(stage="saved")),
    ),
    Mutant(
        name="time-goes-back",
        defect="timestamps of several clocks",
        trips={"vocabulary.invariants": "time never goes back: no value below"},
        base=TOY,
        wrap=in_events("token", _an_hour_ago),
    ),
    Mutant(
        name="time-is-a-number",
        defect="seconds where a time was promised",
        trips={"vocabulary.invariants": "time never goes back: a time at /timestamp"},
        base=TOY,
        wrap=in_events("token", _with(timestamp=1.5)),
    ),
    Mutant(
        name="tail-is-all-of-the-text",
        defect="what was gathered is not dropped where it starts anew",
        trips={
            "vocabulary.invariants": "the tail is what comes after the last citation"
        },
        probes=MARKED_TEXT,
        base=TOY,
        wrap=in_events("done", _tail_is_text),
    ),
    Mutant(
        name="saved-at-ninety-nine",
        defect="a step whose share of the work is missing",
        trips={"vocabulary.invariants": "what is saved is at a hundred: 100 at"},
        base=TOY,
        wrap=in_events("saved", _with(progress=99)),
    ),
    Mutant(
        name="two-tokens-of-one-number",
        defect="numbers of batches instead of tokens",
        trips={"vocabulary.invariants": "tokens are numbered: no value below 1 and"},
        base=TOY,
        wrap=in_events("token", _batched),
    ),
    Mutant(
        name="token-numbers-go-back",
        defect="a count of what is left",
        trips={"vocabulary.invariants": "tokens are numbered: no value below -1"},
        base=TOY,
        wrap=in_events("token", lambda event: event.update(n=-event["n"])),
    ),
    Mutant(
        name="token-number-is-a-text",
        defect="a number that went through a template",
        trips={"vocabulary.invariants": "tokens are numbered: a number at /n"},
        base=TOY,
        wrap=in_events("token", lambda event: event.update(n=str(event["n"]))),
    ),
    Mutant(
        name="token-times-go-back",
        defect="two writers, each with a clock of its own",
        trips={"vocabulary.invariants": "tokens come in the order of their times: no"},
        base=TOY,
        wrap=in_events("token", _written_backwards),
    ),
    Mutant(
        name="token-time-without-its-zone",
        defect="a local time, which names no instant",
        trips={"vocabulary.invariants": "tokens come in the order of their times: a t"},
        base=TOY,
        wrap=in_events("token", _with(written_at="2026-11-30T16:00:00")),
    ),
    Mutant(
        name="room-grows",
        defect="what is used, where what is left was promised",
        trips={"vocabulary.invariants": "the room never grows: no value above"},
        base=TOY,
        wrap=in_events("token", _room_is_used),
    ),
    Mutant(
        name="starts-after-a-look-up",
        defect="the start is told once everything is ready",
        trips={"vocabulary.invariants": "it starts at once: the first started within"},
        base=TOY,
        patch=_starts_late,
    ),
    Mutant(
        name="done-long-after-it-was-saved",
        defect="an index is brought up to date before the end is told",
        trips={
            "vocabulary.invariants": "what is saved is done soon: the first done within"
        },
        base=TOY,
        wrap=Mutation(frame=_no_done, last=_done_at_last),
    ),
    Mutant(
        name="session-that-no-head-told",
        defect="an id of the worker's own session",
        trips={"vocabulary.invariants": "the session is the one that the head tells"},
        base=TOY,
        wrap=in_events("done", _with(session_id="another")),
    ),
    Mutant(
        name="progress-goes-back",
        defect="progress by stage, where a late stage knows less",
        trips={"vocabulary.invariants": "progress never decreases: no value below"},
        base=TOY,
        wrap=in_events("token", lambda event: event.update(progress=5 - event["n"])),
    ),
    Mutant(
        name="done-at-a-hundred-and-one",
        defect="rounding of shares that do not add up",
        trips={"vocabulary.invariants": "it ends at a hundred: 100 at"},
        base=TOY,
        wrap=in_events("done", _with(progress=101)),
    ),
    Mutant(
        name="done-lacks-a-token",
        defect="the end is written before the last token",
        trips={"vocabulary.invariants": "the tokens joined are the text"},
        base=TOY,
        wrap=in_events("done", lambda event: event.update(text=event["text"][:-1])),
    ),
    Mutant(
        name="another-language-at-the-end",
        defect="the default of another step",
        trips={"vocabulary.invariants": "the language is the same throughout"},
        base=TOY,
        wrap=in_events("done", _with(language="de")),
    ),
)
