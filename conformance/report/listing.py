"""Shows what the suite knows without running it: requirements, profiles. Pure.

Lines of plain text come out, so that they can be searched and piped.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping

from ..model import Requirement
from .escaping import one_paragraph

_LABEL_WIDTH = 9


def list_lines(
    requirements: Iterable[Requirement], undeclared: Mapping[str, str]
) -> Iterator[str]:
    """Yield a line per requirement: id, level, rule.

    `undeclared` tells for which ids the profile lacks which capability.
    """
    shown = list(requirements)
    width = max((len(requirement.id) for requirement in shown), default=0)
    for requirement in shown:
        note = ""
        if capability := undeclared.get(requirement.id):
            note = f" [inapplicable: the profile does not declare {capability!r}]"
        yield (
            f"{requirement.id:<{width}}  {requirement.level:<6}  "
            f"{one_paragraph(requirement.rule)}{note}"
        )


def explain_lines(
    requirement: Requirement, probes: Mapping[str, str], width: int
) -> Iterator[str]:
    """Yield everything about a requirement, wrapped at `width` columns.

    `probes` tells for each probe's name what it does.
    """
    yield f"{requirement.id} ({requirement.level})"
    yield from _labelled("rule", requirement.rule, width)
    if requirement.quote:
        yield from _labelled("quote", f'"{one_paragraph(requirement.quote)}"', width)
    yield from _labelled("source", requirement.source, width)
    yield from _labelled("remedy", requirement.remedy, width)
    if requirement.excluded:
        yield from _labelled("excluded", requirement.excluded, width)
    for need in requirement.needs:
        yield from _labelled("needs", f"a profile that declares {need!r}", width)
    described: dict[str, list[str]] = {}
    for probe in requirement.probes:
        described.setdefault(probes[probe], []).append(probe)
    for text, names in described.items():
        yield from _labelled("probe", f"{', '.join(names)}: {text}", width)


def _labelled(label: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(
        one_paragraph(text),
        width,
        initial_indent=f"  {label:<{_LABEL_WIDTH}}",
        subsequent_indent=" " * (_LABEL_WIDTH + 2),
        break_on_hyphens=False,
        break_long_words=False,
    )
