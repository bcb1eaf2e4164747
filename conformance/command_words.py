"""The words of the command line that typer chooses, in plain English."""

from __future__ import annotations

import re
from typing import Any

from typer.core import TyperCommand

_INSTEAD = (
    ("Value error, ", ""),
    (
        "Input should be a valid integer, unable to parse string as an integer",
        "expected a whole number",
    ),
    (
        "Unable to parse input string as an integer, exceeded maximum size",
        "expected a whole number of fewer digits",
    ),
    ("Input should be", "expected a value that is"),
)


def in_plain_words(message: str) -> str:
    """Return a complaint about an option without the words of the parser's parts."""
    for theirs, ours in _INSTEAD:
        message = message.replace(theirs, ours)
    return message


class Plain(TyperCommand):
    """A command whose usage line names a required argument without braces."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ANN401 -- typer's own
        """Return the words behind the command's name."""
        pieces = super().collect_usage_pieces(ctx)
        return [re.sub(r"^\{(.+?)\}", r"\1", piece) for piece in pieces]
