"""The report for people: failures first, the verdict last, 80 columns are enough.

Must not decide or measure anything. Text of the target is made printable before it
gets here; our own is ASCII, colour is left out where the console has none.
"""

from __future__ import annotations

import os
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TextIO

from rich.console import Console
from rich.text import Text

from ..model import Judgement, Verdict
from ..runner.result import ExitCode, RunResult
from .escaping import printable, shown
from .wording import Row, judgement_rows, verdict_sentence

_INDENT = 2
_LABEL_WIDTH = 10
_MIN_TEXT_WIDTH = 30

_STYLES = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "bold red",
    Verdict.WARNED: "yellow",
    Verdict.ERRORED: "magenta",
    Verdict.UNTESTABLE: "cyan",
    Verdict.INAPPLICABLE: "dim",
}
# Worst first: the order of the columns and of the totals.
_ORDER = (
    Verdict.FAILED,
    Verdict.ERRORED,
    Verdict.UNTESTABLE,
    Verdict.WARNED,
    Verdict.PASSED,
    Verdict.INAPPLICABLE,
)


def make_console(stream: TextIO, *, no_color: bool) -> Console:
    """Return a console that leaves text alone.

    It has no style at all, bold included, where `no_color` or the variable `NO_COLOR`
    says so: who asks for that reads escape sequences as noise.
    """
    is_plain = no_color or bool(os.environ.get("NO_COLOR"))
    return Console(
        file=stream,
        markup=False,
        highlight=False,
        emoji=False,
        no_color=is_plain or None,
        color_system=None if is_plain else "auto",
    )


def print_report(result: RunResult, console: Console, *, is_quiet: bool) -> None:
    """Print everything about a run; when quiet only what failed and the verdict."""
    _print_cases(Verdict.FAILED, result, console)
    if not is_quiet:
        _print_cases(Verdict.WARNED, result, console)
    for verdict in (Verdict.ERRORED, Verdict.UNTESTABLE):
        _print_reasons(verdict, result, console)
    if not is_quiet:
        _print_inapplicable(result, console)
    # Where no target answered, a table would say the same once for each topic.
    if not is_quiet and result.judged:
        _print_topics(result, console)
    _print_summary(result, console)


def _with_verdict(verdict: Verdict, result: RunResult) -> list[Judgement]:
    return [each for each in result.judgements if each.verdict is verdict]


def _print_cases(verdict: Verdict, result: RunResult, console: Console) -> None:
    for judgement in _with_verdict(verdict, result):
        requirement = judgement.requirement
        console.print(
            Text.assemble(
                (verdict.upper(), _STYLES[verdict]),
                f" {requirement.id} ({requirement.level})",
            )
        )
        for row in judgement_rows(judgement, result):
            _print_row(row, console)
        console.print()


def _print_row(row: Row, console: Console) -> None:
    label = " " * _INDENT + row.label.ljust(_LABEL_WIDTH)
    lines = row.text.splitlines() if row.is_verbatim else _wrap(row.text, console)
    for line in lines:
        # Verbatim text is for copying, so the terminal may wrap it but we may not.
        text = Text.assemble((label, "bold"), line)
        console.print(text, soft_wrap=True)
        label = " " * len(label)


def _wrap(text: str, console: Console) -> list[str]:
    width = max(console.width - _INDENT - _LABEL_WIDTH, _MIN_TEXT_WIDTH)
    return textwrap.wrap(
        text, width, break_on_hyphens=False, break_long_words=False
    ) or [""]


def _print_reasons(verdict: Verdict, result: RunResult, console: Console) -> None:
    """Print each reason once, with the ids of everything it is the reason for."""
    judgements = _with_verdict(verdict, result)
    if not judgements:
        return
    ids = defaultdict(list)
    for judgement in judgements:
        ids[judgement.reason].append(judgement.requirement.id)
    count = Text.assemble((verdict.upper(), _STYLES[verdict]), f" {len(judgements)}")
    console.print(count)
    is_everything = len(judgements) == len(result.judgements)
    for reason, concerned in ids.items():
        _print_paragraph(shown(reason) or "no reason given", console, indent=_INDENT)
        if is_everything and len(ids) == 1:
            continue
        _print_paragraph(", ".join(concerned), console, indent=2 * _INDENT)
    console.print()


