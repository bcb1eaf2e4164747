"""The fakes behind a respx router, at the services' own addresses."""

from __future__ import annotations

import json

import httpx
import pytest
import respx

from streamproof.fakes.inprocess import InProcess, add_route

CHAT = {
    "model": "m",
    "stream": True,
    "messages": [{"role": "user", "content": "[[fake:delay first=60000]]"}],
}
URLS = [
    ("https://api.openai.com/v1/chat/completions", {"authorization": "Bearer x"}),
    ("http://localhost:11434/api/chat", {}),
    (
        "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent",
        {"x-goog-api-key": "x"},
    ),
    (
        "https://api.anthropic.com/v1/messages",
        {"x-api-key": "x", "anthropic-version": "2023-06-01"},
    ),
]


@pytest.mark.parametrize(("url", "headers"), URLS)
def test_the_services_are_answered_at_their_addresses(
    url: str, headers: dict[str, str]
) -> None:
    body = {**CHAT, "max_tokens": 9, "contents": [{"parts": [{"text": "hi"}]}]}
    with respx.mock() as router:
        add_route(router, InProcess())
        answer = httpx.post(url, json=body, headers=headers, timeout=90)

    assert answer.status_code == 200, answer.text


async def test_a_stream_comes_in_pieces_and_its_end_too_early_is_an_error() -> None:
    fakes = InProcess()
    prompt = {"role": "user", "content": "[[fake:drop after=2]]"}
    async with respx.mock() as router:
        add_route(router, fakes)
        async with (
            httpx.AsyncClient() as client,
            client.stream(
                "POST",
                "http://localhost:11434/api/chat",
                json={**CHAT, "messages": [prompt]},
            ) as response,
        ):
            pieces = response.aiter_raw()
            lines = [await anext(pieces), await anext(pieces)]
            with pytest.raises(httpx.RemoteProtocolError):
                await anext(pieces)

    transport = fakes.transport()
    async with httpx.AsyncClient(transport=transport, base_url="http://it") as control:
        (call,) = (await control.get("/_fakes/calls")).json()["calls"]

    assert [json.loads(line)["done"] for line in lines] == [False, False]
    assert (call["outcome"], call["tokens"]["sent"]) == ("faulted", 2)


def test_other_hosts_are_left_alone() -> None:
    with respx.mock(assert_all_called=False) as router:
        add_route(router, InProcess(), hosts=["llm.example:8080"])
        with pytest.raises(respx.models.AllMockedAssertionError):
            httpx.get("https://api.openai.com/v1/models")
        answer = httpx.get("http://llm.example:8080/_fakes/health")

    assert answer.json()["status"] == "ok"
