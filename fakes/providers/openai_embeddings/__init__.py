"""OpenAI Embeddings: vectors of texts, each always the same for a seed.

Formats after https://platform.openai.com/docs/api-reference/embeddings.
Pure; a vector derives from the seed, the model and its text alone, so it does not
depend on what else a request holds.
"""

from __future__ import annotations

from typing import Final

from ..openai_service import Endpoint
from .reply import EmbeddingReply
from .request import EmbeddingRequest, parse_request

__all__ = ["OPENAI_EMBEDDINGS", "EmbeddingReply", "EmbeddingRequest", "parse_request"]

OPENAI_EMBEDDINGS: Final = Endpoint(
    name="openai_embeddings",
    prompt_field="input",
    paths=(
        "/v1/embeddings",
        # As Azure has it.
        "/openai/v1/embeddings",
        "/openai/deployments/{deployment}/embeddings",
    ),
    parse=lambda received: parse_request(
        received.body,
        received.headers,
        fingerprint=received.fingerprint,
        deployment=received.params.get("deployment"),
    ),
    answer=lambda request, answer, seed: EmbeddingReply(
        request=request, answer=answer, seed=seed
    ),
)
