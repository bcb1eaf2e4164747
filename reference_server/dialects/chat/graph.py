"""A message as a LangGraph graph: a supervisor routes it, retrieval if it is asked for.

    supervisor ─► retrieve ─► rerank ─► generate
         └──────────────────────────────►┘

It must not know how events look or who reads them: nodes report to a `Sink`. The text
of the model goes there directly, because LangGraph's own stream modes put a queue and a
second task in between. The graph is compiled once, at the start of the server.

What was said in a session is the state that a checkpointer keeps (see `threads`); all
else is of one run. It is read when a run begins and written when it ends.

Cancelling: `Talk.run` must be awaited in an asyncio task of its own that is cancelled
once with `task.cancel()` (langgraph issue 5682).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol, TypedDict
from uuid import UUID

from langchain_core.runnables import RunnableConfig
from langgraph.channels import UntrackedValue
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from ...models.client import ModelClient
from ...models.provider import Message
from ...streams.failure import Failure, FailureError, OwnFault
from .agents import SUPERVISOR, Agent, choose_agent, instruct
from .conversation import Said, make_turn, merge, tell
from .corpus import Section
from .library import Library
from .stages import Stage
from .threads import Threads

_log = logging.getLogger(__name__)

# Of one answer, the supervisor's too; some fifteen thousand tokens.
_MAX_CHARS = 64 * 1024

RETRIEVAL_FAILED = Failure(
    code="RETRIEVAL_ERROR",
    message="the documents could not be searched",
    retryable=False,
    cause=OwnFault.INTERNAL,
)


class Sink(Protocol):
    """What the nodes report to."""

    def enter(self, stage: Stage) -> None:
        """Go on to the next stage."""

    def retrieve(self, documents: int) -> None:
        """Take note of how many sections were retrieved."""

    def rerank(self, kept: int) -> None:
        """Take note of how many of them were kept."""

    def say(self, text: str) -> None:
        """Take a piece of the model's answer."""

    def finish(self, reason: str) -> None:
        """Take note of why the model said no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a user says, and what was said before a session began."""

    id: str
    message: str
    history: Sequence[Said] = ()


class State(TypedDict, total=False):
    """What the nodes hand on; only the messages outlive a run."""

    messages: Annotated[list[Said], merge]
    agent: Annotated[Agent, UntrackedValue]
    retrieved: Annotated[list[int], UntrackedValue]
    sections: Annotated[list[Section], UntrackedValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What belongs to one run and is no state."""

    turn: Turn
    sink: Sink


_Graph = CompiledStateGraph[State, Context, State, State]


class Talk:
    """The compiled graph, with the model and the documents that it uses.

    Args:
        model: answers, as supervisor and as agent.
        library: what can be retrieved.
        threads: what was said in each session that is at work.
    """

    def __init__(self, model: ModelClient, library: Library, threads: Threads) -> None:
        self._model = model
        self._library = library
        self._graph = self._compile(threads)

    async def run(self, session: UUID, turn: Turn, sink: Sink) -> None:
        """Go through all nodes and add what was said.

        Raises:
            ModelError: the model failed.
            FailureError: the documents could not be searched.
        """
        await self._graph.ainvoke(
            State(messages=[]),
            _thread(session),
            context=Context(turn=turn, sink=sink),
            durability="exit",  # nothing is gone on with from in between
        )

    async def add(
        self, session: UUID, said: Sequence[Said], turn: Turn, answer: str
    ) -> None:
        """Add a turn that ended early, with what there is of its answer.

        Args:
            session: where.
            said: what was said there before.
            turn: what is added.
            answer: the part of it that there is.
        """
        added = _add(said, turn, answer, is_partial=True)
        await self._graph.aupdate_state(
            _thread(session), State(messages=added), as_node="generate"
        )

    def _compile(self, threads: Threads) -> _Graph:
        builder = StateGraph(State, context_schema=Context)
        builder.add_node("supervisor", self._supervise)
        builder.add_node("retrieve", self._retrieve)
        builder.add_node("rerank", self._rerank)
        builder.add_node("generate", self._generate)
        builder.add_edge(START, "supervisor")
        builder.add_conditional_edges("supervisor", _route)
        builder.add_edge("retrieve", "rerank")
        builder.add_edge("rerank", "generate")
        builder.add_edge("generate", END)
        return builder.compile(checkpointer=threads)

    async def _supervise(
        self,
        state: State,  # noqa: ARG002 -- LangGraph's signature
        *,
        runtime: Runtime[Context],
    ) -> State:
        runtime.context.sink.enter(Stage.SUPERVISOR)
        # The user's words stand alone in their own message, unchanged.
        messages = [
            Message(role="system", content=SUPERVISOR),
            Message(role="user", content=runtime.context.turn.message),
        ]
        answer = await self._model.ask(messages, max_chars=_MAX_CHARS)
        return State(agent=choose_agent(answer.text))

    async def _retrieve(
        self,
        state: State,  # noqa: ARG002 -- LangGraph's signature
        *,
        runtime: Runtime[Context],
    ) -> State:
        runtime.context.sink.enter(Stage.RETRIEVAL)
        try:
            retrieved = self._library.retrieve(runtime.context.turn.message)
        except Exception as error:
            _log.exception("the documents could not be searched")
            raise FailureError(RETRIEVAL_FAILED) from error
        runtime.context.sink.retrieve(len(retrieved))
        return State(retrieved=retrieved)

    async def _rerank(self, state: State, *, runtime: Runtime[Context]) -> State:
        runtime.context.sink.enter(Stage.RERANKING)
        message = runtime.context.turn.message
        sections = self._library.rerank(message, state["retrieved"])
        runtime.context.sink.rerank(len(sections))
        return State(sections=sections)

    async def _generate(self, state: State, *, runtime: Runtime[Context]) -> State:
        sink, turn = runtime.context.sink, runtime.context.turn
        sink.enter(Stage.GENERATION)
        said = state["messages"]
        messages = [
            Message(
                role="system",
                content=instruct(state["agent"], state.get("sections", ())),
            ),
            *tell([*(said or turn.history)]),
            Message(role="user", content=turn.message),
        ]
        answer = await self._model.answer(messages, sink.say, max_chars=_MAX_CHARS)
        sink.finish(answer.reason)
        return State(messages=_add(said, turn, answer.text, is_partial=False))


def said_in(values: Mapping[str, Any]) -> list[Said]:
    """Return what was said, out of the state that is kept of a session."""
    said: list[Said] = values.get("messages", [])
    return said


def _thread(session: UUID) -> RunnableConfig:
    return RunnableConfig(configurable={"thread_id": str(session)})


async def _route(state: State) -> Literal["retrieve", "generate"]:
    # A plain function would be run in a thread.
    return "retrieve" if state["agent"] is Agent.RETRIEVAL else "generate"


def _add(
    said: Sequence[Said], turn: Turn, answer: str, *, is_partial: bool
) -> list[Said]:
    """Return what a turn adds; a history counts where nothing was said before."""
    before = [] if said else turn.history
    return [*before, *make_turn(turn.id, turn.message, answer, is_partial=is_partial)]
