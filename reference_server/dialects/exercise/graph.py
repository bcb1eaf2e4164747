"""A generation as a LangGraph graph: fetch exercises, generate, validate, store.

It must not know how events look or who reads them: nodes report to a `Sink`. The text
of the model goes there directly, because LangGraph's own stream modes put a queue and a
second task in between. The graph is compiled once, at the start of the server.

Cancelling: `Generation.run` must be awaited in an asyncio task of its own that is
cancelled once with `task.cancel()` (langgraph issue 5682).
"""

import json
import logging
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from ...models.client import ModelClient
from ...models.provider import Message
from ...streams.failure import Failure, FailureError
from .corpus import Exercise
from .library import Library
from .programme import InvalidProgrammeError, read_programme
from .stages import FETCHING, GENERATING, STORING, VALIDATING, Stage

_log = logging.getLogger(__name__)

# Some hundred exercises with long instructions.
_MAX_CHARS = 64 * 1024

INVALID = Failure(
    code="VALIDATION_ERROR",
    message="the language model's answer is no exercise programme",
    retryable=True,
)

_TASK = """\
You write exercise programmes for physiotherapists. Answer with one JSON object and
nothing else: "title", a text; "exercises", a list of objects with "name", "sets" and
"reps" (whole numbers from 1) and "instructions"; "notes", a text. Prefer the exercises
that are listed here, and fit sets and repetitions to the request."""


class Sink(Protocol):
    """What the nodes report to."""

    def enter(self, stage: Stage) -> None:
        """Go on to the next stage."""

    def say(self, text: str) -> None:
        """Take a piece of the model's answer."""

    async def store(self, programme: dict[str, Any]) -> None:
        """Keep what is to be kept of a valid programme."""


class State(TypedDict, total=False):
    """What the nodes hand on."""

    prompt: str
    exercises: list[Exercise]
    answer: str
    programme: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What belongs to one run and is no state."""

    sink: Sink


_Graph = CompiledStateGraph[State, Context, State, State]


class Generation:
    """The compiled graph, with the model and the exercises that its nodes use."""

    def __init__(self, model: ModelClient, library: Library) -> None:
        self._model = model
        self._library = library
        self._graph = self._compile()

    async def run(self, prompt: str, sink: Sink) -> None:
        """Go through all nodes.

        Raises:
            ModelError: the model failed.
            FailureError: its answer is no programme.
        """
        await self._graph.ainvoke(State(prompt=prompt), context=Context(sink=sink))

    def _compile(self) -> _Graph:
        nodes = {
            "fetch": self._fetch,
            "generate": self._generate,
            "validate": self._validate,
            "store": self._store,
        }
        builder = StateGraph(State, context_schema=Context)
        previous = START
        for name, node in nodes.items():
            builder.add_node(name, node)
            builder.add_edge(previous, name)
            previous = name
        builder.add_edge(previous, END)
        return builder.compile()

    async def _fetch(self, state: State, *, runtime: Runtime[Context]) -> State:
        runtime.context.sink.enter(FETCHING)
        return State(exercises=self._library.find(state["prompt"]))

    async def _generate(self, state: State, *, runtime: Runtime[Context]) -> State:
        sink = runtime.context.sink
        sink.enter(GENERATING)
        # The user's words stand alone in their own message, unchanged.
        messages = [
            Message(role="system", content=_instruct(state["exercises"])),
            Message(role="user", content=state["prompt"]),
        ]
        answer = await self._model.answer(messages, sink.say, max_chars=_MAX_CHARS)
        return State(answer=answer.whole_text())

    async def _validate(self, state: State, *, runtime: Runtime[Context]) -> State:
        runtime.context.sink.enter(VALIDATING)
        try:
            return State(programme=read_programme(state["answer"]))
        except InvalidProgrammeError as error:
            _log.warning("the answer is no programme: %s", error)
            raise FailureError(INVALID) from error

    async def _store(self, state: State, *, runtime: Runtime[Context]) -> State:
        sink = runtime.context.sink
        sink.enter(STORING)
        await sink.store(state["programme"])
        return State()


def _instruct(exercises: list[Exercise]) -> str:
    return "\n".join([_TASK, *(json.dumps(asdict(each)) for each in exercises)])
