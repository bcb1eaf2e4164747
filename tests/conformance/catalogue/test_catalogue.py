"""The catalogue as data: well-formed, sourced, and short to read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from streamproof.conformance import catalogue
from streamproof.conformance.errors import CatalogueError
from streamproof.conformance.model import Level, Requirement
from streamproof.conformance.profiles import CAPABILITIES

ALL = catalogue.requirements()
RIGHT = """
[[requirement]]
id = "topic.rule"
level = "MUST"
rule = "A rule."
source = "here"
remedy = "Keep it."
probes = ["complete"]
"""


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Forget what a test made the catalogue read."""
    catalogue.requirements.cache_clear()
    yield
    catalogue.requirements.cache_clear()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the catalogue read another folder."""
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    return tmp_path


@pytest.mark.parametrize("requirement", ALL, ids=lambda r: r.id)
def test_a_requirement_says_what_a_stranger_needs(requirement: Requirement) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*", requirement.id)
    assert re.fullmatch(r"[A-Z].*\.", requirement.rule)
    assert requirement.remedy
    assert len(requirement.quote.split()) <= 15
    assert set(requirement.needs) <= CAPABILITIES
    assert bool(requirement.probes) is not bool(requirement.excluded)
    assert len(set(requirement.probes)) == len(requirement.probes)


@pytest.mark.parametrize("requirement", ALL, ids=lambda r: r.id)
def test_the_source_of_a_requirement_can_be_looked_up(requirement: Requirement) -> None:
    known = (
        "https://html.spec.whatwg.org/multipage/",
        "https://www.rfc-editor.org/rfc/rfc",
        "protocols/",
        "sse/rules.md, ",
        "failure-modes.md, ",
        "the protocol page that the profile names",
    )

    assert requirement.source.startswith(known)
    if requirement.source.startswith("https://"):
        assert "#" in requirement.source


def test_requirements_come_by_topic_in_the_order_of_their_files(folder: Path) -> None:
    second = RIGHT.replace("topic.rule", "b.first") + RIGHT.replace(
        "topic.rule", "b.again"
    )
    (folder / "b.toml").write_text(second, "utf-8")
    (folder / "a.toml").write_text(RIGHT.replace("topic.rule", "a.only"), "utf-8")
    (folder / "notes.txt").write_text("not a topic", "utf-8")

    assert [r.id for r in catalogue.requirements()] == ["a.only", "b.first", "b.again"]
    assert catalogue.requirements()[0].level is Level.MUST
    assert catalogue.requirements()[0].topic == "a"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (RIGHT.replace("MUST", "MAY"), r"topic\.toml: .*level"),
        (RIGHT.replace('rule = "A rule."\n', ""), r"topic\.toml: .*rule"),
        (RIGHT.replace("topic.rule", "other.rule"), r"starts with 'topic\.'"),
        (RIGHT + RIGHT, r"got twice: topic\.rule"),
    ],
)
def test_a_malformed_file_is_a_defect_of_the_suite(
    folder: Path, text: str, message: str
) -> None:
    (folder / "topic.toml").write_text(text, "utf-8")

    with pytest.raises(CatalogueError, match=re.compile(message, re.DOTALL)):
        catalogue.requirements()
