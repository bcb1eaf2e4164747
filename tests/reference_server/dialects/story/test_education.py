"""What can be learned from a story."""

from __future__ import annotations

import pytest

from streamproof.reference_server.dialects.story.education import Education


@pytest.mark.parametrize(
    ("story", "elements"),
    [
        ("A rocket flew to the moon and a planet.", ["science"]),
        ("The friends shared a gift: two friends.", ["friendship", "kindness"]),
        ("", []),
        ("Xyzzy plugh.", []),
    ],
)
def test_elements_are_found_by_their_words(story: str, elements: list[str]) -> None:
    found = Education().find(story)

    assert [name for name in elements if name not in found] == []
    assert bool(found) == bool(elements)


def test_three_are_told_at_most_the_best_first() -> None:
    story = "The brave fox, brave and afraid, sang a song to the moon by the river."

    found = Education().find(story)

    assert len(found) == 3
    assert found[0] == "courage"


def test_it_is_the_same_every_time() -> None:
    story = "A bird, a boat, a song, a star, a tree, a friend."

    assert Education().find(story) == Education().find(story)
