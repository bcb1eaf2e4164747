"""Ids that a probe makes up."""

import base64
import uuid

import pytest

from streamproof.conformance import profiles
from streamproof.conformance.probes.bench.ids import (
    make_uuid,
    malformed_ids,
    unknown_id,
)
from streamproof.conformance.profiles import Profile
from streamproof.conformance.profiles.typed import EventId, parse_id

STREAM_SEQUENCE = profiles.load("pipeline")


def profile(form: str) -> Profile:
    ids = STREAM_SEQUENCE.ids.model_copy(update={"form": form})
    return STREAM_SEQUENCE.model_copy(update={"ids": ids})


def test_an_unknown_uuid_is_a_uuid_of_the_same_kind() -> None:
    known = "0193a1b2-7c3d-7e4f-89ab-cdef01239f9f"

    unknown = unknown_id(known)

    assert unknown != known
    assert uuid.UUID(unknown).version == uuid.UUID(known).version


def test_a_uuid_is_made_of_a_text_and_always_the_same() -> None:
    assert make_uuid("a") == make_uuid("a") != make_uuid("b")
    assert uuid.UUID(make_uuid("a")).version == 4


def test_an_unknown_base64_id_has_the_same_length_and_alphabet() -> None:
    known = "zZ9_qVGQz9MqqTWkljnBkQ"

    unknown = unknown_id(known)

    assert unknown != known
    assert len(base64.urlsafe_b64decode(unknown + "==")) == 16


def test_a_short_id_is_changed_whole() -> None:
    assert unknown_id("a1") == "b2"


def test_no_malformed_id_could_have_been_issued() -> None:
    known = EventId(stream="abc", n=7)

    malformed = malformed_ids(STREAM_SEQUENCE, known)

    assert len(set(malformed)) == len(malformed)
    assert [each for each in malformed if parse_id(each, STREAM_SEQUENCE)] == []
    assert "abc-" in malformed
    assert "abc" in malformed


def test_malformed_numbers_are_no_numbers() -> None:
    malformed = malformed_ids(profile("sequence"), EventId(stream="", n=7))

    numbers = profile("sequence")
    assert [each for each in malformed if parse_id(each, numbers)] == []


@pytest.mark.parametrize("form", ["stream-sequence", "sequence"])
def test_every_malformed_id_can_stand_in_a_header(form: str) -> None:
    for id_ in malformed_ids(profile(form), EventId(stream="abc", n=7)):
        assert id_ == id_.strip()
        assert not {"\r", "\n", "\0"} & set(id_)
