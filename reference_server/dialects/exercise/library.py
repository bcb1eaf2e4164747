"""Which exercises fit a request: found by words, then mixed.

Pure. The order of the first step is how well they fit; the second takes care that a
programme is more than variants of one movement.
"""

from collections import Counter
from collections.abc import Sequence

from ...retrieval import Index
from .corpus import Exercise

_AT_MOST = 8
_OF_ONE_PATTERN = 2


class Library:
    """Exercises that can be searched.

    Args:
        exercises: one at least.
    """

    def __init__(self, exercises: Sequence[Exercise]) -> None:
        self._exercises = tuple(exercises)
        self._index = Index([_text_of(exercise) for exercise in exercises])

    def find(self, prompt: str) -> list[Exercise]:
        """Return what fits best, eight at most and two of a pattern; perhaps none."""
        taken: Counter[str] = Counter()
        found = []
        for place in self._index.search(prompt):
            exercise = self._exercises[place]
            if taken[exercise.pattern] < _OF_ONE_PATTERN:
                taken[exercise.pattern] += 1
                found.append(exercise)
        return found[:_AT_MOST]


def _text_of(exercise: Exercise) -> str:
    what = f"{exercise.name} {exercise.pattern} {exercise.equipment}"
    return f"{what} {exercise.region} {exercise.helps}"
