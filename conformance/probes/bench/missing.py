"""What a probe may lack: a credential, a control URL, a secret."""

from __future__ import annotations


class MissingError(Exception):
    """A probe lacks something that only its surroundings could give it.

    The message says what, and becomes `Evidence.missing`.
    """
