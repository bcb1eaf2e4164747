"""`keys`: the header field that may carry a key, and what it does to a call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import openai
import pytest

from streamproof.fakes.control.client import AsyncClient
from streamproof.fakes.errors import RequestError
from streamproof.fakes.keys import key_of_field
from streamproof.fakes.script import Hold, Say, Script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproof.fakes import Server

MESSAGE = {"role": "user", "content": "nothing but a question"}


@pytest.fixture
async def fakes(server: Server) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(server.url) as client:
        yield client


def test_a_request_may_have_a_key_in_its_header() -> None:
    assert key_of_field({"x-fakes-key": "a-1_B", "x-other": "b"}) == "a-1_B"
    assert key_of_field({}) is None


@pytest.mark.parametrize("key", ["", "a b", "a" * 65, "ä"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(RequestError, match="x-fakes-key: expected 1 to 64 of"):
        key_of_field({"x-fakes-key": key})


async def test_a_call_is_steered_by_its_header_whatever_its_prompt(
    server: Server, fakes: AsyncClient
) -> None:
    script = Script(say=(Say(text="a b c"),), hold=(Hold(at="token", after=2),))
    await fakes.put_script("k", script)
    async with openai.AsyncOpenAI(
        base_url=f"{server.url}/v1", api_key="any", default_headers={"X-Fakes-Key": "k"}
    ) as client:
        answer = asyncio.create_task(
            client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": MESSAGE["content"]}]
            )
        )
        held = await fakes.wait_for("k", "held")
        assert await fakes.release("k") == 1
        said = (await answer).choices[0].message.content

    assert (held.key, held.script, held.tokens.generated) == ("k", "put", 2)
    assert said == "a b c"


@pytest.mark.parametrize(
    ("key", "content", "message"),
    [
        ("a", "[[fake:say call=b]]", "expected one call key in a request, got a, b"),
        ("a b", "hi", "x-fakes-key: expected 1 to 64 of A-Z a-z 0-9 _ -, got 'a b'"),
    ],
)
async def test_a_wrong_key_is_refused_in_the_shape_of_the_provider(
    key: str, content: str, message: str, server: Server, fakes: AsyncClient
) -> None:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        answer = await http.post(
            "/v1/chat/completions",
            json={"model": "m", "messages": [{**MESSAGE, "content": content}]},
            headers={"authorization": "Bearer any", "x-fakes-key": key},
        )

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == message
    (call,) = await fakes.calls()
    assert (call.key, call.outcome) == (None, "refused")


async def test_the_same_key_twice_is_one(server: Server, fakes: AsyncClient) -> None:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        for _ in range(2):
            await http.post(
                "/v1/chat/completions",
                json={
                    "model": "m",
                    "messages": [{**MESSAGE, "content": "[[fake:say call=k]]"}],
                },
                headers={"authorization": "Bearer any", "x-fakes-key": "k"},
            )

    assert [call.turn for call in await fakes.calls("k")] == [1, 2]
