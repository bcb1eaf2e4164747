"""What is refused, with which answer, in which order."""

from __future__ import annotations

import json

import jwt
import pytest
from tests.reference_server.asgi import EPOCH, PATH, SECRET, Client, bearer
from tests.reference_server.model import ScriptedModel, respond

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
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "json"]
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
    client.restart(max_body_bytes=100)
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


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
async def test_another_method_is_refused_with_the_right_one(
    client: Client, method: str
) -> None:
    refused = await client.request(method, headers=bearer()).finish()

    assert refused.status == 405
    assert refused.headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/", "/nothing", PATH + "/", PATH + "/a/b"])
async def test_another_path_is_not_found(client: Client, path: str) -> None:
    refused = await client.request("DELETE", path, headers=bearer()).finish()

    assert refused.status == 404
    assert refused.json["error"] == {
        "code": "NOT_FOUND",
        "message": "nothing is served here",
        "details": None,
    }


async def test_the_first_thing_wrong_is_what_is_answered(
    client: Client, model: ScriptedModel
) -> None:
    client.restart(streams_per_user=1, max_streams=1)
    held = client.open()
    await held.wait_events(1)
    headers = {**bearer(), **JSON}

    statuses = [
        (await client.request("PUT", "/nothing").finish()).status,
        (await client.request("PUT", headers=bearer(), body=b"{").finish()).status,
        (await client.request(headers=bearer(), body=b"{").finish()).status,
        (await client.request(headers=headers, body=b"{").finish()).status,
        (await client.request(headers=headers, body=b"{}").finish()).status,
        (await client.open().finish()).status,
        (await client.open(user="bob").finish()).status,
    ]

    assert statuses == [401, 405, 415, 400, 422, 429, 503]
    assert (await client.observe())["slots"] == {"ada": 1}


def sign(claims: object, *, key: str = SECRET, algorithm: str = "HS256") -> str:
    assert isinstance(claims, dict)
    return jwt.encode(claims, key, algorithm=algorithm)


NOW = {"sub": "ada", "exp": EPOCH + 60}


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param("Basic YTpi", id="another scheme"),
        pytest.param("Bearer", id="no token"),
        pytest.param("Bearer ", id="empty token"),
        pytest.param("Bearer nonsense", id="no JWT"),
        pytest.param("Bearer a.b.c", id="no base64"),
        pytest.param("Bearer " + "x" * 10_000, id="long"),
        pytest.param("Bearer \xe9", id="not ASCII"),
        pytest.param(f"Bearer {sign(NOW, key='x' * 40)}", id="forged"),
        pytest.param(f"Bearer {sign(NOW)[:-4]}AAAA", id="signature changed"),
        pytest.param(f"Bearer {jwt.encode(NOW, '', algorithm='none')}", id="alg none"),
        pytest.param(
            f"Bearer {sign(NOW, key='x' * 64, algorithm='HS512')}", id="other algorithm"
        ),
        pytest.param(f"Bearer {sign({**NOW, 'exp': EPOCH - 1})}", id="expired"),
        pytest.param(f"Bearer {sign({**NOW, 'exp': EPOCH})}", id="expires now"),
        pytest.param(f"Bearer {sign({**NOW, 'exp': 'never'})}", id="exp is text"),
        pytest.param(f"Bearer {sign({**NOW, 'exp': True})}", id="exp is a bool"),
        pytest.param(f"Bearer {sign({**NOW, 'exp': float('nan')})}", id="exp is NaN"),
        pytest.param(f"Bearer {sign({'sub': 'ada'})}", id="no exp"),
        pytest.param(f"Bearer {sign({'exp': EPOCH + 60})}", id="no sub"),
        pytest.param(f"Bearer {sign({**NOW, 'sub': ''})}", id="empty sub"),
        pytest.param(f"Bearer {sign({**NOW, 'nbf': EPOCH + 9})}", id="not yet"),
    ],
)
async def test_a_credential_that_does_not_count_is_refused(
    client: Client, model: ScriptedModel, authorization: str
) -> None:
    refused = await client.open(headers={"authorization": authorization}).finish()

    assert refused.status == 401
    assert refused.headers["www-authenticate"].startswith("Bearer error=")
    assert refused.headers["content-type"] == "application/json"
    assert refused.json["error"]["code"] == "UNAUTHORIZED"
    assert not model.calls
    assert (await client.observe())["streams"] == []


async def test_no_credential_is_refused_without_an_error_code(client: Client) -> None:
    refused = await client.request(headers=JSON, body=GOOD).finish()

    assert refused.status == 401
    assert refused.headers["www-authenticate"] == 'Bearer realm="streamproof"'


async def test_a_token_in_the_query_does_not_count(client: Client) -> None:
    token = bearer()["authorization"].removeprefix("Bearer ")

    refused = await client.request(
        path=f"{PATH}?token={token}", headers=JSON, body=GOOD
    ).finish()

    assert refused.status == 401


async def test_a_resume_and_a_cancel_need_a_credential_too(client: Client) -> None:
    stream = await client.open().finish()

    resumed = await client.request(
        headers={"last-event-id": f"{stream.stream}-1"}
    ).finish()
    cancelled = await client.request("DELETE", f"{PATH}/{stream.stream}").finish()

    assert (resumed.status, cancelled.status) == (401, 401)


async def test_refusals_are_counted_by_code(client: Client) -> None:
    await client.request().finish()
    await client.request("GET", headers=bearer()).finish()
    await client.request("GET", headers=bearer()).finish()

    page = (await client.request("GET", "/metrics").finish()).body.decode()

    assert 'streamproof_refusals_total{code="UNAUTHORIZED"} 1.0' in page
    assert 'streamproof_refusals_total{code="METHOD_NOT_ALLOWED"} 2.0' in page


async def test_an_error_of_our_own_shows_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> None:
        raise ZeroDivisionError("SECRET")

    monkeypatch.setattr(client.runs, "start", explode)
    exchange = client.open()
    with pytest.raises(ZeroDivisionError):
        await exchange.finish()

    assert exchange.status == 500
    assert exchange.json["error"]["code"] == "INTERNAL_ERROR"
    assert b"SECRET" not in exchange.body
    exchange.task = client.request("GET", "/healthz").task


async def test_neither_tokens_nor_prompts_reach_the_log(
    client: Client, model: ScriptedModel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    model.script[2] = respond(status=500)
    forged = f"Bearer {sign(NOW, key='x' * 40)}"

    await client.open("PROMPT").finish()
    await client.open("PROMPT", headers={"authorization": forged}).finish()

    assert "model failed" in caplog.text
    assert "PROMPT" not in caplog.text
    for credential in (bearer()["authorization"], forged):
        assert credential.removeprefix("Bearer ")[-20:] not in caplog.text
