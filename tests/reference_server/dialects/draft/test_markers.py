"""Markers in text that arrives in pieces of any size."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproof.reference_server.dialects.draft.markers import MarkerReader

# Much of it is nearly a marker.
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(["[", "]", "0", "1", "12", "9999", "10000", "[[", "[7]", "٣"]),
        st.integers(0, 20_000).map(lambda n: f"[{n}]"),
        st.text(max_size=3),
    ),
    max_size=30,
).map("".join)


def read(*pieces: str) -> list[tuple[str, int | None]]:
    reader = MarkerReader()
    return [part for piece in pieces for part in reader.feed(piece)]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("no marker", []),
        ("[1]", [1]),
        ("a[2]b[13]c", [2, 13]),
        ("[9999]", [9999]),
        ("[10000]", []),
        ("[0] [01] [] [ 1] [1 ] [x] [-1] [1.5]", []),
        ("[٣]", []),
        ("[1[2]", [2]),
        ("[[3]]", [3]),
        ("[1][1]", [1, 1]),
        ("\\[4] `[5]` [6](link)", [4, 5, 6]),
        ("[12345]6]", []),
    ],
)
def test_what_is_a_marker(text: str, numbers: list[int]) -> None:
    whole = [number for _, number in read(text) if number is not None]
    split = [number for _, number in read(*text) if number is not None]

    assert whole == numbers
    assert split == numbers


def test_the_text_is_parted_behind_each_marker() -> None:
    parts = read("see [1", "]", " and [2][3] there", " [")

    assert parts == [
        ("see [1", None),
        ("]", 1),
        (" and [2]", 2),
        ("[3]", 3),
        (" there", None),
        (" [", None),
    ]


def test_a_piece_of_nothing_is_nothing() -> None:
    assert read("", "[1", "", "]", "") == [("[1", None), ("]", 1)]


@given(TEXTS, st.data())
def test_any_split_has_the_text_and_the_markers_of_the_whole(
    text: str, data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=20).map(sorted))
    ends = [*cuts, len(text)]
    starts = [0, *cuts]

    parts = read(*(text[a:b] for a, b in zip(starts, ends, strict=True)))

    assert "".join(part for part, _ in parts) == text
    # By another way: each marker ends where the text so far ends in one.
    expected = [int(m) for m in re.findall(r"\[([1-9][0-9]{0,3})\]", text)]
    assert [number for _, number in parts if number is not None] == expected
    so_far = ""
    for part, number in parts:
        so_far += part
        assert part
        assert number is None or so_far.endswith(f"[{number}]")
