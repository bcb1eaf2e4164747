"""A draft as a LangGraph graph: find sources, begin, write, finish.

    retrieve (a node for each query) ─► choose ─► begin ─► write ─► finish

It must not know how events look or who reads them: nodes report to a `Sink`. The text
of the model goes there directly, because LangGraph's own stream modes put a queue and a
second task in between. The graph is compiled once, at the start of the server.

Cancelling: `Generation.run` must be awaited in an asyncio task of its own that is
cancelled once with `task.cancel()` (langgraph issue 5682).
"""

import asyncio
import operator
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated, Protocol, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from ...models.client import ModelClient
from ...models.provider import Message
from ...models.retry import Retry
from .corpus import Passage
from .library import Library, Source
from .request import DraftRequest
from .templates import TEMPLATES, Template

# A graph costs some ms of processor time until its sources are told: in a burst one at
# a time, before any goes on. And not all of them stand at once before the database,
# where others wait for the end of their draft to be saved.
_STARTING_AT_ONCE = 1
_BEGINNING_AT_ONCE = 4

# Some 40 000 words: twenty times what a long draft has.
_MAX_CHARS = 256 * 1024

_TASK = """\
You write a {title} in Markdown, with these sections: {headings}. Rest every statement
on one of the numbered sources and put its number in brackets behind it, like [1]. Use
no number that is not listed, and say nothing that no source says."""


class Sink(Protocol):
    """What the nodes report to."""

    def retrieve(self, sources: Sequence[Source]) -> None:
        """Take what the draft can cite."""

    async def begin(self) -> None:
        """Bring the draft into being."""

    def say(self, text: str) -> None:
        """Take a piece of the model's answer."""

    def retry(self, retry: Retry) -> None:
        """Take note that the model will be called again."""

    def finish(self) -> None:
        """Take note that the text is whole."""


class State(TypedDict, total=False):
    """What the nodes hand on."""

    request: DraftRequest
    hits: Annotated[list[list[Passage]], operator.add]
    sources: list[Source]


class Query(TypedDict):
    """What one of the nodes that retrieve is given."""

    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What belongs to one run and is no state."""

    sink: Sink
    on_retrieved: Callable[[], None]


_Graph = CompiledStateGraph[State, Context, State, State]


class Generation:
    """The compiled graph, with the model and the passages that its nodes use."""

    def __init__(self, model: ModelClient, library: Library) -> None:
        self._model = model
        self._library = library
        self._graph = self._compile()
        self._starting = asyncio.Semaphore(_STARTING_AT_ONCE)
        self._beginning = asyncio.Semaphore(_BEGINNING_AT_ONCE)

    async def run(self, request: DraftRequest, sink: Sink) -> None:
        """Go through all nodes.

        Raises:
            ModelError: the model failed.
        """
        with ExitStack() as turn:
            await self._starting.acquire()
            turn.callback(self._starting.release)
            context = Context(sink=sink, on_retrieved=turn.close)
            await self._graph.ainvoke(State(request=request, hits=[]), context=context)

    def _compile(self) -> _Graph:
        builder = StateGraph(State, context_schema=Context)
        builder.add_node("retrieve", self._retrieve, input_schema=Query)
        builder.add_node("choose", self._choose)
        builder.add_node("begin", self._begin)
        builder.add_node("write", self._write)
        builder.add_node("finish", self._finish)
        builder.add_conditional_edges(START, _ask, ["retrieve"])
        builder.add_edge("retrieve", "choose")
        builder.add_edge("choose", "begin")
        builder.add_edge("begin", "write")
        builder.add_edge("write", "finish")
        builder.add_edge("finish", END)
        return builder.compile()

    async def _retrieve(self, state: Query) -> State:
        return State(hits=[self._library.find(state["query"])])

    async def _choose(self, state: State, *, runtime: Runtime[Context]) -> State:
        request, hits = state["request"], state["hits"]
        if request.selected_sources:
            selected = request.selected_sources
            sources = self._library.select(selected, hits, request.context)
        else:
            sources = self._library.rank(hits, request.context)
        runtime.context.sink.retrieve(sources)
        runtime.context.on_retrieved()
        return State(sources=sources)

    async def _begin(
        self,
        state: State,  # noqa: ARG002 -- a node has it
        *,
        runtime: Runtime[Context],
    ) -> State:
        async with self._starting:
            pass  # behind all that wait for their sources
        async with self._beginning:
            await runtime.context.sink.begin()
        return State()

    async def _write(self, state: State, *, runtime: Runtime[Context]) -> State:
        sink, request = runtime.context.sink, state["request"]
        template = TEMPLATES[request.document_type]
        # The user's words stand alone in their own message, unchanged.
        messages = [
            Message(role="system", content=_instruct(template, state["sources"])),
            Message(role="user", content=request.context),
        ]
        answer = await self._model.answer(
            messages, sink.say, max_chars=_MAX_CHARS, on_retry=sink.retry
        )
        answer.whole_text()  # raises when the model was stopped before its end
        return State()

    async def _finish(
        self,
        state: State,  # noqa: ARG002 -- a node has it
        *,
        runtime: Runtime[Context],
    ) -> State:
        runtime.context.sink.finish()
        return State()


# A coroutine, for LangGraph has a thread run what is none.
async def _ask(state: State) -> list[Send]:
    """Return one query for each section, and one for what the draft is about."""
    request = state["request"]
    sections = TEMPLATES[request.document_type].sections
    queries = [request.context, *(section.query for section in sections)]
    return [Send("retrieve", Query(query=query)) for query in queries]


def _instruct(template: Template, sources: Iterable[Source]) -> str:
    headings = ", ".join(section.heading for section in template.sections)
    task = _TASK.format(title=template.title, headings=headings)
    listed = (_describe(number, each) for number, each in enumerate(sources, 1))
    return "\n".join([task, *listed])


def _describe(number: int, source: Source) -> str:
    passage = source.passage
    where = f"{passage.document.name}, page {passage.page}, {passage.section}"
    return f"[{number}] {where}: {passage.text}"
