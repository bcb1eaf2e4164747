"""Which passages fit a draft: found by several queries, then ranked over all of them.

Pure. A query finds passages by their words (`retrieval`). The second step weighs in how
many of the queries a passage was found and how high, and takes care that one document
does not crowd out the others.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...retrieval import Index
from .corpus import Passage

# As many as a reader can check, and few enough for any model.
_SOURCES = 10
_OF_ONE_DOCUMENT = 3
# Of one query.
_HITS = 8
# How much the first place of a query is worth against the ones behind it: this is the
# place that is worth half.
_HALF = 6

_SENTENCE_END = re.compile(r"(?<=\.) ")
# Shorter words are in every sentence.
_WORD = re.compile(r"\w{4,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A passage that a draft can cite.

    Attributes:
        passage: where it stands and what it says.
        relevance: from 0 to 1, which is the best passage of its draft.
        excerpt: the sentence of it that is nearest to what the draft is about.
    """

    passage: Passage
    relevance: float
    excerpt: str


class Library:
    """Passages that can be searched.

    Args:
        passages: one at least, each with an id of its own.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = tuple(passages)
        self._by_id = {passage.id: passage for passage in passages}
        self._index = Index([f"{each.section} {each.text}" for each in passages])

    def find(self, query: str) -> list[Passage]:
        """Return what fits one query best, eight at most; perhaps none."""
        return [self._passages[place] for place in self._index.search(query)[:_HITS]]

    def rank(self, hits: Iterable[Sequence[Passage]], about: str) -> list[Source]:
        """Return the best of what several queries found, best first.

        Args:
            hits: what each query found; the order of the queries does not matter.
            about: what the draft is about; decides on the excerpts.
        """
        scores = _score(hits)
        places = {passage.id: n for n, passage in enumerate(self._passages)}
        best_first = sorted(scores, key=lambda each: (-scores[each], places[each]))
        taken: Counter[str] = Counter()
        chosen = []
        for passage_id in best_first:
            document = self._by_id[passage_id].document.id
            if taken[document] < _OF_ONE_DOCUMENT:
                taken[document] += 1
                chosen.append(passage_id)
        return self._to_sources(chosen[:_SOURCES], scores, about)

    def select(
        self, ids: Sequence[str], hits: Iterable[Sequence[Passage]], about: str
    ) -> list[Source]:
        """Return the passages of these ids, in this order.

        Args:
            ids: each of them known.
            hits: what each query found; what none found has no relevance.
            about: what the draft is about; decides on the excerpts.
        """
        return self._to_sources(ids, _score(hits), about)

    def _to_sources(
        self, ids: Sequence[str], scores: dict[str, float], about: str
    ) -> list[Source]:
        best = max((scores.get(each, 0.0) for each in ids), default=0.0)
        words = _words_of(about)
        return [
            Source(
                passage=self._by_id[each],
                relevance=round(scores.get(each, 0.0) / best, 4) if best else 0.0,
                excerpt=_nearest_sentence(self._by_id[each].text, words),
            )
            for each in ids
        ]


def _score(hits: Iterable[Sequence[Passage]]) -> dict[str, float]:
    """Add up what the places of each passage are worth (reciprocal rank fusion)."""
    scores: defaultdict[str, float] = defaultdict(float)
    for found in hits:
        for place, passage in enumerate(found):
            scores[passage.id] += _HALF / (_HALF + place)
    # Rounded, so that the order in which the queries were answered decides nothing.
    return {each: round(score, 9) for each, score in scores.items()}


def _nearest_sentence(text: str, words: frozenset[str]) -> str:
    sentences = _SENTENCE_END.split(text)
    return max(sentences, key=lambda each: len(_words_of(each) & words))


def _words_of(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))
