"""A chapter as a LangGraph graph: write it, have it checked, measure it.

    generate_content ──► safety_check ── approved ──► calculate_metrics ──► end
           ▲                 │   │
           └──── revised ────┘   └────── rejected ────────────────────────► end

It must not know how events look or who reads them: nodes report to a `Sink`. The text
of the model goes there directly, because LangGraph's own stream modes put a queue and a
second task in between. The graph is compiled once, at the start of the server.

Cancelling: `Storytelling.run` must be awaited in an asyncio task of its own that is
cancelled once with `task.cancel()` (langgraph issue 5682).
"""

from dataclasses import dataclass
from typing import Protocol, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from ...models.client import ModelClient
from ...models.fault import broken
from ...models.provider import Message
from ...models.retry import Retry
from ...streams.failure import Failure, FailureError
from .education import Education
from .measures import Measures, measure
from .nodes import CHECK, GENERATE, MEASURE, Node
from .request import StoryRequest
from .safety import SafetyStatus, Verdict, read_verdict

# Some ten thousand words; a verdict is a word and a number.
_MAX_CHARS = 64 * 1024

REJECTED = Failure(
    code="SAFETY_REJECTED",
    message="the story did not pass the safety check",
    retryable=False,
)

_TASK = """\
You write stories for children. The user gives the title of a chapter, if it has one,
and then the theme. Write chapter {number} of the story in plain paragraphs of 50 to 200
words, with a blank line between them. End with a question to the reader, and below it
two or three answers to choose from, each on a line that begins with "- "."""

_REVISION = """\
The safety check sent back the version below. Write the chapter again so that it is
fit for every child.

{story}"""

_CHECK = """\
You check stories for children before they are shown as a whole. The user gives the
title of a chapter, if it has one, its theme and its text. Answer with one word and a
number: approve, revise if a gentler version would do, or reject; and a score from 0.00,
harmful, to 1.00, harmless."""


class Sink(Protocol):
    """What the nodes report to."""

    def enter(self, node: Node) -> None:
        """Go on to a node; the chapter starts anew with the one that writes it."""

    def say(self, text: str) -> None:
        """Take a piece of the chapter."""

    def wait(self, retry: Retry) -> None:
        """Take note that the model will be asked again after a pause."""

    def judge(self, verdict: Verdict) -> None:
        """Take what the safety check came to."""

    def measure(self, measures: Measures) -> None:
        """Take what is told beside the text."""

    def complete(self, node: Node) -> None:
        """Leave a node that is done."""


class State(TypedDict, total=False):
    """What the nodes hand on."""

    versions: int
    story: str
    verdict: Verdict
    measures: Measures


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What belongs to one run and is no state."""

    request: StoryRequest
    sink: Sink


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A chapter that may be read to children."""

    text: str
    verdict: Verdict
    measures: Measures


_Graph = CompiledStateGraph[State, Context, State, State]


class Storytelling:
    """The compiled graph and the model that its nodes call."""

    def __init__(self, model: ModelClient) -> None:
        self._model = model
        self._education = Education()
        self._graph = self._compile()

    async def run(self, request: StoryRequest, sink: Sink) -> Story:
        """Go through the nodes.

        Raises:
            ModelError: the model failed, or told no story.
            FailureError: the story was rejected.
        """
        state = await self._graph.ainvoke(
            State(versions=0), context=Context(request=request, sink=sink)
        )
        verdict: Verdict = state["verdict"]
        if verdict.status is SafetyStatus.REJECTED:
            raise FailureError(REJECTED)
        return Story(text=state["story"], verdict=verdict, measures=state["measures"])

    def _compile(self) -> _Graph:
        builder = StateGraph(State, context_schema=Context)
        builder.add_node(GENERATE.name, self._generate)
        builder.add_node(CHECK.name, self._check)
        builder.add_node(MEASURE.name, self._measure)
        builder.add_edge(START, GENERATE.name)
        builder.add_edge(GENERATE.name, CHECK.name)
        builder.add_conditional_edges(
            CHECK.name,
            _find_way,
            {
                SafetyStatus.APPROVED: MEASURE.name,
                SafetyStatus.REVISED: GENERATE.name,
                SafetyStatus.REJECTED: END,
            },
        )
        builder.add_edge(MEASURE.name, END)
        return builder.compile()

    async def _generate(self, state: State, *, runtime: Runtime[Context]) -> State:
        request, sink = runtime.context.request, runtime.context.sink
        sink.enter(GENERATE)
        task = _TASK.format(number=request.chapter_number)
        if "story" in state:
            task += "\n\n" + _REVISION.format(story=state["story"])
        answer = await self._model.answer(
            [Message(role="system", content=task), *_wishes(request)],
            sink.say,
            max_chars=_MAX_CHARS,
            on_retry=sink.wait,
        )
        story = answer.whole_text()
        if not story.strip():
            raise broken("expected a story, got no word")
        sink.complete(GENERATE)
        return State(story=story, versions=state["versions"] + 1)

    async def _check(self, state: State, *, runtime: Runtime[Context]) -> State:
        request, sink = runtime.context.request, runtime.context.sink
        sink.enter(CHECK)
        answer = await self._model.answer(
            [
                Message(role="system", content=_CHECK),
                *_wishes(request),
                Message(role="user", content=state["story"]),
            ],
            _keep_to_ourselves,
            max_chars=_MAX_CHARS,
            on_retry=sink.wait,
        )
        is_first = state["versions"] == 1
        verdict = read_verdict(answer.whole_text(), may_revise=is_first)
        sink.judge(verdict)
        if verdict.status is not SafetyStatus.REJECTED:
            sink.complete(CHECK)
        return State(verdict=verdict)

    async def _measure(self, state: State, *, runtime: Runtime[Context]) -> State:
        sink = runtime.context.sink
        sink.enter(MEASURE)
        measures = measure(state["story"], self._education)
        sink.measure(measures)
        sink.complete(MEASURE)
        return State(measures=measures)


async def _find_way(state: State) -> SafetyStatus:
    # A coroutine: LangGraph runs plain functions in a thread.
    return state["verdict"].status


def _wishes(request: StoryRequest) -> list[Message]:
    # The user's words stand alone in their own messages, unchanged.
    wishes = [request.title, request.theme] if request.title else [request.theme]
    return [Message(role="user", content=wish) for wish in wishes]


def _keep_to_ourselves(_text: str) -> None:
    """Take a piece of a verdict, which no reader sees."""
