"""A run as one document: what is answered, which limits it has, and how it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.reference_server.asgi import Client, Exchange, bearer
from tests.reference_server.model import (
    Answer,
    Call,
    ScriptedModel,
    answer,
    hold_headers,
    respond,
    stalled,
)
from tests.reference_server.toy import PATH, Song, toy

from streamproof.reference_server.streams.dialect import Twin

WHOLE = "/toy/whole"
HEADERS = {"content-type": "application/json"}


def document(song: Song) -> dict[str, str]:
    return {"song": "".join(song.sung)}


@pytest.fixture
async def client(model: ScriptedModel) -> AsyncIterator[Client]:
    twin = Twin(path=WHOLE, document=document)
    async with Client(model, [toy(method="POST", twin=twin)]) as client:
        yield client


def ask(
    client: Client, body: dict[str, Any] | None = None, user: str = "ada", **more: str
) -> Exchange:
    headers = {**bearer(user), **HEADERS, **more}
    content = json.dumps({"theme": "rain"} if body is None else body).encode()
    return client.request("POST", WHOLE, headers=headers, body=content)


async def test_the_whole_result_is_one_document(client: Client) -> None:
    whole = await ask(client).finish()

    assert whole.status == 200
    assert whole.headers["content-type"] == "application/json"
    assert whole.headers["cache-control"] == "no-store"
    assert whole.json == {"song": "one two"}


async def test_half_a_surrogate_pair_breaks_nothing(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = respond(*answer("\ud83d", "ü"))

    whole = await ask(client).finish()

    assert whole.json == {"song": "\ud83dü"}


async def test_a_run_of_a_twin_takes_a_slot_until_its_end(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = hold_headers
    waiting = [ask(client) for _ in range(3)]
    await model.called.wait()

    refused = await ask(client).finish()

    assert (refused.status, refused.json["error"]["code"]) == (429, "TOO_MANY_STREAMS")
    assert (await client.observe())["slots"] == {"ada": 3}
    for exchange in waiting:
        exchange.leave()
        await exchange.finish()
    assert (await client.observe())["slots"] == {}


async def test_a_client_that_leaves_cancels_at_once(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = stalled
    whole = ask(client)
    await model.called.wait()

    whole.leave()
    await whole.finish()

    (run,) = client.runs
    assert run.state == "cancelled"
    assert asyncio.get_running_loop().time() == 0
    assert model.calls[0].left_at == 0
    assert whole.status == 0


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ({}, {}, 422, "VALIDATION_ERROR"),
        ({"theme": "rain"}, {"accept": "text/event-stream"}, 406, "NOT_ACCEPTABLE"),
        ({"theme": "rain"}, {"content-type": "x/y"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"theme": "rain"}, {"authorization": "Bearer x"}, 401, "WHO_ARE_YOU"),
    ],
)
async def test_it_is_refused_like_a_stream(
    client: Client,
    model: ScriptedModel,
    body: dict[str, Any],
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    refused = await ask(client, body, **headers).finish()

    assert (refused.status, refused.json["error"]["code"]) == (status, code)
    assert not model.calls


async def test_what_is_not_admitted_is_refused(client: Client) -> None:
    refused = await ask(client, {"theme": "secret"}, user="bob").finish()

    assert refused.status == 403


async def test_another_method_is_none_of_it(client: Client) -> None:
    for method in ("GET", "HEAD", "DELETE"):
        refused = await client.request(method, WHOLE, headers=bearer()).finish()

        assert refused.status == 405


async def _explode(_call: Call) -> httpx.Response:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (respond(status=500), 502, "FAILED"),
        (respond(status=429), 502, "RATE_LIMITED"),
        (respond(status=400), 502, "REFUSED"),
        (respond(*answer("wrong")), 502, "OUT_OF_TUNE"),
        (hold_headers, 504, "TIMEOUT"),
        (_explode, 500, "INTERNAL"),
    ],
)
async def test_a_failure_is_a_status(
    client: Client, model: ScriptedModel, reply: Answer, status: int, code: str
) -> None:
    model.answer = reply

    failed = await ask(client).finish()

    assert failed.status == status
    error = failed.json["error"]
    assert (error["code"], error["details"]) == (code, None)
    assert error["message"]


async def test_one_that_is_cancelled_says_so(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = stalled
    whole = ask(client)
    await model.called.wait()
    (run,) = client.runs

    path = f"{PATH}/{run.identity.id}"
    await client.request("DELETE", path, headers=bearer()).finish()
    await whole.finish()

    assert (whole.status, whole.json["error"]["code"]) == (409, "EXPLICIT")


async def test_a_shutdown_says_when_to_come_back(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = stalled
    whole = ask(client)
    await model.called.wait()

    client.runs.hurry()
    await client.runs.drain()
    await whole.finish()

    assert (whole.status, whole.json["error"]["code"]) == (503, "SHUTDOWN")
    assert whole.headers["retry-after"] == "5"


async def test_a_client_that_leaves_before_its_body_ended_starts_nothing(
    client: Client,
) -> None:
    messages: list[dict[str, object]] = [
        {"type": "http.request", "body": b'{"the', "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, object]:
        return messages.pop(0)

    async def send(_message: object) -> None:
        pytest.fail("nothing to send")

    scope = {
        "type": "http",
        "method": "POST",
        "path": WHOLE,
        "query_string": b"",
        "headers": [
            (k.encode(), v.encode()) for k, v in {**bearer(), **HEADERS}.items()
        ],
    }
    await client.app(scope, receive, send)

    assert list(client.runs) == []
