"""The modules of the packages, and what they import, read without running them."""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import TYPE_CHECKING

import grimp

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PACKAGES = ("conformance", "fakes", "loadtests", "reference_server")


def module_paths() -> list[Path]:
    """Return every module that is installed, relative to the root."""
    return sorted(
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if "benchmarks" not in path.parts
    )


def benchmark_paths() -> list[Path]:
    """Return every benchmark, relative to the root; they are not installed."""
    folder = ROOT / "loadtests" / "benchmarks"
    return sorted(path.relative_to(ROOT) for path in folder.rglob("*.py"))


def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a module, named relative to the root."""
    return ast.parse((ROOT / path).read_text("utf-8"))


def absolute_imports(tree: ast.AST) -> Iterator[str]:
    """Yield what a module imports by absolute name: `a.b` for `from a import b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@functools.cache
def imports_at_run_time() -> dict[Path, set[Path]]:
    """Return which of the modules import which, those for annotations left out."""
    graph = grimp.build_graph(
        "streamproof", exclude_type_checking_imports=True, cache_dir=None
    )
    paths = {_name_of(path): path for path in module_paths()}
    return {
        path: {
            paths[found]
            for found in graph.find_modules_directly_imported_by(name)
            if found in paths
        }
        for name, path in paths.items()
    }


def _name_of(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(("streamproof", *parts)).removesuffix(".__init__")
