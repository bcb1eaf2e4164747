"""Servers of exercise programmes that break a promise of that protocol's page."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.mutants.asgi import Answer, Mutation, Reply, Request, Wrap
from tests.mutants.bases.exercise import EXERCISE
from tests.mutants.frames import document, kind, number, put, with_document
from tests.mutants.mutant import Mutant
from tests.mutants.site import Site

Change = Callable[[dict[str, Any]], object]

PAYLOAD = "vocabulary.payload-schema"
INVARIANT = "vocabulary.invariants"


def _in(stage: str, change: Change) -> Wrap:
    """Change the JSON of every event of a stage, or of the result."""

    def frame(frame: bytes, _reply: Reply) -> bytes:
        event = document(frame)
        if not event or kind(frame) != stage or "error" in event:
            return frame
        change(event)
        return with_document(frame, event)

    return Mutation(frame=frame)


def _in_errors(change: Change) -> Wrap:
    def frame(frame: bytes, _reply: Reply) -> bytes:
        event = document(frame)
        if not event or "error" not in event:
            return frame
        change(event)
        return with_document(frame, event)

    return Mutation(frame=frame)


def _with(**values: object) -> Change:
    return lambda event: event.update(values)


def _late_result() -> Wrap:
    """Tell the programme after the stage that says that all is done."""
    held: dict[str, bytes] = {}

    def frame(frame: bytes, reply: Reply) -> bytes:
        key = str(id(reply))
        if kind(frame) == "result":
            held[key] = frame
            return b""
        if kind(frame) == "complete" and key in held:
            first, second = frame, held.pop(key)
            stream = (first.split(b"id: ")[1].split(b"\n")[0]).rpartition(b"-")[0]
            n = number(second)
            name = stream.decode()
            return put(first, "id", f"{name}-{n}") + put(
                second, "id", f"{name}-{n + 1}"
            )
        return frame

    return Mutation(frame=frame)


def _on(path: str, change: Callable[[Answer], object], status: int = 200) -> Wrap:
    """Change what a path answers with a status."""

    def answer(answer: Answer, request: Request) -> None:
        if request.path == path and answer.status == status:
            change(answer)

    return Mutation(answer=answer)


def _document(change: Change) -> Callable[[Answer], object]:
    def change_answer(answer: Answer) -> None:
        found = answer.document
        change(found)
        answer.document = found

    return change_answer


def _status(value: int) -> Callable[[Answer], object]:
    def change(answer: Answer) -> None:
        answer.status = value

    return change


def _lenient() -> Wrap:
    """Fill a prompt that is too short up, instead of refusing it."""

    async def fill(request: Request, _site: Site) -> None:
        if request.is_start and 0 < len(request.prompt) < 20:
            body = {**json.loads(request.body), "prompt": request.prompt.ljust(20, ".")}
            request.body = json.dumps(body).encode()

    return Mutation(request=fill)


def _reprogressed(frame: bytes, reply: Reply) -> bytes:
    """Send a frame for every piece of the answer, whether progress changed or not."""
    if kind(frame) == "generating" and number(frame) > 4:
        return with_document(frame, {**document(frame), "progress": 41})
    return frame


MUTANTS = (
    Mutant(
        base=EXERCISE,
        name="exercise-progress-goes-back",
        defect="a stage that forgets how far the one before had come",
        trips={INVARIANT: "progress never decreases"},
        also={PAYLOAD: "39 is not what the page says of validating"},
        wrap=_in("validating", _with(progress=39)),
    ),
    Mutant(
        base=EXERCISE,
        name="exercise-frame-for-every-piece",
        defect="a frame of progress for each token, whether it changed or not",
        trips={INVARIANT: "a generating frame comes only with a change of progress"},
        wrap=Mutation(frame=_reprogressed),
    ),
    Mutant(
        base=EXERCISE,
        name="exercise-error-at-the-start",
        defect="an error frame built from the state before the run",
        trips={INVARIANT: "an error frame carries the stage it happened in"},
        probes=("upstream-error-event",),
        wrap=_in_errors(_with(stage="started")),
    ),
    Mutant(
        base=EXERCISE,
        name="exercise-error-without-progress-made",
        defect="progress set to 0 when something fails",
        trips={INVARIANT: "an error frame carries the progress it happened at"},
        probes=("upstream-error-event",),
        wrap=_in_errors(_with(progress=0)),
    ),
    Mutant(
        base=EXERCISE,
        name="exercise-negative-time-left",
        defect="an estimate minus the time that has passed, not bounded at nothing",
        trips={PAYLOAD: "-20 is less than the minimum of 0"},
        wrap=_in("generating", _with(estimatedTimeRemaining=-20)),
    ),
    Mutant(
        base=EXERCISE,
        name="exercise-time-left-in-seconds",
        defect="seconds where the page says milliseconds, and so a fraction",
        trips={PAYLOAD: "0.5 is not of type 'integer'"},
        wrap=_in("storing", _with(estimatedTimeRemaining=0.5)),
    ),
    Mutant(
        base=EXERCISE,
        name="exercise-complete-at-99",
        defect="a last frame whose progress was computed, and rounded down",
        trips={PAYLOAD: "100 was expected"},
        wrap=_in("complete", _with(progress=99)),
    ),
    Mutant(
        base=EXERCISE,
        name="exercise-programme-without-an-id",
        defect="a programme that no later request can name",
        trips={PAYLOAD: "'generation_id' is a required property"},
        also={"endpoints.same": "the id is left out of the comparison on one side"},
        wrap=_in("result", lambda event: event["data"].pop("generation_id")),
    ),
    Mutant(
        base=EXERCISE,
        name="exercise-result-after-complete",
        defect="the programme sent when all has been called complete",
        trips={"lifecycle.order": "complete"},
        probes=("complete",),
        also={"lifecycle.nothing-after-terminal": "the programme is after it"},
        wrap=_late_result(),
    ),
    Mutant(
        base=EXERCISE,
        name="exercise-own-code",
        defect="the provider's word for a failure instead of the protocol's",
        trips={"vocabulary.error-codes": "rate_limit_exceeded"},
        probes=("upstream-http-error",),
        also={"errors.http-error-code": "it is the code of that failure"},
        wrap=_in_errors(_with(error="rate_limit_exceeded")),
    ),
    Mutant(
        base=EXERCISE,
        name="exercise-twin-tells-another-programme",
        defect="a classic mode that rounds what the stream passes on",
        trips={"endpoints.same": "the same programme as one document"},
        probes=("sides-before",),
        wrap=_on(
            "/api/generate",
            _document(lambda found: found["data"]["exercises"][0].update(sets=4)),
        ),
    ),
    Mutant(
        base=EXERCISE,
        name="exercise-twin-is-bare",
        defect="a classic mode that answers the programme without its envelope",
        trips={"endpoints.payload": "'type' is a required property"},
        probes=("sides-before",),
        also={"endpoints.same": "nothing is where the stream has it"},
        wrap=_on(
            "/api/generate",
            _document(
                lambda found: (found.update(found.pop("data")), found.pop("type"))
            ),
        ),
    ),
    Mutant(
        base=EXERCISE,
        name="exercise-twin-checks-nothing",
        defect="a classic mode with a request model of its own, and no bounds",
        trips={"endpoints.status": "422 for classic-mode-refusals"},
        also={"endpoints.code": "a success has none"},
        wrap=_on("/api/generate", _status(200), status=422),
    ),
    Mutant(
        base=EXERCISE,
        name="exercise-metrics-miss-a-stage",
        defect="metrics of those stages only that were ever timed",
        trips={"endpoints.payload": "'storing' is a required property"},
        wrap=_on(
            "/api/generation-metrics",
            _document(lambda found: found["stages"].pop("storing")),
        ),
    ),
    Mutant(
        base=EXERCISE,
        name="exercise-metrics-count-in-words",
        defect="a count that the database gave as text",
        trips={"endpoints.payload": "'0' is not of type 'integer'"},
        wrap=_on(
            "/api/generation-metrics",
            _document(lambda found: found["stages"]["complete"].update(count="0")),
        ),
    ),
    Mutant(
        base=EXERCISE,
        name="exercise-short-prompt-accepted",
        defect="a prompt of fewer than 20 characters starts a run",
        trips={"errors.invalid-requests-refused": "422"},
        wrap=_lenient(),
    ),
)
