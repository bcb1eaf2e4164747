"""What stands behind an exception group: task groups wrap what went wrong. Pure."""

from __future__ import annotations


def cause_of(problem: Exception) -> Exception:
    """Return the first exception inside a group, however nested; any other as it is."""
    while isinstance(problem, ExceptionGroup):
        problem = problem.exceptions[0]
    return problem
