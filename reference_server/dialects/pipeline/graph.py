"""The generation pipeline as a LangGraph graph: fourteen nodes, one after the other.

It must not know how events look or who reads them: nodes report to a `Sink`. Tokens go
to the sink directly, because LangGraph's own stream modes put a queue and a second task
between a token and its reader. The graph is compiled once, at the start of the server.

Cancelling: `Pipeline.run` must be awaited in an asyncio task of its own that is
cancelled once with `task.cancel()`. A cancel scope of anyio, or cancelling again and
again, kills LangGraph's clean-up task before it has run, and the nodes live on
(langgraph issue 5682).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Protocol, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from ...models.client import ModelClient
from ...models.provider import Message
from .nodes import NODES, Node

# Entering a graph costs about 1 ms of processor time. One at a time leaves the event
# loop free in between, so that a burst of new streams still gets its first events.
_STARTING_AT_ONCE = 1

# Answers of all nodes together: each one is sent to the model again with every call
# that follows. Some 60 000 tokens, far above what the nodes are asked for. A run holds
# them, the last message and the last request: 1 MiB, or 5 MiB of nothing but emoji.
_MAX_CHARS = 256 * 1024


class Sink(Protocol):
    """What the nodes report to."""

    def enter_node(self) -> None:
        """Go on to the next node."""

    def say(self, text: str) -> None:
        """Take a piece of the model's answer."""

    def complete_node(self, output: str) -> None:
        """Take the whole answer."""


def _merge(left: dict[str, str], right: dict[str, str]) -> dict[str, str]:
    return {**left, **right}


class State(TypedDict):
    """What the nodes hand on: the user's prompt and each node's output so far."""

    prompt: str
    outputs: Annotated[dict[str, str], _merge]


class Update(TypedDict):
    """What one node adds."""

    outputs: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What belongs to one run and is no state."""

    sink: Sink
    on_started: Callable[[], None]


_Builder = StateGraph[State, Context, State, State]
_Graph = CompiledStateGraph[State, Context, State, State]


class Pipeline:
    """The compiled graph and the model that its nodes call."""

    def __init__(self, model: ModelClient) -> None:
        self._graph = _compile(model)
        self._starting = asyncio.Semaphore(_STARTING_AT_ONCE)

    async def run(self, prompt: str, sink: Sink) -> None:
        """Work through all nodes; the sink has entered the first one already.

        Raises:
            ModelError: the model failed in one of the nodes.
        """
        await self._starting.acquire()
        release = _once(self._starting.release)
        try:
            await self._graph.ainvoke(
                State(prompt=prompt, outputs={}),
                context=Context(sink=sink, on_started=release),
            )
        finally:
            release()


def _once(action: Callable[[], None]) -> Callable[[], None]:
    pending = [action]

    def run_pending() -> None:
        if pending:
            pending.pop()()

    return run_pending


def _compile(model: ModelClient) -> _Graph:
    builder = StateGraph(State, context_schema=Context)
    previous = START
    for node in NODES:
        _add_node(builder, node, model)
        builder.add_edge(previous, node.name)
        previous = node.name
    builder.add_edge(previous, END)
    return builder.compile()


def _add_node(builder: _Builder, node: Node, model: ModelClient) -> None:
    async def work(state: State, *, runtime: Runtime[Context]) -> Update:
        context = runtime.context
        if node is NODES[0]:
            # Its first event was sent before the graph was touched.
            context.on_started()
        else:
            context.sink.enter_node()
        answer = await model.answer(
            _messages(node, state),
            context.sink.say,
            max_chars=_MAX_CHARS - sum(map(len, state["outputs"].values())),
        )
        output = answer.whole_text()
        context.sink.complete_node(output)
        return Update(outputs={node.name: output})

    builder.add_node(node.name, work)


def _messages(node: Node, state: State) -> list[Message]:
    # The user's words stand alone in their own message, unchanged.
    return [
        Message(role="system", content=_instruction(node, state["outputs"])),
        Message(role="user", content=state["prompt"]),
    ]


def _instruction(node: Node, outputs: dict[str, str]) -> str:
    parts = [f"You are the step {node.name!r} of an item writing pipeline. {node.task}"]
    parts += [f"Output of {name}:\n{output}" for name, output in outputs.items()]
    return "\n\n".join(parts)
