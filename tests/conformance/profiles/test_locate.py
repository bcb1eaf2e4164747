"""Finding the line of a key in TOML text."""

from __future__ import annotations

import pytest

from streamproof.conformance.profiles.locate import line_of

TEXT = """\
name = "x"
a.b = 1

[endpoint]  # how
path = "/x"
body = { prompt = "p" }

[[endpoint.invalid]]
name = "first"

[[endpoint.invalid]]
name = "second"
  status = 4

[endpoint.invalid.more]
deep = 1

["quoted.name".'x y']
"the key" = 1
values = [
  "name", "path",
]
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 1),
        (("a", "b"), 2),
        (("endpoint",), 4),
        (("endpoint", "path"), 5),
        (("endpoint", "body", "prompt"), 6),
        (("endpoint", "invalid", 0), 8),
        (("endpoint", "invalid", 0, "name"), 9),
        (("endpoint", "invalid", 1, "name"), 12),
        (("endpoint", "invalid", 1, "status"), 13),
        (("endpoint", "invalid", 1, "more", "deep"), 16),
        (("quoted.name", "x y", "the key"), 19),
        (("quoted.name", "x y", "values", 1), 20),
        # A missing key is missing in its parent.
        (("endpoint", "method"), 4),
        (("endpoint", "invalid", 1, "code"), 11),
        (("nothing",), None),
        ((), None),
    ],
)
def test_the_line_is_that_of_the_key_or_its_nearest_parent(
    path: tuple[str | int, ...], line: int | None
) -> None:
    assert line_of(TEXT, path) == line
