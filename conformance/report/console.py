"""The console that the report for people is printed on."""

from __future__ import annotations

import os
from typing import TextIO

from rich.console import Console


def make_console(stream: TextIO, *, no_color: bool) -> Console:
    """Return a console that leaves text alone.

    It has no style at all, bold included, where `no_color` or the variable `NO_COLOR`
    says so: whoever asks for that reads escape sequences as noise.
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
