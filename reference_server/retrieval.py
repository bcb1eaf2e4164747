"""Retrieval: which texts fit a query best, by BM25.

Deterministic: the same texts and the same query give the same order on every machine.
It must not know what the texts are about, nor read any file.
"""

from collections.abc import Sequence
from typing import cast

import bm25s

# What is looked at of a query. A prompt may be a megabyte, and no other stream gets its
# turn before its words are counted.
_MAX_QUERY_CHARS = 8192


class Index:
    """Texts that can be searched; built once.

    Args:
        texts: one at least.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        words = [_words_of(text) for text in texts]
        self._known = frozenset(word for each in words for word in each)
        self._index = bm25s.BM25()
        self._index.index(words, show_progress=False)

    def search(self, query: str) -> list[int]:
        """Return the places of the texts that share a word with a query, best first.

        Of two that fit equally well the earlier one comes first. Words behind the first
        8192 characters do not count.
        """
        asked = _words_of(query[:_MAX_QUERY_CHARS])
        words = [word for word in asked if word in self._known]
        if not words:
            return []
        # Rounded, so that the last bits of a float decide nothing.
        scores = [round(float(each), 4) for each in self._index.get_scores(words)]
        found = [place for place, score in enumerate(scores) if score > 0]
        return sorted(found, key=lambda place: -scores[place])


def _words_of(text: str) -> list[str]:
    words = bm25s.tokenize(
        text,
        stopwords="en",
        stemmer=_stem_all,
        return_ids=False,
        show_progress=False,
    )
    return cast("list[str]", words[0])


def _stem_all(words: Sequence[str]) -> list[str]:
    # Enough for a small corpus in English: a plural is found by its singular.
    return [word.removesuffix("s") for word in words]
