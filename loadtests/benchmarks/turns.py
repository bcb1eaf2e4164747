"""Contestants take turns in each round, so that a slow moment of the machine hits all.

Must not know what is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .contest import Case, ContestError
from .contestants import Contestant
from .standings import Series

__all__ = ["measure"]

Run = Callable[[Contestant, Case], Mapping[str, float]]


def measure(
    contestants: Sequence[Contestant],
    case: Case,
    rounds: int,
    *,
    run: Run,
    say: Callable[[str], None],
) -> list[Series]:
    """Run every contestant in each round; one that fails is left out from then on."""
    figures: dict[str, list[Mapping[str, float]]] = {c.name: [] for c in contestants}
    failures: dict[str, str] = {}
    for number in range(rounds):
        for contestant in contestants:
            if contestant.name in failures:
                continue
            say(f"{case.name}, round {number + 1} of {rounds}: {contestant.name}")
            try:
                figures[contestant.name].append(run(contestant, case))
            except ContestError as error:
                failures[contestant.name] = str(error)
    return [
        Series(case=case.name, contestant=name, rounds=each, failure=failures.get(name))
        for name, each in figures.items()
    ]
