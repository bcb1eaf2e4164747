"""Which requests get through, and what the others are told."""

from __future__ import annotations

import json

import jwt
import pytest
from tests.reference_server.asgi import EPOCH, PATH, SECRET, Client, bearer
from tests.reference_server.model import ScriptedModel, respond

JSON = {"content-type": "application/json"}


GOOD = b'{"prompt": "hello"}'


def sign(claims: object, *, key: str = SECRET, algorithm: str = "HS256") -> str:
    assert isinstance(claims, dict)
    return jwt.encode(claims, key, algorithm=algorithm)


def sign_raw(claims: dict[str, object]) -> str:
    """Sign what PyJWT itself would not."""
    return jwt.api_jws.encode(json.dumps(claims).encode(), SECRET, algorithm="HS256")


NOW = {"sub": "ada", "exp": EPOCH + 60}


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param("Bearer", id="no token"),
        pytest.param("Bearer ", id="empty token"),
        pytest.param("bearer", id="no token, small"),
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
        pytest.param(f"Bearer {sign_raw({**NOW, 'sub': 7})}", id="sub is a number"),
        pytest.param(f"Bearer {sign_raw({**NOW, 'sub': None})}", id="sub is null"),
        pytest.param(f"Bearer {sign({**NOW, 'exp': f'{EPOCH:.0f}'})}", id="quoted exp"),
        pytest.param(f"Bearer {sign({**NOW, 'nbf': EPOCH + 9})}", id="not yet"),
    ],
)
async def test_a_credential_that_does_not_count_is_refused(
    client: Client, model: ScriptedModel, authorization: str
) -> None:
    refused = await client.open(headers={"authorization": authorization}).finish()

    assert refused.status == 401
    assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert refused.headers["content-type"] == "application/json"
    assert refused.json["error"]["code"] == "UNAUTHORIZED"
    assert not model.calls
    assert (await client.observe())["streams"] == []


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"authorization": "Basic YTpi"}, id="another scheme"),
        pytest.param({"authorization": "Bearertoken"}, id="another scheme, near"),
        pytest.param({"authorization": ""}, id="empty"),
    ],
)
async def test_no_credential_is_refused_without_an_error_code(
    client: Client, headers: dict[str, str]
) -> None:
    refused = await client.request(headers={**JSON, **headers}, body=GOOD).finish()

    assert refused.status == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    assert refused.json["error"]["code"] == "UNAUTHORIZED"


async def test_two_credentials_are_one_too_many(client: Client) -> None:
    # Written in two ways, so that the dictionary holds both fields.
    headers = {**bearer(), "Authorization": bearer()["authorization"], **JSON}

    refused = await client.request(headers=headers, body=GOOD).finish()

    assert refused.status == 401
    assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
async def test_the_scheme_is_written_in_any_case(client: Client, scheme: str) -> None:
    token = bearer()["authorization"].removeprefix("Bearer ")
    headers = {"authorization": f"{scheme} {token}"}

    assert (await client.open(headers=headers).finish()).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nowhere"),
        ("PUT", PATH),
        ("HEAD", PATH),
        ("GET", f"{PATH}/stream1"),
        ("DELETE", f"{PATH}/stream1"),
        ("OPTIONS", PATH),
        ("POST", PATH),
    ],
)
async def test_a_credential_is_asked_for_before_all_else(
    client: Client, method: str, path: str
) -> None:
    headers = {"last-event-id": "x", "accept": "text/html", "content-length": "9999999"}

    refused = await client.request(method, path, headers=headers, body=b"{").finish()

    assert refused.status == 401


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
