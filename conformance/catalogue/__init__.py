"""The catalogue: every requirement, as data, one TOML file per topic.

Loading validates the form only; that each requirement has its check is the business
of `runner.plan`. Nothing here judges.
"""

from __future__ import annotations

import functools
import tomllib
from importlib import resources

from pydantic import TypeAdapter, ValidationError

from ..errors import CatalogueError
from ..model import Requirement

_ADAPTER = TypeAdapter(Requirement)


@functools.cache
def requirements() -> tuple[Requirement, ...]:
    """Return all requirements, topics in file-name order, each file in its own order.

    Raises `CatalogueError` for a file that is not a list of well-formed requirements.
    """
    found: list[Requirement] = []
    files = (
        f for f in resources.files(__package__).iterdir() if f.name.endswith(".toml")
    )
    for file in sorted(files, key=lambda f: f.name):
        topic = file.name.removesuffix(".toml")
        for entry in tomllib.loads(file.read_text("utf-8")).get("requirement", []):
            try:
                requirement = _ADAPTER.validate_python(entry)
            except ValidationError as problem:
                raise CatalogueError(f"{file.name}: {problem}") from problem
            if requirement.topic != topic:
                raise CatalogueError(
                    f"{file.name}: expected an id that starts with {topic + '.'!r}, "
                    f"got {requirement.id!r}"
                )
            found.append(requirement)
    ids = [requirement.id for requirement in found]
    if twice := sorted({each for each in ids if ids.count(each) > 1}):
        raise CatalogueError(f"expected unique ids, got twice: {', '.join(twice)}")
    return tuple(found)
