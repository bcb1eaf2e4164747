"""Every format in which a report can be written to a file: the one list of them.

A new line here is a new option of the command line and a new file in a report folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..runner.result import RunResult
from .json_report import to_json
from .junit import to_junit


@dataclass(frozen=True, slots=True)
class Format:
    """What a format is called, how its files end, and the text of a report in it."""

    title: str
    suffix: str
    to_text: Callable[[RunResult], str]


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "json": Format("JSON", ".json", to_json),
        "junit": Format("JUnit", ".xml", to_junit),
    }
)
"""Every format by the name of its option."""
