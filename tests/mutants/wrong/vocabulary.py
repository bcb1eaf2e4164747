"""Servers that say things which their protocol does not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.mutants.asgi import Mutation, Wrap
from tests.mutants.frames import document, drop, is_event, kind, with_document
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


MUTANTS = (
    Mutant(
        name="unknown-type",
        defect="a type of next year's protocol",
        trips={"vocabulary.known-types": "token-chunk"},
        also={
            "lifecycle.order": "an unknown type has no place in the order",
            "lifecycle.all-tokens-arrive": "no event is known to carry a token",
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
)