def _print_inapplicable(result: RunResult, console: Console) -> None:
    """Print how many there are; which ones and why is a question to the profile."""
    if count := result.totals[Verdict.INAPPLICABLE]:
        label = Text.assemble(
            (Verdict.INAPPLICABLE.upper(), _STYLES[Verdict.INAPPLICABLE]), f" {count}"
        )
        console.print(label)
        _print_paragraph(
            "the profile does not declare what these are about; `streamproof list "
            "--profile` names them",
            console,
            indent=_INDENT,
        )
        console.print()


def _print_paragraph(text: str, console: Console, *, indent: int) -> None:
    margin = " " * indent
    for line in textwrap.wrap(
        text,
        max(console.width, _MIN_TEXT_WIDTH),
        initial_indent=margin,
        subsequent_indent=margin,
        break_on_hyphens=False,
        break_long_words=False,
    ):
        console.print(Text(line), soft_wrap=True)


def _print_topics(result: RunResult, console: Console) -> None:
    counts: dict[str, Counter[Verdict]] = defaultdict(Counter)
    for judgement in result.judgements:
        counts[judgement.requirement.topic][judgement.verdict] += 1
    width = max(map(len, counts))
    verdicts = list(_ORDER)
    if width + sum(map(len, map(_heading, verdicts))) > console.width:
        verdicts = [each for each in _ORDER if result.totals[each]]
    headings = [_heading(each) for each in verdicts]
    rows = [Text("topic".ljust(width) + "".join(headings), "bold")]
    rows += [
        Text.assemble(topic.ljust(width), *_cells(counts[topic], verdicts))
        for topic in sorted(counts)
    ]
    rows += [Text.assemble("all".ljust(width), *_cells(result.totals, verdicts))]
    rows[-1].stylize_before("bold")
    for row in rows:
        # No table of rich's, which cuts what does not fit.
        console.print(row, soft_wrap=True)
    console.print()


def _heading(verdict: Verdict) -> str:
    return f"  {verdict}"


def _cells(counts: Counter[Verdict], verdicts: Iterable[Verdict]) -> Iterable[Text]:
    for verdict in verdicts:
        count = counts[verdict]
        text = (str(count) if count else ".").rjust(len(_heading(verdict)))
        yield Text(text, _STYLES[verdict] if count else "dim")


def _print_summary(result: RunResult, console: Console) -> None:
    totals = ", ".join(
        f"{result.totals[verdict]} {verdict}"
        for verdict in reversed(_ORDER)
        if result.totals[verdict]
    )
    _print_paragraph(
        f"{result.profile} at {printable(result.target)}: {totals or 'nothing'} "
        f"in {result.seconds:.1f} s{_longest(result)}, seed {result.seed}",
        console,
        indent=0,
    )
    _print_paragraph(_overrides(result), console, indent=0)
    good = result.exit_code is ExitCode.CONFORMANT
    sentence = verdict_sentence(result)
    if not result.is_interrupted:  # then the signal decides the exit code
        sentence += f" (exit code {result.exit_code})"
    console.print(Text(sentence, "bold green" if good else "bold red"), soft_wrap=True)


def _longest(result: RunResult) -> str:
    if not result.probe_seconds:
        return ""
    name, seconds = max(result.probe_seconds.items(), key=lambda item: item[1])
    return f" (longest probe: {name}, {seconds:.1f} s)"


def _overrides(result: RunResult) -> str:
    if not result.settings:
        return "profile: as written"
    changed = ", ".join(printable(setting) for setting in result.settings)
    return f"profile: not as written, overridden: {changed}"
