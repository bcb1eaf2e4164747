"""Who answers, and what the model is told to be."""

import pytest

from streamproof.reference_server.dialects.chat.agents import (
    Agent,
    choose_agent,
    instruct,
)
from streamproof.reference_server.dialects.chat.corpus import Section


@pytest.mark.parametrize(
    ("answer", "agent"),
    [
        ("support", Agent.SUPPORT),
        ("smalltalk", Agent.SMALLTALK),
        ("Support.", Agent.SUPPORT),
        ("I name: SMALLTALK\n", Agent.SMALLTALK),
        ("smalltalk, not support", Agent.SMALLTALK),
        ("emotional-support", Agent.SUPPORT),
        ("retrieval", Agent.RETRIEVAL),
        ("", Agent.RETRIEVAL),
        ("supportive", Agent.RETRIEVAL),
        ("unsupported", Agent.RETRIEVAL),
        ("small talk", Agent.RETRIEVAL),
        ("smalltalks", Agent.RETRIEVAL),
        ("cardiology", Agent.RETRIEVAL),
    ],
)
def test_an_agent_is_a_whole_word_in_any_case(answer: str, agent: Agent) -> None:
    assert choose_agent(answer) is agent


@pytest.mark.parametrize("agent", Agent)
def test_the_sections_are_quoted_behind_what_the_agent_is(agent: Agent) -> None:
    sections = [Section("Sleep", "Naps", "Short ones."), Section("Tea", "Mint", "Hot.")]

    told = instruct(agent, sections)

    assert told.startswith(instruct(agent, []))
    assert told.endswith("\n\nSleep, Naps: Short ones.\n\nTea, Mint: Hot.")


def test_agents_are_told_to_be_different() -> None:
    assert len({instruct(agent, []) for agent in Agent}) == 3
