"""A draft while it is written: tokens in, chunks and citations out, and what it is now.

Pure. It must not know frames or times. Both is kept here: what was given out, which is
the draft, and what waits to become a chunk.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO

from .chunker import Chunker
from .library import Source
from .markers import MarkerReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A marker of the text that has a source; `number` is its place, from 1."""

    number: int
    source: Source

    @property
    def confidence(self) -> float:
        """How well the source fits the draft, from 0 to 1."""
        return self.source.relevance


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a draft is at one moment.

    Attributes:
        content: its text.
        citations: in the order in which their markers first appear.
        unresolved: numbers without a source, in the order of their first appearance.
    """

    content: str
    citations: tuple[Citation, ...]
    unresolved: tuple[int, ...]

    @property
    def word_count(self) -> int:
        """How many words the text has, by white space."""
        return len(self.content.split())

    @property
    def sources_used(self) -> int:
        """How many documents are cited."""
        return len({each.source.passage.document.id for each in self.citations})

    @property
    def confidence(self) -> float:
        """The mean over all numbers of the text, 0 for those without a source."""
        numbers = len(self.citations) + len(self.unresolved)
        total = sum(each.confidence for each in self.citations)
        return round(total / numbers, 4) if numbers else 0.0


class Writing:
    """One draft.

    Args:
        sources: what its markers can mean, in order.
        chunk_tokens: tokens of the model in one chunk.
    """

    def __init__(self, sources: Sequence[Source], *, chunk_tokens: int) -> None:
        self._sources = sources
        self._chunker = Chunker(chunk_tokens)
        self._markers = MarkerReader()
        # A list of pieces takes many times their length when they are short.
        self._content = StringIO()
        self._citations: dict[int, Citation] = {}
        self._unresolved: dict[int, None] = {}

    @property
    def is_waiting(self) -> bool:
        """Whether a part of a chunk waits for the rest."""
        return not self._chunker.is_empty

    def add(self, token: str) -> Iterator[str | Citation]:
        """Take a token of the model; yield the chunks and citations that it completes.

        A chunk ends behind a marker, so that its citation can follow at once.
        """
        for part, number in self._markers.feed(token):
            is_full = self._chunker.add(part)
            if is_full or number is not None:
                yield from self.flush()
            if number is not None:
                yield from self._resolve(number)

    def flush(self) -> Iterator[str]:
        """Yield what waits, as a chunk; nothing when nothing waits."""
        if self.is_waiting:
            chunk = self._chunker.take()
            self._content.write(chunk)
            yield chunk

    def written(self) -> Written:
        """Return what the draft is now; what waits is no part of it yet."""
        return Written(
            content=self._content.getvalue(),
            citations=tuple(self._citations.values()),
            unresolved=tuple(self._unresolved),
        )

    def _resolve(self, number: int) -> Iterator[Citation]:
        if number in self._citations:
            return
        if number > len(self._sources):
            self._unresolved[number] = None
            return
        citation = Citation(number=number, source=self._sources[number - 1])
        self._citations[number] = citation
        yield citation
