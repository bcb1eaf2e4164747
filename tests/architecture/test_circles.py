"""No module imports, by way of others, itself: each can be read before its users."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

import grimp
import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet


def circle_in(imports: Mapping[str, AbstractSet[str]]) -> list[str]:
    """Return the modules of one circle, the first again at its end; none is []."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


@pytest.mark.parametrize(
    ("imports", "circle"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, set()),
        ({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}, {"a", "b", "c"}),
    ],
)
def test_a_circle_is_found_where_there_is_one(
    imports: Mapping[str, AbstractSet[str]], circle: AbstractSet[str]
) -> None:
    assert set(circle_in(imports)) == circle


# Imports for annotations alone count: what is read together belongs together.
def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph("streamproof", cache_dir=None)
    imports = {
        module: graph.find_modules_directly_imported_by(module)
        for module in graph.modules
    }

    assert len(imports) > 100
    assert circle_in(imports) == []
