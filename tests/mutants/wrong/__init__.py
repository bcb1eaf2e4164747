"""The wrong servers, by the topic of the requirement that they break, or by dialect."""

from types import ModuleType

from . import (
    auth,
    cancellation,
    chat,
    delivery,
    drafts,
    endpoints,
    errors,
    exercise,
    framing,
    headers,
    heartbeat,
    http,
    ids,
    lifecycle,
    limits,
    resume,
    story,
    vocabulary,
)

TOPICS = (
    auth,
    cancellation,
    chat,
    delivery,
    drafts,
    endpoints,
    errors,
    exercise,
    framing,
    headers,
    heartbeat,
    http,
    ids,
    lifecycle,
    limits,
    resume,
    story,
    vocabulary,
)

MUTANTS = tuple(mutant for topic in TOPICS for mutant in topic.MUTANTS)


def name_of(topic: ModuleType) -> str:
    """Return the topic that a module of wrong servers is about."""
    return topic.__name__.rpartition(".")[2]
