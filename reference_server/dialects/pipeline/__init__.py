"""Dialect `pipeline`: fourteen nodes, each a model call, told as state deltas."""

from .dialect import create_pipeline

__all__ = ["create_pipeline"]
