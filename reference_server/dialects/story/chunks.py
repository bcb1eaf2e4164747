"""Cutting the model's text into chunks as it comes, without losing a character.

Pure. Where a chunk ends depends on the text, and not on how the model has split it.
Words are what white space separates.
"""

import re
from typing import Protocol

# A paragraph of a children's book, and what fits on a screen.
_LEAST_WORDS = 50
_MOST_WORDS = 200

_PARTS = re.compile(r"\n|[^\S\n]+|\S+")


class Chunker(Protocol):
    """Takes text in pieces, gives it back in chunks."""

    def feed(self, text: str) -> list[str]:
        """Take the next piece; return the chunks that are complete with it."""

    def flush(self) -> str:
        """Return what is held back, and hold it no more; "" when that is nothing."""


class Paragraphs:
    """Chunks of 50 to 200 words.

    A chunk ends behind a blank line when it holds 50 words, and behind its two
    hundredth word in any case.
    """

    def __init__(self) -> None:
        self._held: list[str] = []
        self._words = 0
        self._is_in_word = False
        # Whether there is a line end and then nothing but white space.
        self._is_line_blank = False

    def feed(self, text: str) -> list[str]:
        """Take the next piece; return the chunks that are complete with it."""
        chunks = []
        for part in _PARTS.findall(text):
            if not part.isspace():
                self._take_word(part)
                continue
            if self._is_in_word and self._words == _MOST_WORDS:
                chunks.append(self.flush())
            self._is_in_word = False
            self._held.append(part)
            if part == "\n":
                if self._is_line_blank and self._words >= _LEAST_WORDS:
                    chunks.append(self.flush())
                self._is_line_blank = True
        return chunks

    def flush(self) -> str:
        """Return what is held back, and hold it no more; "" when that is nothing."""
        chunk = "".join(self._held)
        self._held.clear()
        self._words = 0
        return chunk

    def _take_word(self, part: str) -> None:
        # It may go on in the next piece.
        self._words += not self._is_in_word
        self._is_in_word = True
        self._is_line_blank = False
        self._held.append(part)


class Tokens:
    """Chunks of so many pieces of the model's answer.

    Args:
        size: pieces in a chunk, 1 at least.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: list[str] = []

    def feed(self, text: str) -> list[str]:
        """Take the next piece; return the chunk when it is complete with it."""
        self._held.append(text)
        return [self.flush()] if len(self._held) == self._size else []

    def flush(self) -> str:
        """Return what is held back, and hold it no more; "" when that is nothing."""
        chunk = "".join(self._held)
        self._held.clear()
        return chunk
