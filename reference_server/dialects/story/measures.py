"""What is told of a story beside its text, all of it derived from the text.

Pure and deterministic: the same story is always measured alike.
"""

import math
import re
from dataclasses import dataclass

from .education import Education

# What a child of eight reads aloud.
_WORDS_A_MINUTE = 120
# Mean letters of a word up to which a story is of this level.
_LEVELS = ((4.2, "beginner"), (5.0, "intermediate"))
_HIGHEST_LEVEL = "advanced"

_WORD = re.compile(r"[^\W\d_]+")
_CHOICE = re.compile(r"(?:[-*•]|[0-9]{1,2}[.)])[^\S\n]+(\S.*)")
_LEAST_CHOICES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """A story as a reading app files it; the reading time is in minutes."""

    reading_time: int
    vocabulary_level: str
    educational_elements: list[str]
    choices: list[str]
    choice_question: str


def measure(story: str, education: Education) -> Measures:
    """Return the measures of a story."""
    choices, question = _find_choices(story)
    return Measures(
        reading_time=max(1, math.ceil(len(story.split()) / _WORDS_A_MINUTE)),
        vocabulary_level=_find_level(story),
        educational_elements=education.find(story),
        choices=choices,
        choice_question=question,
    )


def _find_level(story: str) -> str:
    words = _WORD.findall(story)
    mean = sum(map(len, words)) / max(1, len(words))
    return next((name for most, name in _LEVELS if mean <= most), _HIGHEST_LEVEL)


def _find_choices(story: str) -> tuple[list[str], str]:
    """Return what a child may choose from, and the question that asks for it.

    They are the list of two lines or more that ends the story, and the line above it,
    which ends in a question mark; without all of that there is nothing to choose.
    """
    lines = [line.strip() for line in story.splitlines() if line.strip()]
    choices: list[str] = []
    while lines and (match := _CHOICE.fullmatch(lines[-1])):
        choices.append(match[1])
        lines.pop()
    if len(choices) < _LEAST_CHOICES or not lines or not lines[-1].endswith("?"):
        return [], ""
    return choices[::-1], lines[-1]
