"""Markers in a text that arrives in pieces: `[`, a number, `]`.

Pure. A marker may be cut anywhere, or stand in the middle of a piece. What is given out
is what came in, byte for byte, parted behind each marker. It must not know what the
numbers stand for.
"""

import re
from collections.abc import Iterator

# "A marker is `[`, a number without leading zero of at most 4 digits, `]`, wherever it
# stands." Digits of other scripts are none.
_MARKER = re.compile(r"\[([1-9][0-9]{0,3})\]")
_BEGUN = re.compile(r"(?:\[(?:[1-9][0-9]{0,3})?)?\Z")


class MarkerReader:
    """Finds the markers of one text; keeps the five characters of a begun one at most.

    It holds no text back: where a marker begins is given out before it is whole.
    """

    def __init__(self) -> None:
        self._begun = ""

    def feed(self, piece: str) -> Iterator[tuple[str, int | None]]:
        """Yield the piece in parts: each ends behind a marker, with its number.

        The last part, unless it is empty, ends with the piece and has None.
        """
        before = len(self._begun)
        text = self._begun + piece
        self._begun = _BEGUN.findall(text)[0]
        start = before
        # A begun marker has no `]`: each that is found here ends in the piece.
        for match in _MARKER.finditer(text):
            yield text[start : match.end()], int(match[1])
            start = match.end()
        if start < len(text):
            yield text[start:], None
