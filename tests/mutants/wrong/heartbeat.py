"""Servers whose heartbeats are wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import anyio
from tests.mutants.asgi import Emit, Mutation, Reply, Wrap
from tests.mutants.bases.toy.base import TOY
from tests.mutants.frames import kind, number, put
from tests.mutants.mutant import Mutant

BEAT = b"event: heartbeat\ndata: {}\n\n"


def _is_beat(frame: bytes) -> bool:
    return frame.startswith(b"event: heartbeat\n")


def _without(is_lost: Callable[[Reply], bool]) -> Wrap:
    """Leave out the heartbeats for which this holds."""

    def frame(frame: bytes, reply: Reply) -> bytes:
        if kind(frame) == "token-stream":
            reply.memory["talked"] = True
        if not _is_beat(frame):
            reply.memory["beats"] = 0
            return frame
        reply.memory["beats"] = reply.memory.get("beats", 0) + 1
        return b"" if is_lost(reply) else frame

    return Mutation(frame=frame)


def _as(beat: Callable[[bytes], bytes]) -> Wrap:
    """Change the form of every heartbeat."""
    return Mutation(
        frame=lambda frame, _reply: beat(frame) if _is_beat(frame) else frame
    )


def _inside(frame: bytes, reply: Reply) -> bytes:
    """Write the second event before a heartbeat has its blank line."""
    return BEAT[:-1] + frame if number(frame) == 2 else frame


def _every_fourth(frame: bytes, reply: Reply) -> bytes:
    is_due = kind(frame) == "token-stream" and reply.frames % 4 == 0
    return frame + BEAT if is_due else frame


async def _busily(_reply: Reply, emit: Emit) -> None:
    while True:
        await anyio.sleep(0.03)
        await emit(BEAT)


async def _once_more(reply: Reply, emit: Emit) -> None:
    if reply.is_ended:
        await anyio.sleep(0.3)
        await emit(BEAT)


def _is_json_beat(frame: bytes) -> bool:
    return b'"type": "heartbeat"' in frame


def _unopened(frame: bytes, reply: Reply) -> bytes:
    """Leave out the heartbeat that opens the response."""
    return b"" if reply.frames == 0 and _is_json_beat(frame) else frame


def _opened_now(frame: bytes, reply: Reply) -> bytes:
    """Take the time of the heartbeat that opens a response from the clock."""
    if reply.frames or reply.request.cursor is None:
        return frame
    return b'data: {"type": "heartbeat", "timestamp": "%s"}\n\n' % _now().encode()


def _now() -> str:
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    return now.replace("+00:00", "Z")


MUTANTS = (
    Mutant(
        name="no-heartbeat-before-the-first-token",
        defect="H03: heartbeats only after the first token",
        trips={
            "heartbeat.before-upstream-headers": "nothing for",
            "heartbeat.before-first-token": "nothing for",
        },
        also={"heartbeat.keeps-coming": "none comes at all before the first token"},
        wrap=_without(lambda reply: not reply.memory.get("talked")),
    ),
    Mutant(
        name="no-heartbeat-in-a-stall",
        defect="H02: the heartbeat ends with the first token",
        trips={"heartbeat.mid-stream": "nothing for"},
        also={"heartbeat.keeps-coming": "none comes at all in the stall"},
        probes=("stalled-model",),
        wrap=_without(lambda reply: bool(reply.memory.get("talked"))),
    ),
    Mutant(
        name="no-heartbeat-after-a-resume",
        defect="the resume path has a writer of its own, without heartbeats",
        trips={"heartbeat.after-resume": "nothing for"},
        also={"heartbeat.keeps-coming": "none comes at all after the resume"},
        wrap=_without(lambda reply: reply.request.cursor is not None),
    ),
    Mutant(
        name="only-one-heartbeat",
        defect="H05: stops after the first one",
        trips={"heartbeat.keeps-coming": "heartbeats in"},
        also={"heartbeat.before-first-token": "the rest of the silence is long, too"},
        wrap=_without(lambda reply: reply.memory["beats"] > 1),
    ),
    Mutant(
        name="heartbeat-is-a-comment",
        defect="comment-only heartbeat declared as data heartbeat",
        trips={"heartbeat.declared-form": "a comment"},
        wrap=_as(lambda _beat: b": ping\n\n"),
    ),
    Mutant(
        name="heartbeat-with-other-data",
        defect="a clock in the heartbeat that nobody declared",
        trips={"heartbeat.declared-form": "now"},
        wrap=_as(lambda beat: beat.replace(b"{}", b'{"now": 1}')),
    ),
    Mutant(
        name="heartbeat-with-id",
        defect="H13: a heartbeat changes the Last-Event-ID",
        trips={"heartbeat.without-id": "hb-1"},
        wrap=_as(lambda beat: put(beat, "id", "hb-1")),
    ),
    Mutant(
        name="heartbeat-inside-an-event",
        defect="H04: a timer writes into a frame",
        trips={"heartbeat.between-events-only": "between the lines"},
        also={
            "framing.one-of-each-field": "two event fields stand in one block",
            "framing.data-is-json": "the data of both is joined",
            "vocabulary.known-types": "no JSON has no type",
            "lifecycle.order": "an event is lost",
            "lifecycle.all-tokens-arrive": "an event is lost",
        },
        wrap=Mutation(frame=_inside),
    ),
    Mutant(
        name="heartbeat-in-a-busy-loop",
        defect="H08: interval 0",
        trips={"heartbeat.not-too-often": "within"},
        also={"heartbeat.only-when-idle": "a busy loop beats beside events too"},
        wrap=Mutation(beside=_busily),
    ),
    Mutant(
        name="heartbeat-while-tokens-flow",
        defect="the timer is not reset by events",
        trips={"heartbeat.only-when-idle": "after an event"},
        wrap=Mutation(frame=_every_fourth),
    ),
    Mutant(
        name="heartbeat-after-the-end",
        defect="H07: the timer outlives the stream",
        trips={"heartbeat.none-after-terminal": "no heartbeat"},
        wrap=Mutation(last=_once_more),
    ),
    Mutant(
        name="no-heartbeat-at-the-start",
        defect="nothing comes until the first stage has its answer",
        trips={"heartbeat.opens-response": "as the first event of the response"},
        base=TOY,
        wrap=Mutation(frame=_unopened),
    ),
    Mutant(
        name="opened-by-the-clock",
        defect="a heartbeat that is ahead of what is replayed",
        trips={"heartbeat.opening-carries-cursor-value": "what the event"},
        also={"vocabulary.invariants": "replayed events are older than the heartbeat"},
        base=TOY,
        wrap=Mutation(frame=_opened_now),
    ),
    Mutant(
        name="json-heartbeat-with-id",
        defect="a data heartbeat that enters the log",
        trips={"heartbeat.without-id": "a heartbeat with id"},
        base=TOY,
        wrap=Mutation(
            frame=lambda frame, _reply: (
                put(frame, "id", "hb-1") if _is_json_beat(frame) else frame
            )
        ),
    ),
)
