"""What the readers of all services do alike: events are objects, text has a bound.

Pure. It must not know what is in an object of which service.
"""

import json
from io import StringIO
from typing import Any

from .fault import broken


def parse_object(data: str) -> dict[str, Any]:
    """Return the object that the data of an event are.

    Raises:
        ModelError: they are no JSON, or no object.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise broken("expected JSON in an event") from error
    if not isinstance(document, dict):
        raise broken("expected an object in an event")
    return document


def object_in(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the member of this name, which must be an object.

    Raises:
        ModelError: it is not there, or something else.
    """
    member = document.get(name)
    if not isinstance(member, dict):
        raise broken(f"expected an object as {name}")
    return member


def text_in(document: dict[str, Any], name: str) -> str:
    """Return the member of this name, which must be text.

    Raises:
        ModelError: it is not there, or something else.
    """
    member = document.get(name)
    if not isinstance(member, str):
        raise broken(f"expected text as {name}")
    return member


class AnswerText:
    """What a model has said so far in one answer.

    Args:
        max_chars: longest answer; a service that never stops must not grow a run
            without limit.
    """

    def __init__(self, max_chars: int) -> None:
        self._max_chars = max_chars
        # A list of pieces takes twenty times their length when they are short.
        self._text = StringIO()
        self._chars = 0

    def __str__(self) -> str:
        return self._text.getvalue()

    def add(self, piece: str) -> None:
        """Keep one more piece.

        Raises:
            ModelError: the answer is too long.
        """
        self._chars += len(piece)
        if self._chars > self._max_chars:
            raise broken(f"expected at most {self._max_chars} characters")
        self._text.write(piece)
