"""Profile and filters in, what to probe and what to judge out. Pure."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import UsageError
from ..model import Level, Requirement
from ..profiles import Profile, is_declared
from .suite import Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the user asked for; empty means everything.

    `only` holds requirement ids or shell patterns such as `resume.*`.
    """

    only: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    levels: tuple[Level, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one run does.

    `selected` are all requirements to report on; `undeclared` tells for some of them
    which capability the profile does not declare (they are inapplicable); `probes`
    are the names of the interactions that the others need.
    """

    profile: Profile
    selected: tuple[Requirement, ...]
    undeclared: Mapping[str, str]
    probes: tuple[str, ...]


def make_plan(suite: Suite, profile: Profile, filters: Filters) -> Plan:
    """Choose requirements and the probes they need, in catalogue order.

    Raises `UsageError` for a filter that selects nothing.
    """
    selected = select(suite.requirements, filters)
    undeclared = {}
    probes: dict[str, None] = {}
    for requirement in selected:
        usable = [
            probe
            for probe in requirement.probes
            if not _missing(profile, suite.probes[probe].needs)
        ]
        needs = list(requirement.needs)
        if not usable:
            needs += suite.probes[requirement.probes[0]].needs
        missing = _missing(profile, needs)
        if missing:
            undeclared[requirement.id] = missing
        else:
            probes.update(dict.fromkeys(usable))
    return Plan(
        profile=profile,
        selected=selected,
        undeclared=undeclared,
        probes=tuple(probes),
    )


def select(
    requirements: Sequence[Requirement], filters: Filters
) -> tuple[Requirement, ...]:
    """Return what the filters leave of the requirements that are not excluded.

    Raises `UsageError` for a filter that names nothing, or if nothing is left.
    """
    ids = [r.id for r in requirements]
    topics = sorted({r.topic for r in requirements})
    for pattern in filters.only:
        if not fnmatch.filter(ids, pattern):
            raise UsageError(_unknown("requirement", pattern, ids))
    for topic in filters.topics:
        if topic not in topics:
            raise UsageError(_unknown("topic", topic, topics))
    selected = tuple(
        r
        for r in requirements
        if not r.excluded
        and (not filters.only or any(fnmatch.fnmatch(r.id, p) for p in filters.only))
        and (not filters.topics or r.topic in filters.topics)
        and (not filters.levels or r.level in filters.levels)
    )
    if not selected:
        raise UsageError("the filters together select no requirement")
    return selected


def _unknown(kind: str, got: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(got, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "see `streamproof list`"
    return f"unknown {kind} {got!r}; {hint}"


def _missing(profile: Profile, needs: Iterable[str]) -> str:
    """Return the first capability that the profile does not declare, or nothing."""
    return next((need for need in needs if not is_declared(profile, need)), "")
