"""The stream's endpoint: what is refused, and how a silence is filled."""

from __future__ import annotations

from typing import Any

import pytest
from tests.reference_server.asgi import Client
from tests.reference_server.drafting import BODY, STREAM, ask, generate
from tests.reference_server.model import ScriptedModel, stalled

OTHER_KB = "00000000-0000-4000-8000-000000000002"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kb_id": "mine"}, "kb_id"),
        ({"document_type": "sonnet"}, "document_type"),
        ({"context": ""}, "context"),
        ({"context": None}, "context"),
        ({"selected_sources": ["no such chunk"]}, "selected_sources"),
    ],
)
async def test_an_invalid_body_is_answered_with_the_field(
    client: Client, model: ScriptedModel, change: dict[str, Any], field: str
) -> None:
    refused = await generate(client, **change).finish()

    assert (refused.status, refused.json["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert [d["field"] for d in refused.json["error"]["details"]] == [field]
    assert not model.calls


@pytest.mark.parametrize("kb_id", [OTHER_KB, "12345678-1234-4234-8234-123456789abc"])
async def test_a_knowledge_base_that_may_not_be_read_is_forbidden(
    client: Client, model: ScriptedModel, kb_id: str
) -> None:
    refused = await generate(client, kb_id=kb_id).finish()

    assert (refused.status, refused.json["error"]["code"]) == (403, "FORBIDDEN")
    assert not model.calls


async def test_what_is_wrong_comes_before_what_is_forbidden(client: Client) -> None:
    body = {**BODY, "kb_id": OTHER_KB, "selected_sources": ["no such chunk"]}

    refused = await ask(client, "POST", STREAM, body)

    assert refused.status == 422


async def test_null_is_as_absent(client: Client) -> None:
    answered = await generate(client, selected_sources=None).finish()

    assert answered.status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
async def test_another_method_is_refused(client: Client, method: str) -> None:
    refused = await ask(client, method, STREAM)

    assert refused.status == 405


async def test_a_silence_is_filled_with_comments(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = stalled

    stream = await generate(client).finish()

    comments = [e for e in stream.blocks if e.block.startswith(b":")]
    # From the chunk on, which waited for a tenth of a second.
    assert [event.at for event in comments[:3]] == pytest.approx([15.1, 30.1, 45.1])
