"""The reader of a model's event stream, on the byte vectors of the suite as well."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproof.reference_server.models.event_stream import EventStream
from streamproof.reference_server.models.fault import ModelError, ModelFault

VECTORS = Path(__file__).parents[2] / "conformance" / "wire" / "vectors"
MAX_BYTES = 4096


def load() -> list[Any]:
    return [
        pytest.param(
            [chunk.encode("latin-1") for chunk in vector["chunks"]],
            [event["data"] for event in vector.get("events", [])],
            id=vector["id"],
        )
        for path in sorted(VECTORS.glob("*.toml"))
        for vector in tomllib.loads(path.read_text("utf-8"))["vector"]
    ]


def read(chunks: list[bytes]) -> list[str]:
    stream = EventStream(MAX_BYTES)
    return [data for chunk in chunks for data in stream.feed(chunk)]


@pytest.mark.parametrize(("chunks", "events"), load())
def test_the_vectors_read_as_the_standard_says_however_they_are_cut(
    chunks: list[bytes], events: list[str]
) -> None:
    whole = b"".join(chunks)

    assert read(chunks) == events
    assert read([whole]) == events
    assert read([bytes([byte]) for byte in whole]) == events
    for cut in range(len(whole)):
        assert read([whole[:cut], whole[cut:]]) == events


@given(
    st.lists(st.sampled_from([b"data: ", b"a", b":", b"\r", b"\n", b"\xef\xbb\xbf"])),
    st.data(),
)
def test_where_the_network_cuts_makes_no_difference(
    parts: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    pieces = [
        whole[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)
    ]

    assert read(pieces) == read([whole])


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_an_event_is_there_with_the_last_byte_of_its_blank_line(end: bytes) -> None:
    stream = EventStream(MAX_BYTES)
    block = b"data: a" + end + end

    said = [stream.feed(bytes([byte])) for byte in block]

    # CR alone ends a line; the LF that may follow it says nothing new.
    last = len(block) - (2 if end == b"\r\n" else 1)
    assert said[last] == ["a"]
    assert sum(map(len, said)) == 1


@pytest.mark.parametrize(
    "piece", [b"x" * 64, b"data: x\n", b"data:\n", b"data: xx\r\n", b": " + b"x" * 62]
)
def test_an_event_without_end_is_given_up(piece: bytes) -> None:
    fitting = [piece] * (MAX_BYTES // len(piece))

    assert read(fitting) == []
    with pytest.raises(ModelError, match="at most 4096 bytes") as error:
        read(fitting * 2)
    assert error.value.fault is ModelFault.FAILED


def test_what_is_not_kept_does_not_count() -> None:
    stream = EventStream(MAX_BYTES)

    for _ in range(1000):
        assert stream.feed(b": still here\nid: 7\n\n") == []

    assert stream.feed(b"data: a\n\n") == ["a"]
