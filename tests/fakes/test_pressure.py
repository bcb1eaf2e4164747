"""Paces, queues, quotas, pings and lingering models over real sockets.

Nothing here measures time: that is done on virtual time, word by word.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.fakes.raw_client import RawClient, chat_request, names

from streamproof.fakes import Server, Settings

if TYPE_CHECKING:
    from tests.fakes.raw_client import ControlClient, How, Json


def request(prompt: str, *, stream: bool = True) -> bytes:
    return chat_request(prompt, stream=stream).replace(
        b"content-type", b"connection: close\r\ncontent-type", 1
    )


async def answer_to(server: Server, prompt: str) -> bytes:
    with await RawClient.connect(server.url) as client:
        await client.send(request(prompt))
        return await client.read_to_end()


def times(call: Json, name: str) -> list[float]:
    return [event["at"] for event in call["events"] if event["name"] == name]


async def test_tokens_keep_to_their_pace(
    server: Server, control: ControlClient
) -> None:
    delay = "[[fake:delay first=20 prefill=1 tokens_per_s=200 jitter=1 burst=2]]"
    await answer_to(server, f"[[fake:say tokens=6 call=k]] {delay}")
    (call,) = await control.calls("k")
    made, sent = times(call, "token_generated"), times(call, "token_sent")
    (opened,) = times(call, "headers_sent")

    assert made[0] - opened >= 0.020
    assert made[-1] - opened >= 0.040
    assert sent[0::2] == sent[1::2]


async def test_a_silent_stream_is_kept_alive(
    server: Server, control: ControlClient
) -> None:
    prompt = '[[fake:stall after=1 call=k]] [[fake:keepalive each=5 text="still here"]]'
    with await RawClient.connect(server.url) as client:
        await client.send(request(prompt))
        received = await client.read_until(b": still here\n\n", count=3)
        client.leave("fin")
    call = await control.wait("k", "ended")

    assert received.count(b'"content":"') == 2
    assert call["tokens"]["sent"] == 1
    assert call["outcome"] == "cancelled_midstream"


async def test_calls_of_one_model_wait_for_their_slot(
    server: Server, control: ControlClient
) -> None:
    first = "[[fake:queue slots=1]] [[fake:hold at=token after=2 call=first]]"
    second = "[[fake:queue slots=1 call=second]]"
    with (
        await RawClient.connect(server.url) as one,
        await RawClient.connect(server.url) as two,
    ):
        await one.send(request(first))
        await control.wait("first", "held")
        await two.send(request(second))
        waiting = await control.wait("second", "queued")
        await control.release("first")
        await two.read_to_end()
        done = await control.wait("second", "ended")

    assert names(waiting) == ["accepted", "queued"]
    assert names(done)[:4] == ["accepted", "queued", "admitted", "headers_sent"]
    assert done["outcome"] == "completed"


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_a_client_that_leaves_gives_its_slot_away(
    how: How, server: Server, control: ControlClient
) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(
            request("[[fake:queue slots=1]] [[fake:stall after=0 call=a]]")
        )
        await control.wait("a", "headers_sent")
        with await RawClient.connect(server.url) as impatient:
            await impatient.send(request("[[fake:queue slots=1 call=b]]"))
            await control.wait("b", "queued")
            impatient.leave(how)
            left = await control.wait("b", "ended")
        client.leave(how)
        await control.wait("a", "ended")
    received = await answer_to(server, "[[fake:queue slots=1 call=c]]")
    call = await control.wait("c", "ended")

    assert left["outcome"] == "cancelled_before_headers"
    assert b"data: [DONE]" in received
    assert names(call)[:2] == ["accepted", "admitted"]


async def test_a_call_beyond_its_quota_is_told_when_to_come_back(
    server: Server, control: ControlClient
) -> None:
    quota = "[[fake:quota requests=1 tokens=1000 window=60000 call=k]]"
    first = await answer_to(server, quota)
    second = await answer_to(server, quota)
    calls = await control.calls("k")
    head, _, body = second.partition(b"\r\n\r\n")

    assert b"x-ratelimit-limit-requests: 1\r\n" in first
    assert b"x-ratelimit-remaining-requests: 0\r\n" in first
    assert head.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    assert b"\r\nretry-after: " in head
    assert json.loads(body)["error"]["code"] == "rate_limit_exceeded"
    assert [(call["outcome"], call["fault"]) for call in calls] == [
        ("completed", None),
        ("faulted", "quota"),
    ]


async def test_a_call_that_runs_counts_against_concurrency(
    server: Server, control: ControlClient
) -> None:
    quota = "[[fake:quota concurrency=1]]"
    with await RawClient.connect(server.url) as client:
        await client.send(request(f"{quota} [[fake:stall after=1 call=a]]"))
        await control.wait("a", "token:1")
        refused = await answer_to(server, f"{quota} [[fake:say call=b]]")
        client.leave("rst")
        await control.wait("a", "ended")
    served = await answer_to(server, f"{quota} [[fake:say call=c]]")

    assert refused.startswith(b"HTTP/1.1 429 ")
    assert b"\r\nretry-after: " not in refused
    assert served.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_a_model_goes_on_after_its_client_left(
    how: How, server: Server, control: ControlClient
) -> None:
    prompt = (
        "[[fake:say tokens=20 call=k]] [[fake:delay each=2]] [[fake:linger]] "
        "[[fake:hold at=token after=5]]"
    )
    with await RawClient.connect(server.url) as client:
        await client.send(request(prompt))
        await control.wait("k", "held")
        await client.read_until(b'"content":"', count=6)
        client.leave(how)
    gone = await control.wait("k", "peer_gone")
    await control.release("k")
    call = await control.wait("k", "ended")

    assert gone["outcome"] is None
    assert call["outcome"] == "cancelled_midstream"
    assert call["tokens"] == {"generated": 20, "sent": 5, "after_peer_gone": 15}


async def test_a_server_that_closes_ends_models_that_linger() -> None:
    async with Server(Settings()) as server:
        with await RawClient.connect(server.url) as client:
            prompt = "[[fake:delay each=60000]] [[fake:linger]]"
            await client.send(request(prompt))
            await client.read_until(b'"content":"', count=2)
        journal = server.journal
    (call,) = journal.calls()

    assert call.outcome is not None


async def test_half_of_a_frame_is_all_that_arrives(
    server: Server, control: ControlClient
) -> None:
    prompt = "[[fake:drop after=2 bytes=10 how=half_close call=k]]"
    received = await answer_to(server, prompt)
    call = await control.wait("k", "ended")

    assert received.endswith(b'\r\na\r\ndata: {"id\r\n')
    assert (call["outcome"], call["fault"]) == ("faulted", "drop")
