"""Makes text from the wire safe to show. Pure.

A target chooses what stands in a finding: escape sequences that clear the screen, marks
that turn the writing direction, characters that XML forbids, credentials it echoes.
"""

from __future__ import annotations

import re

MAX_SHOWN = 2000
"""Characters of one text that people are shown; the JSON report has all of it.

A screen of 80 columns and 25 lines holds as many.
"""

_JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?")


def printable(text: str) -> str:
    """Return `text` with each character that does not print as a backslash escape.

    That covers control characters, line ends, lone surrogates and format characters
    such as U+202E, so the result is one line, steers no terminal and fits into XML.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def shown(text: str) -> str:
    """Return `text` printable, without credentials, and cut at `MAX_SHOWN`."""
    safe = printable(without_credentials(text))
    if len(safe) <= MAX_SHOWN:
        return safe
    return f"{safe[:MAX_SHOWN]}... ({len(safe) - MAX_SHOWN} more characters)"


def without_credentials(text: str) -> str:
    """Return `text` with everything that has the form of a JWT replaced.

    The second line of defence: requests carry `$TOKEN` from the start, but a target may
    put the credential it was sent into a message that a finding quotes.
    """
    return _JWT.sub("[redacted]", text)


def one_paragraph(text: str) -> str:
    """Return text of our own, such as a remedy, with its line breaks taken out."""
    return " ".join(text.split())
