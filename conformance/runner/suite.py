"""What can be judged: requirements, their checks, and the probes that gather for them.

One value, handed to what plans, runs or lists. `built_in_suite` is the only place
where the catalogue, the checks and the probes meet. Pure.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from ..catalogue import requirements
from ..checks import CHECKS, Check
from ..errors import CatalogueError
from ..model import Requirement
from ..probes import PROBES, Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Requirements in the order of reports, checks by requirement id, probes by name.

    Raises `CatalogueError` unless they fit together: a requirement without its check
    is a defect of the suite, found before a run.
    """

    requirements: tuple[Requirement, ...]
    checks: Mapping[str, Check]
    probes: Mapping[str, Probe]

    def __post_init__(self) -> None:
        judged = {r.id for r in self.requirements if not r.excluded}
        checked = set(self.checks)
        problems = [f"no check for {each}" for each in sorted(judged - checked)]
        problems += [f"no requirement for {each}" for each in sorted(checked - judged)]
        for requirement in self.requirements:
            unknown = sorted(set(requirement.probes) - set(self.probes))
            problems += [f"{requirement.id}: no probe {each!r}" for each in unknown]
            if not requirement.probes and not requirement.excluded:
                problems.append(f"{requirement.id}: names no probe")
        if problems:
            raise CatalogueError("; ".join(problems))


@functools.cache
def built_in_suite() -> Suite:
    """Return everything that this package can judge.

    Raises `CatalogueError` where its parts do not fit together.
    """
    return Suite(requirements=requirements(), checks=CHECKS, probes=PROBES)
