"""Dialect `draft`: a user watches a cited document draft being written."""

from .dialect import create_draft

__all__ = ["create_draft"]
