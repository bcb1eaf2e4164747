"""Servers that number their events wrongly."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable

from starlette.types import ASGIApp
from tests.mutants.asgi import Mutation, Reply, Wrap
from tests.mutants.bases.toy.base import TOY
from tests.mutants.frames import drop, get, is_event, number, put
from tests.mutants.mutant import Mutant
from tests.mutants.site import Site

RETRY = b"retry: 1000\n"


def _renamed(change: Callable[[str, int], str]) -> Wrap:
    """Change every id, given as stream and number."""

    def frame(frame: bytes, _reply: Reply) -> bytes:
        if not is_event(frame):
            return frame
        stream = (get(frame, "id") or "").rpartition("-")[0]
        return put(frame, "id", change(stream, number(frame)))

    return Mutation(frame=frame)


def _named(new_name: Callable[[], str]) -> Wrap:
    """Give every stream another id, in its head and in its event ids."""

    def head(reply: Reply) -> None:
        reply.memory["name"] = new_name()
        reply.set("x-stream-id", reply.memory["name"])

    def frame(frame: bytes, reply: Reply) -> bytes:
        if not is_event(frame):
            return frame
        return put(frame, "id", f"{reply.memory['name']}-{number(frame)}")

    return Mutation(head=head, frame=frame)


def _counted(app: ASGIApp, site: Site) -> ASGIApp:
    """Number the streams of the process."""
    count = itertools.count(100_000)
    return _named(lambda: f"run-{next(count)}")(app, site)


def _anonymous_third(frame: bytes, _reply: Reply) -> bytes:
    return drop(frame, "id") if number(frame) == 3 else frame


def _alone(frame: bytes, _reply: Reply) -> bytes:
    """Send the retry field in a block of its own."""
    return RETRY + b"\n" + drop(frame, "retry") if get(frame, "retry") else frame


def _no_retry(frame: bytes, _reply: Reply) -> bytes:
    return drop(frame, "retry")


def _on_heartbeat(frame: bytes, reply: Reply) -> bytes:
    """Send the retry field with the heartbeat that opens the response."""
    return RETRY + frame if reply.frames == 0 else drop(frame, "retry")


def _sparse(n: int) -> int:
    return n if n < 3 else n + 1


MUTANTS = (
    Mutant(
        name="event-without-id",
        defect="R20: only some events have an id",
        trips={"ids.on-every-event": "(no id)"},
        wrap=Mutation(frame=_anonymous_third),
        also={"ids.without-gaps": "the number of the event without id is missing"},
    ),
    Mutant(
        name="id-with-zeros",
        defect="R05: numbers written to be sorted as text",
        trips={"ids.declared-form": "-000001"},
        wrap=_renamed(lambda stream, n: f"{stream}-{n:06}"),
    ),
    Mutant(
        name="number-is-skipped",
        defect="OUT-14: numbers spent on frames that nobody gets",
        trips={"ids.without-gaps": " next, got "},
        wrap=_renamed(lambda stream, n: f"{stream}-{_sparse(n)}"),
    ),
    Mutant(
        name="id-comes-twice",
        defect="R04: ids that repeat within a millisecond",
        trips={"ids.unique": "second time", "ids.without-gaps": " next, got "},
        wrap=_renamed(lambda stream, n: f"{stream}-{n if n != 4 else 3}"),
    ),
    Mutant(
        name="id-is-no-ascii",
        defect="an id that Last-Event-ID cannot carry everywhere",
        trips={"ids.ascii": "ASCII"},
        also={"cancellation.finished-answer": "a path cannot carry it either"},
        wrap=_named(lambda: f"läufer-{secrets.token_hex(16)}"),
    ),
    Mutant(
        name="streams-share-an-id",
        defect="E10: the id of the process for the id of the run",
        trips={"ids.stream-differs": "a stream id of its own"},
        probes=("interleaved",),
        wrap=_named(lambda: "WJh3kbkqT9yZ0VnQ5c1x2A"),
    ),
    Mutant(
        name="id-is-a-counter",
        defect="R10: anyone can guess the next stream",
        trips={"ids.unguessable": "bits"},
        probes=("interleaved",),
        wrap=_counted,
    ),
    Mutant(
        name="no-retry",
        defect="L10: no hint when to come back",
        trips={"ids.retry-on-first-event": "without retry"},
        wrap=Mutation(frame=_no_retry),
    ),
    Mutant(
        name="retry-alone",
        defect="a block with retry alone makes clients dispatch an empty event",
        trips={"ids.retry-on-first-event": "block without data"},
        wrap=Mutation(frame=_alone),
    ),
    Mutant(
        name="retry-on-the-opening-heartbeat",
        defect="retry on the first frame, whatever that is",
        trips={"ids.retry-on-first-event": "the first event with an id"},
        base=TOY,
        wrap=Mutation(frame=_on_heartbeat),
    ),
)
