"""`control.api`: the control API over HTTP."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from tests.fakes.raw_client import RawClient, chat_request

if TYPE_CHECKING:
    from tests.fakes.raw_client import ControlClient

    from streamproof.fakes import Server


async def say(server: Server, prompt: str) -> bytes:
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request(prompt))
        return await client.read_until(b"0\r\n\r\n")


async def test_health_tells_the_clock_everybody_on_the_host_shares(
    control: ControlClient,
) -> None:
    before = time.monotonic()
    health = (await control.http.get("/_fakes/health")).json()

    assert health["status"] == "ok"
    assert health["version"]
    assert before <= health["clock"] <= time.monotonic()


async def test_calls_are_read_by_key_or_all(
    server: Server, control: ControlClient
) -> None:
    for key in ("a", "b", "a"):
        await say(server, f"[[fake:say call={key}]]")
    await say(server, "no directive")

    assert [call["turn"] for call in await control.calls("a")] == [1, 2]
    assert [call["key"] for call in await control.calls()] == ["a", "b", "a", None]
    assert await control.calls("unknown") == []


async def test_a_wait_is_answered_when_the_call_arrives(
    server: Server, control: ControlClient
) -> None:
    waiting = asyncio.create_task(control.wait("k", "ended"))
    await say(server, "[[fake:say call=k]]")
    call = await waiting

    assert call["outcome"] == "completed"


async def test_a_wait_for_what_happened_is_answered_at_once(
    server: Server, control: ControlClient
) -> None:
    await say(server, "[[fake:say call=k]]")
    answers = [
        await control.ask_wait("k", state, timeout_ms=0)
        for state in ("accepted", "headers_sent", "token", "token:8", "terminator_sent")
    ]

    assert all(answer["reached"] for answer in answers)


@pytest.mark.parametrize("state", ["held", "token:9", "peer_gone"])
async def test_a_wait_for_what_can_no_longer_happen_is_answered_at_once(
    state: str, server: Server, control: ControlClient
) -> None:
    await say(server, "[[fake:say call=k]]")
    answer = await control.ask_wait("k", state, timeout_ms=60_000)

    assert answer["reached"] is False
    assert answer["call"]["outcome"] == "completed"


async def test_a_wait_that_times_out_says_what_is_known(
    server: Server, control: ControlClient
) -> None:
    nothing = await control.ask_wait("k", "ended", timeout_ms=1)
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request("[[fake:stall after=1 call=k]]"))
        await control.wait("k", "token")
        running = await control.ask_wait("k", "ended", timeout_ms=1)

    assert (nothing["reached"], nothing["call"]) == (False, None)
    assert running["reached"] is False
    assert running["call"]["outcome"] is None


async def test_a_waiter_that_leaves_leaves_nothing_behind(
    server: Server, control: ControlClient
) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(
            b"GET /_fakes/calls/k/1/wait?state=ended HTTP/1.1\r\nhost: x\r\n\r\n"
        )
        await control.http.get("/_fakes/health")
        client.leave("fin")
    await say(server, "[[fake:say call=k]]")

    assert server.journal._watches == {}


async def test_a_release_opens_one_turn(server: Server, control: ControlClient) -> None:
    prompt = "[[fake:hold at=headers call=k]]"
    with (
        await RawClient.connect(server.url) as first,
        await RawClient.connect(server.url) as second,
    ):
        await first.send(chat_request(prompt))
        await control.wait("k", "held", turn=1)
        await second.send(chat_request(prompt))
        await control.wait("k", "held", turn=2)

        assert await control.release("k", 2) == 1
        await control.wait("k", "ended", turn=2)
        assert (await control.calls("k"))[0]["outcome"] is None
        assert await control.release("k") == 1
        await control.wait("k", "ended", turn=1)


async def test_a_release_before_the_call_opens_its_gates_too(
    server: Server, control: ControlClient
) -> None:
    assert await control.release("k") == 0
    await say(server, "[[fake:hold at=end call=k]]")

    assert (await control.calls("k"))[0]["outcome"] == "completed"


async def test_a_script_put_for_a_key_is_what_its_calls_follow(
    server: Server, control: ControlClient
) -> None:
    put = await control.put_script("k", {"say": [{"text": "from the script"}]})
    received = await say(server, "[[fake:say text=prompt call=k]]")

    assert put.json() == {"key": "k"}
    assert b'"content":"script"' in received


async def test_a_bad_script_is_refused_by_name(control: ControlClient) -> None:
    answer = await control.put_script("k", {"stal": []})

    assert answer.status_code == 400
    assert answer.json() == {"error": "script: stal: unknown key, did you mean 'stall'"}


async def test_the_whole_journal_is_told_without_events(
    server: Server, control: ControlClient
) -> None:
    await say(server, "[[fake:say call=k]]")
    answer = await control.http.get("/_fakes/calls")

    [call] = answer.json()["calls"]
    assert (call["key"], call["outcome"]) == ("k", "completed")
    assert "events" not in call


async def test_deleting_a_key_forgets_journal_turns_gates_and_script(
    server: Server, control: ControlClient
) -> None:
    await control.put_script("k", {"say": [{"text": "scripted"}]})
    await control.release("k")
    await say(server, "[[fake:say call=k]]")
    answer = await control.http.delete("/_fakes/calls/k")
    received = await say(server, "[[fake:say text=plain call=k]]")

    assert answer.json() == {"forgotten": 1}
    assert b'"content":"plain"' in received
    assert [call["turn"] for call in await control.calls("k")] == [1]


async def test_deleting_a_key_lets_its_held_calls_go(
    server: Server, control: ControlClient
) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request("[[fake:hold at=headers call=k]]"))
        await control.wait("k", "held")
        await control.http.delete("/_fakes/calls/k")
        await client.read_until(b"0\r\n\r\n")


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "message"),
    [
        ("GET", "/_fakes/call", b"", 404, "expected one of GET /_fakes/health, "),
        ("PUT", "/_fakes/calls", b"", 405, "expected GET, DELETE, got PUT"),
        (
            "GET",
            "/_fakes/calls/k/1/wait?state=begun",
            b"",
            400,
            "expected state to be one of accepted, ",
        ),
        (
            "GET",
            "/_fakes/calls/k/1/wait?state=ended&timeout_ms=60001",
            b"",
            400,
            "expected timeout_ms to be 0 to 60000, got '60001'",
        ),
        (
            "POST",
            "/_fakes/gates/k/release",
            b'{"trun": 1}',
            400,
            'expected {"turn": N} with N from 1 to 999999 or {}, got ',
        ),
        (
            "POST",
            "/_fakes/gates/k/release",
            b'{"turn": 1000000}',
            400,
            'expected {"turn": N} with N from 1 to 999999 or {}, got ',
        ),
        ("PUT", "/_fakes/scripts/k", b"{", 400, "script: "),
    ],
)
async def test_a_wrong_control_request_is_told_what_is_right(
    method: str,
    path: str,
    content: bytes,
    status: int,
    message: str,
    control: ControlClient,
) -> None:
    answer = await control.http.request(method, path, content=content)

    assert answer.status_code == status
    assert answer.json()["error"].startswith(message)


async def test_a_release_without_a_body_opens_all(
    server: Server, control: ControlClient
) -> None:
    answer = await control.http.post("/_fakes/gates/k/release")

    assert answer.json() == {"released": 0}


async def test_scripts_put_for_a_key_come_turn_by_turn(
    server: Server, control: ControlClient
) -> None:
    texts = ("first", "then")
    put = await control.put_script("k", [{"say": [{"text": text}]} for text in texts])
    said = [await say(server, "[[fake:say call=k]]") for _ in range(3)]

    assert put.json() == {"key": "k"}
    assert b'"content":"first"' in said[0]
    assert all(b'"content":"then"' in one for one in said[1:])
    assert [call["script"] for call in await control.calls("k")] == ["put"] * 3


async def test_a_library_is_put_over_http(
    server: Server, control: ControlClient
) -> None:
    library = {
        "scripts": {"busy": {"say": [{"text": "busy"}]}},
        "rules": [{"match": {"prompt": "hi"}, "scripts": ["busy"]}],
    }
    put = await control.http.put("/_fakes/library", json=library)
    received = await say(server, "hi")

    assert put.json() == {"scripts": ["busy"], "rules": 1}
    assert b'"content":"busy"' in received


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b'{"rule": []}', 400, "library: rule: unknown key, did you mean 'rules'"),
        (
            b'{"rules": [{"scripts": ["busy"]}]}',
            400,
            "library: rules.0.scripts.0: unknown script 'busy', there is none",
        ),
        (b" " * 300_000, 413, "expected at most 262144 bytes, got 300000"),
    ],
)
async def test_a_bad_library_is_refused(
    body: bytes, status: int, message: str, control: ControlClient
) -> None:
    answer = await control.http.put("/_fakes/library", content=body)

    assert (answer.status_code, answer.json()) == (status, {"error": message})


async def test_deleting_all_calls_is_a_new_start(
    server: Server, control: ControlClient
) -> None:
    await control.put_script("k", {"say": [{"text": "scripted"}]})
    for key in ("k", "other"):
        await say(server, f"[[fake:say call={key}]]")
    answer = await control.http.delete("/_fakes/calls")
    received = await say(server, "[[fake:say text=plain call=k]]")

    assert answer.json() == {"forgotten": 2}
    assert b'"content":"plain"' in received
    [call] = await control.calls()
    assert (call["ordinal"], call["turn"]) == (1, 1)


async def test_a_script_too_long_to_keep_is_refused(control: ControlClient) -> None:
    answer = await control.put_script("k", {"say": [{"text": "a" * 70_000}]})

    assert answer.status_code == 413
