"""Dialects: one folder each, with all that is particular to one protocol.

This is where they are registered, and the only module outside of its folder that names
one. Each folder has a function that makes its `Dialect` out of `Resources`.
"""

from collections.abc import Callable
from typing import Any

from ..streams.dialect import Dialect, Resources
from .chat import create_chat
from .draft import create_draft
from .exercise import create_exercise
from .pipeline import create_pipeline
from .story import create_story

DialectMaker = Callable[[Resources], Dialect[Any, Any]]

DIALECTS: tuple[DialectMaker, ...] = (
    create_pipeline,
    create_exercise,
    create_chat,
    create_draft,
    create_story,
)

__all__ = ["DIALECTS", "DialectMaker"]
