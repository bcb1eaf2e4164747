"""What is refused, with which answer, in which order."""

from __future__ import annotations

import json

import pytest
from tests.reference_server.asgi import PATH, Client, bearer
from tests.reference_server.model import ScriptedModel, stalled

from streamproof.reference_server.refusals import STATUS, Refusal, RefusalCode

JSON = {"content-type": "application/json"}


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
    await client.restart(streams_per_user=1, max_streams=1, max_body_bytes=100)
    model.answer = stalled
    held = client.open()
    await held.wait_events(1)
    # Everything is wrong; from request to request one thing less.
    wrong = {"accept": "text/html", "content-length": "101"}
    fits = {**wrong, "content-length": "1", **bearer()}
    is_json = {**fits, **JSON}
    accepts = {**is_json, "accept": "*/*"}

    answers = [
        client.request("PUT", headers=wrong, body=b"{"),
        client.request("PUT", headers={**wrong, **bearer()}, body=b"{"),
        client.request(headers={**wrong, **bearer()}, body=b"{"),
        client.request(headers=fits, body=b"{"),
        client.request(headers=is_json, body=b"{"),
        client.request(headers=accepts, body=b"{"),
        client.request(headers=accepts, body=b"{}"),
        client.open(),
        client.open(user="bob"),
    ]

    statuses = [(await answer.finish()).status for answer in answers]
    assert statuses == [401, 405, 413, 415, 406, 400, 422, 429, 503]
    assert (await client.observe())["slots"] == {"ada": 1}
    for answer in answers:
        assert answer.headers["content-type"] == "application/json"
        details = answer.json["error"]["details"]
        assert details is None or isinstance(details, list)


@pytest.mark.parametrize("code", RefusalCode)
def test_every_code_has_a_status_and_is_named_as_it_is(code: RefusalCode) -> None:
    response = Refusal(code, "no").to_response()

    assert response.status_code == STATUS[code]
    assert json.loads(bytes(response.body)) == {
        "error": {"code": code.value, "message": "no", "details": None}
    }


def test_a_code_may_be_called_otherwise() -> None:
    names = {RefusalCode.UNAUTHORIZED: "WHO_ARE_YOU"}

    refused = Refusal(RefusalCode.UNAUTHORIZED, "no").to_response(names)
    other = Refusal(RefusalCode.NOT_FOUND, "no").to_response(names)

    assert json.loads(bytes(refused.body))["error"]["code"] == "WHO_ARE_YOU"
    assert json.loads(bytes(other.body))["error"]["code"] == "NOT_FOUND"


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
