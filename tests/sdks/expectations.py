"""The SDKs under test, their pinned environments, and what each cell is to show.

`expected/<sdk>.toml` has a table per surface, and in it for every case a pair of texts:
what the client sees, and what the journal says. A table that says it is `like` one
before it says only where it differs. `requirements/<sdk>.txt` pins every
package of its environment. It runs nothing.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

HERE = Path(__file__).parent


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sdk:
    """A client library in an environment of its own.

    Args:
        name: The name of its environment, its pins and its expectations.
        driver: The module that drives it.
        package: What it is called on the index.
        carried_by: Packages whose versions matter to what is seen.
    """

    name: str
    driver: str
    package: str
    carried_by: tuple[str, ...]


SDKS = (
    Sdk(name="openai-3", driver="openai", package="openai", carried_by=("httpx2",)),
    Sdk(name="openai-2", driver="openai", package="openai", carried_by=("httpx",)),
    Sdk(
        name="anthropic",
        driver="anthropic",
        package="anthropic",
        carried_by=("httpx2",),
    ),
    Sdk(
        name="google-genai",
        driver="google_genai",
        package="google-genai",
        carried_by=("httpx2", "tenacity"),
    ),
    Sdk(name="ollama", driver="ollama", package="ollama", carried_by=("httpx",)),
    Sdk(
        name="langchain-openai",
        driver="langchain_openai",
        package="langchain-openai",
        carried_by=("langchain-core", "openai"),
    ),
    Sdk(
        name="langchain-anthropic",
        driver="langchain_anthropic",
        package="langchain-anthropic",
        carried_by=("langchain-core", "anthropic"),
    ),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a cell shows: to the client, and in the journal."""

    seen: str
    journal: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CellId:
    """Where a cell stands in the matrix."""

    sdk: str
    surface: str
    case: str

    def __str__(self) -> str:
        return f"{self.sdk}.{self.surface}.{self.case}"


def normalised(package: str) -> str:
    """Spell a package's name as the index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", package).lower()


def pins(sdk: Sdk) -> dict[str, str]:
    """Read the version of every package of an environment."""
    lines = (HERE / "requirements" / f"{sdk.name}.txt").read_text("utf-8").split()
    pairs = (line.split("==") for line in lines)
    return {normalised(package): version for package, version in pairs}


def expected(sdk: Sdk) -> dict[CellId, Outcome]:
    """Read what an SDK is to show, surface by surface and case by case."""
    text = (HERE / "expected" / f"{sdk.name}.toml").read_text("utf-8")
    surfaces: dict[str, dict[str, list[str]]] = {}
    for surface, table in tomllib.loads(text).items():
        surfaces[surface] = surfaces[table.pop("like")] if "like" in table else {}
        surfaces[surface] = {**surfaces[surface], **table}
    return {
        CellId(sdk=sdk.name, surface=surface, case=case): Outcome(
            seen=seen, journal=journal
        )
        for surface, pairs in surfaces.items()
        for case, (seen, journal) in pairs.items()
    }
