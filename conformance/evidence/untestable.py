"""Why evidence can show nothing: the one way for a check to say so."""

from __future__ import annotations


class Untestable(Exception):  # noqa: N818 -- an outcome of a check, not an error
    """The evidence cannot show whether the requirement holds; the message says why.

    Raised when a check's positive control is missing, so that it never passes without
    having looked at something. `timed` says that a suite which was late itself
    may have kept the situation from coming about: the probe is worth another try then.
    """

    def __init__(self, reason: str, *, timed: bool = False) -> None:
        super().__init__(reason)
        self.timed = timed
