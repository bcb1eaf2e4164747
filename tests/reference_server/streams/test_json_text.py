"""JSON that can be sent, whatever a model says."""

import json

import pytest

from streamproof.reference_server.streams.json_text import to_json


def test_it_is_compact_and_readable() -> None:
    assert to_json({"a": [1, "ü\u2028"]}) == '{"a":[1,"ü\u2028"]}'


@pytest.mark.parametrize("text", ["\ud83d", "ü\udca5"])
def test_half_a_surrogate_pair_is_escaped(text: str) -> None:
    encoded = to_json([text])

    assert encoded.isascii()
    assert json.loads(encoded) == [text]
