"""Bodies, media types and what is refused of them."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.types import Message
from tests.reference_server.asgi import Client, bearer
from tests.reference_server.model import ScriptedModel

from streamproof.reference_server.web.requests import MediaType, read_body

JSON = {"content-type": "application/json"}


GOOD = b'{"prompt": "hello"}'


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{}", "prompt"),
        (b'{"prompt": ""}', "prompt"),
        (b'{"prompt": 7}', "prompt"),
        (b'{"prompt": null}', "prompt"),
        (b'{"prompt": "\\ud800"}', "prompt"),
        (json.dumps({"prompt": "x" * 20_001}).encode(), "prompt"),
        (b'{"prompt": "x", "options": "fast"}', "options"),
        (b'{"prompt": "x", "options": [1]}', "options"),
        (b"[]", "body"),
        (b'"hello"', "body"),
        (b"null", "body"),
    ],
)
async def test_an_invalid_body_is_answered_with_the_field(
    client: Client, model: ScriptedModel, body: bytes, field: str
) -> None:
    refused = await client.request(headers={**bearer(), **JSON}, body=body).finish()

    assert refused.status == 422
    assert refused.headers["content-type"] == "application/json"
    assert refused.json["error"]["code"] == "VALIDATION_ERROR"
    assert [d["field"] for d in refused.json["error"]["details"]] == [field]
    assert not model.calls
    assert (await client.observe())["streams"] == []


@pytest.mark.parametrize("options", ["null", "{}", '{"speed": [1]}'])
async def test_null_for_an_optional_member_is_as_absent(
    client: Client, options: str
) -> None:
    body = f'{{"prompt": "hello", "options": {options}, "more": null}}'.encode()

    stream = await client.request(headers={**bearer(), **JSON}, body=body).finish()

    assert stream.status == 200


async def test_null_is_as_absent_also_where_the_default_is_another() -> None:
    class Counted(BaseModel):
        model_config = ConfigDict(strict=True)

        text: str
        count: int = 3

    async def receive() -> Message:
        body = b'{"text": "a", "count": null}'
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", b"application/json")]
    request = Request({"type": "http", "headers": headers}, receive)

    read = await read_body(request, Counted, answer=MediaType.JSON, max_bytes=99)

    assert read == Counted(text="a", count=3)


@pytest.mark.parametrize("prompt", ["x", "x" * 20_000, " ", "\0", "💥" * 20_000])
async def test_any_prompt_of_the_right_length_is_accepted(
    client: Client, prompt: str
) -> None:
    assert (await client.open(prompt).finish()).status == 200


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b'{"prompt": ', b"\xff\xfe", b"\xef\xbb\xbf{}", b"[" * 100_000),
        '{"prompt": "x"}'.encode("utf-16"),
        b'{"prompt": "x", "options": {"a": NaN}}',
        b'{"prompt": "x", "options": {"a": [-Infinity]}}',
        b"Infinity",
    ],
)
async def test_an_unreadable_body_is_refused(client: Client, body: bytes) -> None:
    refused = await client.request(headers={**bearer(), **JSON}, body=body).finish()

    assert refused.status == 400
    assert refused.json["error"]["code"] == "INVALID_JSON"


@pytest.mark.parametrize(
    "content_type",
    [
        *("", "text/plain", "application/x-www-form-urlencoded", "json"),
        *("application/vnd.api+json", "application/json+x", "application/jsonx"),
    ],
)
async def test_another_content_type_is_refused(
    client: Client, content_type: str
) -> None:
    headers = {**bearer(), "content-type": content_type}

    refused = await client.request(headers=headers, body=GOOD).finish()

    assert refused.status == 415
    assert refused.json["error"]["code"] == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON"]
)
async def test_json_is_json_whatever_its_parameters(
    client: Client, content_type: str
) -> None:
    stream = await client.open(headers={"content-type": content_type}).finish()

    assert stream.status == 200


@pytest.mark.parametrize("headers", [{}, {"content-length": "0"}])
async def test_neither_body_nor_content_type_is_the_wrong_one(
    client: Client, headers: dict[str, str]
) -> None:
    refused = await client.request(headers={**bearer(), **headers}).finish()

    assert refused.status == 415


@pytest.mark.parametrize(
    ("encoding", "status"),
    [
        *(("identity", 200), ("Identity", 200)),
        *(("gzip", 415), ("br", 415), ("identity, gzip", 415), ("", 415)),
    ],
)
async def test_a_body_must_not_be_encoded(
    client: Client, encoding: str, status: int
) -> None:
    answer = await client.open(headers={"content-encoding": encoding}).finish()

    assert answer.status == status


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("text/event-stream", 200),
        ("*/*", 200),
        ("text/*;q=0.5", 200),
        ("application/json, text/plain, */*", 200),
        ("application/json", 406),
        ("text/html", 406),
        ("text/event-stream;q=0", 406),
        ("text/event-stream; q=0.000", 406),
    ],
)
async def test_a_client_that_cannot_read_a_stream_gets_none(
    client: Client, accept: str, status: int
) -> None:
    exchange = await client.open(headers={"accept": accept}).finish()

    assert exchange.status == status


async def test_a_body_over_the_limit_is_refused_however_it_comes(
    client: Client,
) -> None:
    await client.restart(max_body_bytes=100)
    body = b'{"prompt": "%s"}' % (b"x" * 100)
    headers = {**bearer(), **JSON}

    declared = {**headers, "content-length": str(len(body))}
    refused = [
        await client.request(headers=declared, body=body).finish(),
        await client.request(headers=headers, body=body).finish(),
    ]

    assert [r.status for r in refused] == [413, 413]
    assert refused[0].json["error"]["code"] == "BODY_TOO_LARGE"
    assert refused[0].headers["connection"] == "close"
