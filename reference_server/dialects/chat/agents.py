"""Who answers: named by the supervisor, and what the model is told to be.

Pure.
"""

import re
from collections.abc import Sequence
from enum import StrEnum

from .corpus import Section


class Agent(StrEnum):
    """One way to answer; only the first looks something up."""

    RETRIEVAL = "retrieval"
    SUPPORT = "support"
    SMALLTALK = "smalltalk"


_WITHOUT_RETRIEVAL = re.compile(r"\b(support|smalltalk)\b", re.IGNORECASE)

SUPERVISOR = """\
You decide who answers a user of a medical chatbot. Answer with one word and nothing
else: "support" for a user who needs comfort, "smalltalk" for a greeting, thanks or a
chat about nothing medical, "retrieval" for everything else."""

_AGENTS = {
    Agent.RETRIEVAL: """\
You answer questions about health in general, in plain words. Use what is quoted here,
say so when it does not answer the question, and say when to see a doctor. You do not
diagnose.""",
    Agent.SUPPORT: """\
You comfort a user of a medical chatbot. Listen, take the feeling seriously, and offer
no diagnosis. Name an emergency number to a user who may be in danger.""",
    Agent.SMALLTALK: """\
You are the friendly voice of a medical chatbot. Answer shortly.""",
}


def choose_agent(answer: str) -> Agent:
    """Return the agent that the supervisor names; without a name it is retrieval."""
    named = _WITHOUT_RETRIEVAL.search(answer)
    return Agent(named[1].lower()) if named else Agent.RETRIEVAL


def instruct(agent: Agent, sections: Sequence[Section]) -> str:
    """Return what the model is told before the conversation."""
    quoted = [f"{s.document}, {s.heading}: {s.text}" for s in sections]
    return "\n\n".join([_AGENTS[agent], *quoted])
