"""Faults over real sockets: what exactly reaches the client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.fakes.raw_client import RawClient, chat_request, names

if TYPE_CHECKING:
    from tests.fakes.raw_client import ControlClient

    from streamproof.fakes import Server


@pytest.mark.parametrize("after", [0, 1, 8])
async def test_a_reset_comes_after_every_promised_token(
    after: int, server: Server, control: ControlClient
) -> None:
    prompt = f"[[fake:drop after={after} how=rst call=k]]"
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request(prompt))
        with pytest.raises(ConnectionResetError):
            await client.read_to_end()
        call = await control.wait("k", "ended")

        assert client.received.count(b'"finish_reason":null') == after + 1
        assert not client.received.endswith(b"0\r\n\r\n")
    assert (call["outcome"], call["fault"]) == ("faulted", "drop")
    assert call["tokens"]["sent"] == after


async def test_a_reset_waits_for_a_slow_reader(
    server: Server, control: ControlClient
) -> None:
    prompt = "[[fake:say tokens=3000 call=k]][[fake:drop after=3000 how=rst]]"
    with await RawClient.connect(server.url, receive_buffer=4096) as client:
        await client.send(chat_request(prompt))
        await control.wait("k", "token:1")
        with pytest.raises(ConnectionResetError):
            await client.read_to_end()

        assert client.received.count(b'"finish_reason":null') == 3001


async def test_a_drop_with_fin_ends_without_the_last_chunk(
    server: Server, control: ControlClient
) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request("[[fake:drop after=2 how=fin call=k]]"))
        received = await client.read_to_end()

    assert received.count(b'"finish_reason":null') == 3
    assert not received.endswith(b"0\r\n\r\n")
    assert b"[DONE]" not in received


async def test_a_truncated_body_ends_cleanly_and_the_connection_lives_on(
    server: Server,
) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request("[[fake:truncate after=2]]"))
        received = await client.read_until(b"\r\n0\r\n\r\n")
        assert b"[DONE]" not in received
        await client.send(chat_request("[[fake:say text=again]]"))
        await client.read_until(b"[DONE]")


async def test_the_same_key_fails_first_and_answers_then(
    server: Server, control: ControlClient
) -> None:
    prompt = "[[fake:fail status=429 retry_after=0.01 turn=1 call=k]]"
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request(prompt))
        await client.read_until(b'"code":"rate_limit_exceeded"}}')
        await client.send(chat_request(prompt))
        await client.read_until(b"[DONE]")
    first, second = await control.calls("k")

    assert (first["status"], first["fault"], first["turn"]) == (429, "fail", 1)
    assert (second["outcome"], second["turn"]) == ("completed", 2)


async def test_gates_step_through_a_stream(
    server: Server, control: ControlClient
) -> None:
    prompt = "".join(
        f"[[fake:hold at={at} call=k]]"
        for at in ("headers", "token after=0", "token after=2", "end", "body_end")
    )
    seen: list[bytes] = []
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request(prompt))
        await control.wait("k", "held")
        seen.append(client.received)
        await control.release("k")
        await client.read_until(b"0\r\n\r\n")
    call = await control.wait("k", "ended")

    assert seen == [b""]
    assert names(call)[:4] == ["accepted", "held", "released", "headers_sent"]
    assert call["outcome"] == "completed"


async def test_tokens_leave_on_their_schedule(
    server: Server, control: ControlClient
) -> None:
    prompt = "[[fake:delay first=20 each=5 call=k]]"
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request(prompt))
        await client.read_until(b"[DONE]")
    (call,) = await control.calls("k")
    at = {
        name: event["at"]
        for name, event in zip(names(call), call["events"], strict=True)
    }
    sent = [at[f"token_sent:{n}"] - at["headers_sent"] for n in range(1, 9)]

    # Never early; how late depends on the machine and is not judged here.
    assert all(when >= 0.0199 + 0.005 * n for n, when in enumerate(sent))


async def test_many_streams_at_once_end_well(server: Server) -> None:
    async def stream(number: int) -> int:
        with await RawClient.connect(server.url) as client:
            await client.send(chat_request(f"[[fake:say tokens={number}]]"))
            received = await client.read_until(b"0\r\n\r\n")
            return received.count(b'"finish_reason":null') - 1

    counts = await asyncio.gather(*(stream(number) for number in range(100)))

    assert counts == list(range(100))
