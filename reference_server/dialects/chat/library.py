"""Which sections answer a message: retrieved by all of their words, then reranked.

Pure. Retrieval takes whatever shares a word with the message. Reranking is stricter: it
also asks how well document and heading fit, and takes care that what is kept is not all
of one document.
"""

from collections import Counter
from collections.abc import Sequence

from ...retrieval import Index
from .corpus import Section

_RETRIEVED = 8
_KEPT = 4
_OF_ONE_DOCUMENT = 2
# Of reciprocal rank fusion. How much more a first place counts than a second; 60 is the
# usual value, for lists of thousands.
_FLATNESS = 4


class Library:
    """Sections that can be searched.

    Args:
        sections: one at least.
    """

    def __init__(self, sections: Sequence[Section]) -> None:
        self._sections = tuple(sections)
        self._texts = Index([f"{_title_of(s)} {s.text}" for s in sections])
        self._titles = Index([_title_of(section) for section in sections])

    def retrieve(self, message: str) -> list[int]:
        """Return the places of the sections that share a word, best first; or none."""
        return self._texts.search(message)[:_RETRIEVED]

    def rerank(self, message: str, retrieved: Sequence[int]) -> list[Section]:
        """Return what is kept of what was retrieved, best first."""
        by_title = [p for p in self._titles.search(message) if p in retrieved]
        scores = dict.fromkeys(retrieved, 0.0)
        for ranking in (retrieved, by_title):
            for rank, place in enumerate(ranking):
                scores[place] += 1 / (_FLATNESS + rank)
        return self._keep(sorted(scores, key=lambda place: (-scores[place], place)))

    def _keep(self, places: Sequence[int]) -> list[Section]:
        taken: Counter[str] = Counter()
        kept = []
        for place in places:
            section = self._sections[place]
            if taken[section.document] < _OF_ONE_DOCUMENT:
                taken[section.document] += 1
                kept.append(section)
        return kept[:_KEPT]


def _title_of(section: Section) -> str:
    return f"{section.document} {section.heading}"
