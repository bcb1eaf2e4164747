"""Dialect `story`: a chapter for a child, streamed to a browser's EventSource."""

from .dialect import create_story

__all__ = ["create_story"]
