"""`openai_embeddings.reply`: vectors that belong to their texts."""

from __future__ import annotations

import json
import math
from typing import Any

import openai
import pytest

from streamproof.fakes import Library, Settings, ThreadServer
from streamproof.fakes.content import Answer, Omission, Usage
from streamproof.fakes.providers.openai_embeddings import (
    EmbeddingReply,
    EmbeddingRequest,
)
from streamproof.fakes.providers.openai_embeddings.reply import vector_of
from streamproof.fakes.script import Fail, Script

REQUEST = EmbeddingRequest(
    model="m",
    inputs=("one", "two"),
    texts=("one", "two"),
    size=4,
    is_base64=False,
    prompt_tokens=2,
    fingerprint="f",
)


def body(*omitted: Omission) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(
        EmbeddingReply(
            request=REQUEST,
            answer=Answer(
                parts=(),
                usage=Usage(input_tokens=2),
                omitted=frozenset(omitted),
            ),
            seed=0,
        ).body()
    )
    return told


def test_every_text_has_a_vector_of_length_one() -> None:
    told = body()
    vectors = [each["embedding"] for each in told["data"]]

    assert [each["index"] for each in told["data"]] == [0, 1]
    assert [len(vector) for vector in vectors] == [4, 4]
    assert all(math.hypot(*vector) == pytest.approx(1) for vector in vectors)
    assert vectors[0] != vectors[1]
    assert told["usage"] == {"prompt_tokens": 2, "total_tokens": 2}


def test_a_vector_belongs_to_text_model_and_seed() -> None:
    def vector(text: str = "a", model: str = "m", seed: int = 0) -> list[float]:
        return list(vector_of(text, model=model, seed=seed, size=8))

    assert vector() == vector()
    assert len({tuple(v) for v in (vector(), vector("b"), vector(model="n"))}) == 3
    assert vector() != vector(seed=1)
    assert vector()[:4] != [0.0] * 4


def test_the_usage_can_be_omitted() -> None:
    assert "usage" not in body(Omission.USAGE)


def test_the_sdk_reads_the_same_vector_in_both_encodings() -> None:
    with (
        ThreadServer() as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="any") as client,
    ):
        create = client.embeddings.create
        model = "text-embedding-3-small"
        told = (
            create(model=model, input=["x", "y"]),
            create(model=model, input=["y", "x"], encoding_format="float"),
            create(model=model, input=[[1, 2], [3]], dimensions=8),
        )
        packed, spelled, tokens = (
            [each.embedding for each in one.data] for one in told
        )

    assert [len(vector) for vector in packed] == [1536, 1536]
    assert packed[0] == pytest.approx(spelled[1], abs=1e-8)
    assert packed[1] == pytest.approx(spelled[0], abs=1e-8)
    assert [len(vector) for vector in tokens] == [8, 8]


def test_a_script_makes_an_embedding_fail_first() -> None:
    library = Library(scripts={"default": Script(fail=Fail(status=401))})
    with (
        ThreadServer(Settings(library=library)) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="any") as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.embeddings.create(model="m", input="x")
