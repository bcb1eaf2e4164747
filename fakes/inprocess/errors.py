"""What an in-process client meets instead of an answer.

Must not import anything local but the package's errors.
"""

from __future__ import annotations

from ..errors import FakesError

__all__ = ["BrokenOffError"]


class BrokenOffError(FakesError):
    """The response did not come to its end.

    Args:
        kind: the name that httpx and httpx2 have for it, such as `ReadTimeout`.
        message: what happened, in their words where they have some.
    """

    def __init__(self, kind: str, message: str) -> None:
        """Keep both for the transport that translates it."""
        super().__init__(message)
        self.kind = kind
