"""Servers that hand on late what they have."""

from __future__ import annotations

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tests.mutants.asgi import Answer, Mutation, Reply, Request
from tests.mutants.bases.pipeline import is_terminal
from tests.mutants.frames import document, get, is_event, kind, put, with_document
from tests.mutants.mutant import Mutant
from tests.mutants.site import Site

LATE_S = 0.7


async def _build_first(_request: Request, _site: Site) -> Answer | None:
    """Do something slow before the response is begun."""
    await anyio.sleep(LATE_S)
    return None


def _late_body(app: ASGIApp, _site: Site) -> ASGIApp:
    """Begin the response at once and do something slow then."""

    async def wrong(scope: Scope, receive: Receive, send: Send) -> None:
        is_first = True

        async def send_late(message: Message) -> None:
            nonlocal is_first
            if is_first and message["type"] == "http.response.body":
                is_first = False
                await anyio.sleep(LATE_S)
            await send(message)

        await app(scope, receive, send_late)

    return wrong


def _collect(frame: bytes, reply: Reply) -> bytes:
    """Keep everything until the run is over."""
    collected: bytes = reply.memory.get("collected", b"") + frame
    if is_terminal(frame):
        return collected
    reply.memory["collected"] = collected
    return b""


def _one_behind(frame: bytes, reply: Reply) -> bytes:
    """Send each event only when the next one is there; heartbeats do not count."""
    if not is_event(frame):
        return frame
    held: bytes = reply.memory.pop("held", b"")
    if is_terminal(frame):
        return held + frame
    reply.memory["held"] = frame
    return held


def _join_pairs(frame: bytes, reply: Reply) -> bytes:
    """Send two tokens in one event, and number the events that are left."""
    held = reply.memory.pop("held", None)
    if kind(frame) == "token-stream" and held is None:
        reply.memory["held"] = frame
        return b""
    sent = b""
    if held is not None and kind(frame) == "token-stream":
        event = document(frame)
        event["delta"]["text"] = (
            document(held)["delta"]["text"] + event["delta"]["text"]
        )
        frame = with_document(frame, event)
    elif held is not None:
        sent = _next_number(held, reply)
    return sent + (_next_number(frame, reply) if is_event(frame) else frame)


def _next_number(frame: bytes, reply: Reply) -> bytes:
    reply.memory["n"] = reply.memory.get("n", 0) + 1
    stream = (get(frame, "id") or "").rpartition("-")[0]
    return put(frame, "id", f"{stream}-{reply.memory['n']}")


MUTANTS = (
    Mutant(
        name="slow-start",
        defect="B04: headers held while the run is built",
        trips={
            "delivery.head-in-time": "the response head within",
            "delivery.first-event-in-time": "the first event within",
        },
        wrap=Mutation(request=_build_first),
    ),
    Mutant(
        name="slow-first-event",
        defect="B04: the head comes, then the graph is started before the first event",
        trips={"delivery.first-event-in-time": "the first event within"},
        wrap=_late_body,
    ),
    Mutant(
        name="buffered-until-the-end",
        defect="B01, B05: everything arrives in one batch at the end",
        trips={"delivery.tokens-as-produced": "token 1 within"},
        wrap=Mutation(frame=_collect),
    ),
    Mutant(
        name="event-comes-with-the-next",
        defect="F07: the separator is written before the event instead of after",
        trips={
            "delivery.tokens-as-produced": "token 2 within",
            # Late, or not there when the patience of the run is over.
            "delivery.first-event-in-time": "first event within 500 ms",
        },
        probes=("stalled-model", "held-headers"),
        wrap=Mutation(frame=_one_behind),
    ),
    Mutant(
        name="tokens-in-pairs",
        defect="B05: tokens are coalesced",
        trips={"delivery.one-event-per-token": "one token of the model in one event"},
        wrap=Mutation(frame=_join_pairs),
    ),
)
