"""Writes the golden files anew: `python -m tests.conformance.report.regenerate`.

Look at the difference before it is committed; that is what golden files are for.
"""

import io
from pathlib import Path

from rich.console import Console

from streamproof.conformance.report.json_report import to_json
from streamproof.conformance.report.junit import to_junit
from streamproof.conformance.report.terminal import print_report

from .sample import mixed_run

GOLDEN = Path(__file__).with_name("golden")


def regenerate() -> None:
    """Write every golden file."""
    result = mixed_run()
    (GOLDEN / "report.json").write_text(to_json(result), "utf-8")
    (GOLDEN / "report.xml").write_text(to_junit(result), "utf-8")
    for name, is_quiet in (("report.txt", False), ("quiet.txt", True)):
        screen = io.StringIO()
        console = Console(
            file=screen, width=80, markup=False, highlight=False, emoji=False
        )
        print_report(result, console, is_quiet=is_quiet)
        (GOLDEN / name).write_text(screen.getvalue(), "utf-8")


if __name__ == "__main__":
    regenerate()
