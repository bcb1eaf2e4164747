"""Tokens gathered into chunks."""

from streamproof.reference_server.dialects.draft.chunker import Chunker


def test_a_chunk_is_full_with_its_last_token() -> None:
    chunker = Chunker(3)

    assert [chunker.add(token) for token in "abc"] == [False, False, True]
    assert chunker.take() == "abc"


def test_what_was_taken_is_gone() -> None:
    chunker = Chunker(2)
    chunker.add("a")

    assert chunker.take() == "a"
    assert chunker.is_empty
    assert chunker.take() == ""
    assert not chunker.add("b")
    assert not chunker.is_empty


def test_one_token_is_a_chunk() -> None:
    assert Chunker(1).add("a")
