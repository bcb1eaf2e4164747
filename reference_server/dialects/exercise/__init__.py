"""Dialect `exercise`: a clinician watches an exercise programme being generated."""

from .dialect import create_exercise

__all__ = ["create_exercise"]
