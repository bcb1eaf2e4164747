"""Only its folder and its registration name a dialect (design.md, invariant 9)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVER = Path(__file__).parents[2] / "reference_server"
DIALECTS = SERVER / "dialects"
NAMES = sorted(path.parent.name for path in DIALECTS.glob("*/__init__.py"))
REGISTRATION = DIALECTS / "__init__.py"
NEUTRAL = sorted(
    path
    for path in SERVER.rglob("*.py")
    if path != REGISTRATION and path.relative_to(SERVER).parts[0] != "dialects"
)


def words_of(tree: ast.AST) -> Iterator[str]:
    """Names, attributes, imported modules and text of a module, but for its prose."""
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        )
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.arg(arg=word):
                yield word
            case ast.keyword(arg=str(word)):
                yield word
            case ast.ImportFrom(module=str(word)) | ast.alias(name=word):
                yield from word.split(".")
            case ast.FunctionDef(name=word) | ast.ClassDef(name=word):
                yield word
            case ast.Constant(value=str(text)) if id(node) not in prose:
                yield text


def named_in(path: Path, names: list[str]) -> set[str]:
    words = set(words_of(ast.parse(path.read_text("utf-8"))))
    return {name for name in names if name in words}


def test_there_are_dialects() -> None:
    assert NAMES


@pytest.mark.parametrize(
    "path", NEUTRAL, ids=lambda path: str(path.relative_to(SERVER))
)
def test_no_other_module_names_a_dialect(path: Path) -> None:
    assert named_in(path, NAMES) == set()


@pytest.mark.parametrize("name", NAMES)
def test_no_dialect_names_another(name: str) -> None:
    others = [other for other in NAMES if other != name]

    for path in (DIALECTS / name).rglob("*.py"):
        assert named_in(path, others) == set()


@pytest.mark.parametrize(
    "code",
    [
        "from .dialects.toy import create",
        "from .dialects import toy",
        "import streamproof.reference_server.dialects.toy",
        "if run.identity.dialect == 'toy': pass",
        "toy = 1",
        "f(toy=1)",
        "def toy(): pass",
    ],
)
def test_a_module_that_names_one_is_found(tmp_path: Path, code: str) -> None:
    path = tmp_path / "app.py"
    path.write_text(f'"""Serves toy and others."""\n{code}\n')

    assert named_in(path, ["toy"]) == {"toy"}


def test_prose_may_name_one(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text('"""toy"""\ndef f():\n    """toy"""\n    # toy\n')

    assert named_in(path, ["toy"]) == set()
