"""What a check is, and where every check is found by the id of its requirement.

Holds no rule itself. Topic modules import this module, never the package, so that the
package can import all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..errors import CatalogueError
from ..model import Evidence, Finding
from ..profiles import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One measured value in seconds, reported whether or not it was in bounds."""

    seconds: float


Check = Callable[[Evidence, Profile], Iterable[Finding | Sample]]
"""Judges one probe's evidence: no findings, passed. Pure; may raise `Untestable`."""

_CHECKS: dict[str, Check] = {}

CHECKS: Mapping[str, Check] = MappingProxyType(_CHECKS)
"""Every check by the id of its requirement; complete once the package is imported."""


def check(requirement: str) -> Callable[[Check], Check]:
    """Register a function as the check of the requirement with this id.

    Raises `CatalogueError` when the id already has a check.
    """

    def register(function: Check) -> Check:
        if requirement in _CHECKS:
            raise CatalogueError(f"expected one check for {requirement}, got two")
        _CHECKS[requirement] = function
        return function

    return register
