"""Tokens of the model, gathered into chunks.

Pure: when a chunk has waited long enough is known elsewhere.
"""


class Chunker:
    """Gathers so many tokens.

    Args:
        tokens: of one chunk.
    """

    def __init__(self, tokens: int) -> None:
        self._tokens = tokens
        self._parts: list[str] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits here."""
        return not self._parts

    def add(self, token: str) -> bool:
        """Take a token, or a part of one; return whether the chunk is full."""
        self._parts.append(token)
        return len(self._parts) >= self._tokens

    def take(self) -> str:
        """Return what was gathered, which may be nothing; the next chunk begins."""
        chunk = "".join(self._parts)
        self._parts.clear()
        return chunk
