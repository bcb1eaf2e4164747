"""The stages of a run, as the protocol calls them.

Data only.
"""

from enum import StrEnum


class Stage(StrEnum):
    """What a run is doing."""

    SUPERVISOR = "supervisor"
    RETRIEVAL = "retrieval"
    RERANKING = "reranking"
    GENERATION = "generation"
