"""The wrong servers, by the topic of the requirement that they break."""

from types import ModuleType

from . import (
    auth,
    cancellation,
    chat,
    delivery,
    endpoints,
    errors,
    framing,
    headers,
    heartbeat,
    http,
    ids,
    lifecycle,
    limits,
    resume,
    vocabulary,
)

TOPICS = (
    auth,
    cancellation,
    chat,
    delivery,
    endpoints,
    errors,
    framing,
    headers,
    heartbeat,
    http,
    ids,
    lifecycle,
    limits,
    resume,
    vocabulary,
)

MUTANTS = tuple(mutant for topic in TOPICS for mutant in topic.MUTANTS)


def name_of(topic: ModuleType) -> str:
    """Return the topic that a module of wrong servers is about."""
    return topic.__name__.rpartition(".")[2]
