"""`script.locate`: the line of everything that TOML can spell."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streamproof import fakes
from streamproof.fakes.script.locate import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = '''\
# [scripts.no] in a comment
[scripts.slow]  # a table
say = [
  { kind = "think", tokens = 5 }, # x ]
  { text = """a "quoted"
]b""" },
  {tokens=20},
]
delay = { first_ms = 200, each_ms = 50 }
hold = [{ at = 'to]ken', after = 2 }]
[scripts."two words".stall]
x.'y z' = 1979-05-27 07:32:00
"\\u0061" = \'\'\'
it's\'\'\'

[[rules]]
match = { model = "x" }
scripts = ["slow",
  { say = [ [ 1 ], [ 2 ] ] },
  "slo"]
[[rules]]
scripts = [ ]
[rules.match]
model = "\\"=]"
[[rules.more]]
[[rules.more]]
end = true'''


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("scripts",), 2),
        (("scripts", "slow", "say"), 3),
        (("scripts", "slow", "say", 0, "tokens"), 4),
        (("scripts", "slow", "say", 1, "text"), 5),
        (("scripts", "slow", "say", 2), 7),
        (("scripts", "slow", "delay", "each_ms"), 9),
        (("scripts", "slow", "hold", 0, "after"), 10),
        (("scripts", "two words", "stall", "x", "y z"), 12),
        (("scripts", "two words", "stall", "a"), 13),
        (("rules",), 16),
        (("rules", 0), 16),
        (("rules", 0, "scripts", 1, "say", 1, 0), 19),
        (("rules", 0, "scripts", 2), 20),
        (("rules", 1), 21),
        (("rules", 1, "match", "model"), 24),
        (("rules", 1, "more", 0), 25),
        (("rules", 1, "more", 1, "end"), 27),
    ],
)
def test_a_key_is_found_on_its_line(place: tuple[str | int, ...], line: int) -> None:
    assert line_of(DOCUMENT, place) == line


def test_what_is_missing_is_found_where_it_should_be() -> None:
    assert line_of(DOCUMENT, ("rules", 0, "match", "prompt")) == 17
    assert line_of(DOCUMENT, ("rules", 7, "match")) == 16
    assert line_of(DOCUMENT, ("other",)) is None
    assert line_of("", ("a",)) is None


def test_a_key_that_only_toml_can_escape_is_found_by_its_table() -> None:
    assert line_of('a = 1\n[t]\n"\\U0001F600" = 1\n', ("t", "\U0001f600")) == 2


def places_of(value: object, place: tuple[str | int, ...] = ()) -> Iterator[object]:
    """Go through a document's every key and element."""
    if isinstance(value, dict):
        pairs: list[tuple[str | int, object]] = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    else:
        return
    for key, inner in pairs:
        yield (*place, key)
        yield from places_of(inner, (*place, key))


def test_every_place_of_the_sample_in_the_manual_is_found() -> None:
    page = (Path(fakes.__file__).parent / "README.md").read_text("utf-8")
    sample = page.partition("```toml\n")[2].partition("```")[0]
    lines = sample.splitlines()
    places = [
        place
        for place in places_of(json.loads(json.dumps(tomllib.loads(sample))))
        if isinstance(place, tuple)
    ]

    assert len(places) > 20
    for place in places:
        line = line_of(sample, place)
        assert line is not None
        key = [part for part in place if isinstance(part, str)][-1]
        start = line_of(sample, place[: place.index(key) + 1])
        assert start is not None
        assert any(key in text for text in lines[start - 1 : line])
