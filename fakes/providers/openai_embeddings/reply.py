"""Everything the service says in answer to a request for embeddings.

There is no stream of it: the answer is one body. What a script says is not told, only
when it leaves and what goes wrong with it.
Must not know HTTP framing or timing; the delivery and the engine add them.
"""

from __future__ import annotations

import math
from array import array
from base64 import b64encode
from typing import TYPE_CHECKING

from ...content import Omission
from ...dice import Dice
from ..encoding import NOTICE, dumps, event
from ..openai_reply import ServiceReply
from ..openai_service import encode_late_error

if TYPE_CHECKING:
    from ...content import Answer, Part
    from ...script import InStreamError
    from .request import EmbeddingRequest

__all__ = ["EmbeddingReply", "vector_of"]


def vector_of(text: str, *, model: str, seed: int, size: int) -> array[float]:
    """Return the vector of a text: of length 1, the same for the same seed and model.

    Texts that are alike have vectors that are not.
    """
    dice = Dice(seed=seed, fingerprint=f"{model}:{text}")
    numbers = [
        number - 32767.5 for number in dice.numbers("vector", count=size, size=2)
    ]
    length = math.sqrt(sum(number * number for number in numbers))
    return array("f", [number / length for number in numbers])


class EmbeddingReply(ServiceReply):
    """The answer to one request."""

    def __init__(self, *, request: EmbeddingRequest, answer: Answer, seed: int) -> None:
        """Take what is asked."""
        super().__init__(request, answer, seed)
        self._request = request
        self._seed = seed

    def opening(self) -> bytes:
        """Encode nothing: there is no stream."""
        return b""

    def token(self, part: Part, text: str) -> bytes:  # noqa: ARG002 -- one signature
        """Encode nothing: there is no stream."""
        return b""

    def closing(self) -> bytes:
        """Encode nothing: there is no stream."""
        return b""

    def terminator(self) -> bytes:
        """Encode nothing: there is no stream."""
        return b""

    def stream_error(self, error: InStreamError) -> bytes:
        """Encode the body of the error: there is no stream."""
        return encode_late_error(error)

    def body_error(self, error: InStreamError) -> tuple[int, bytes]:
        """Encode an error as the body of a 500."""
        return 500, encode_late_error(error)

    def unknown(self) -> bytes:
        """Encode an object of a kind that no client knows."""
        return event(dumps({"object": "notice", "notice": NOTICE}))

    def body(self) -> bytes:
        """Encode the vectors."""
        vectors = [
            {"object": "embedding", "index": index, "embedding": self._vector(text)}
            for index, text in enumerate(self._request.inputs)
        ]
        tokens = self._answer.usage.input_tokens
        usage = {"usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
        told = usage if self._answer.has(Omission.USAGE) else {}
        whole = {"object": "list", "data": vectors, "model": self._request.model}
        return dumps({**whole, **told}).encode()

    def truncated_body(self, count: int) -> bytes:  # noqa: ARG002 -- of no token
        """Encode half of that."""
        body = self.body()
        return body[: len(body) // 2]

    def _vector(self, text: str) -> object:
        request = self._request
        vector = vector_of(
            text, model=request.model, seed=self._seed, size=request.size
        )
        # Little-endian, as every machine this runs on has it and every client reads.
        if request.is_base64:
            return b64encode(vector.tobytes()).decode()
        return [round(number, 9) for number in vector]
