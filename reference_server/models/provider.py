"""The seam between a run and a service of language models.

    Provider.path, headers, body      how the service wants to be asked
    Provider.reader() -> AnswerReader the data of its events in, text out
    Provider.unfold                   an answer that is not streamed, as such events
    AnswerReader.close() -> Answer    the whole answer and why it ended

Must not know HTTP connections, clocks, or who asks. What a status means is the same for
all services (see `fault`); an error inside a stream is the reader's to see.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypedDict

from .fault import ModelError, ModelFault


class Message(TypedDict):
    """One message of a chat."""

    role: str
    content: str


class Stop(StrEnum):
    """Why an answer ended, when it ended in order."""

    COMPLETE = "complete"
    LENGTH = "length"
    FILTER = "filter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model said, and why it said no more.

    Attributes:
        text: all of it.
        stop: why it ended.
        reason: the same in the word of the service.
    """

    text: str
    stop: Stop
    reason: str

    def whole_text(self) -> str:
        """Return the text of an answer that must not end before its end.

        Raises:
            ModelError: it was stopped for its length or by a filter.
        """
        if self.stop is not Stop.COMPLETE:
            reason = f"expected a complete answer, got one stopped by {self.stop}"
            raise ModelError(ModelFault.STOPPED, reason)
        return self.text


class AnswerReader(Protocol):
    """Reads one streamed answer; all of it raises ModelError for a broken one."""

    @property
    def is_alive(self) -> bool:
        """Return whether the model gave a sign of life: text, or reasoning."""

    @property
    def is_terminated(self) -> bool:
        """Return whether the terminator was seen; nothing after it counts."""

    def feed(self, data: str) -> str:
        """Take the data of one event and return the text in it, "" if it has none."""

    def close(self) -> Answer:
        """Return the whole answer at the end of the body."""


class Provider(Protocol):
    """One wire format of one service."""

    @property
    def path(self) -> str:
        """Return the endpoint, relative to the base URL."""

    def headers(self, key: str | None) -> Mapping[str, str]:
        """Return the header fields of a call that is paid with this key."""

    def body(
        self, model: str, messages: Sequence[Message], *, is_streamed: bool = True
    ) -> bytes:
        """Return the request for an answer, streamed or as a whole."""

    def unfold(self, document: dict[str, Any]) -> list[str]:
        """Return a whole answer as the data of the events that a streamed one has."""

    def reader(self, max_chars: int) -> AnswerReader:
        """Return the reader of an answer of at most so many characters."""
