"""Threads that are open: the state of a graph from run to run."""

from __future__ import annotations

import json
import operator
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.channels import UntrackedValue
from langgraph.graph import END, START, StateGraph

from streamproof.reference_server.dialects.chat.threads import Threads, values_in


class State(TypedDict, total=False):
    """What is said, and a word that is of one run."""

    said: Annotated[list[str], operator.add]
    word: Annotated[str, UntrackedValue]


class BrokenError(Exception):
    """A node failed."""


async def listen(state: State) -> State:
    return State(said=[f"heard {state['word']}"])


async def repeat(state: State) -> State:
    if state["word"] == "broken":
        raise BrokenError
    return State(said=[f"said {state['word']}"])


def make_graph(threads: Threads) -> Any:  # noqa: ANN401 -- too long a name
    builder = StateGraph(State)
    builder.add_node("listen", listen)
    builder.add_node("repeat", repeat)
    builder.add_edge(START, "listen")
    builder.add_edge("listen", "repeat")
    builder.add_edge("repeat", END)
    return builder.compile(checkpointer=threads)


def config(thread: str) -> RunnableConfig:
    return RunnableConfig(configurable={"thread_id": thread})


async def run(threads: Threads, word: str, thread: str = "one") -> list[str]:
    graph = make_graph(threads)
    state = await graph.ainvoke(State(word=word), config(thread), durability="exit")
    said: list[str] = state["said"]
    return said


@pytest.fixture
def threads() -> Threads:
    """Two threads that are new."""
    threads = Threads()
    threads.open("one", None)
    threads.open("two", None)
    return threads


async def test_state_goes_on_from_run_to_run(threads: Threads) -> None:
    await run(threads, "a")

    said = await run(threads, "b")

    assert said == ["heard a", "said a", "heard b", "said b"]
    assert threads.values("one") == {"said": said}


async def test_threads_are_apart(threads: Threads) -> None:
    await run(threads, "a", "one")

    assert await run(threads, "b", "two") == ["heard b", "said b"]
    assert await run(threads, "c", "one") == ["heard a", "said a", "heard c", "said c"]


async def test_what_was_kept_of_a_thread_is_gone_on_from(threads: Threads) -> None:
    await run(threads, "a")

    kept = json.loads(json.dumps(threads.close("one")))
    later = Threads()
    later.open("one", kept)

    assert values_in(kept) == {"said": ["heard a", "said a"]}
    assert await run(later, "b") == ["heard a", "said a", "heard b", "said b"]


async def test_a_thread_that_is_closed_takes_no_more(threads: Threads) -> None:
    threads.close("one")

    said = await run(threads, "late")

    assert said == ["heard late", "said late"]
    assert "one" not in threads
    assert "two" in threads
    assert threads.values("one") == {}
    assert threads.close("one") is None


async def test_what_does_not_outlive_a_run_is_not_kept(threads: Threads) -> None:
    await run(threads, "SECRET")

    kept = threads.close("one")

    assert kept is not None
    assert "word" not in kept["checkpoint"]["channel_values"]


async def test_a_run_that_failed_is_not_gone_on_with(threads: Threads) -> None:
    await run(threads, "a")
    with pytest.raises(BrokenError):
        await run(threads, "broken")

    said = await run(threads, "b")

    assert said == ["heard a", "said a", "heard broken", "heard b", "said b"]


async def test_state_can_be_changed_between_runs(threads: Threads) -> None:
    graph = make_graph(threads)

    await graph.aupdate_state(config("one"), State(said=["added"]), as_node="repeat")

    assert threads.values("one") == {"said": ["added"]}
    assert await run(threads, "a") == ["added", "heard a", "said a"]
