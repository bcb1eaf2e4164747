"""The promises of the server, kept in front of the fake provider over real sockets."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from tests.reference_server.integration.processes import Program, command
from tests.reference_server.integration.stack import Stack, server_command
from tests.reference_server.integration.wire import (
    PATH,
    SECRET,
    Response,
    ask,
    bearer,
    connect,
    request,
    resume,
    start,
)

pytestmark = pytest.mark.slow

PHASES = {
    "before headers": ("hold at=headers", "held", "cancelled_before_headers"),
    "before the first token": (
        "stall after=0",
        "headers_sent",
        "cancelled_before_first_token",
    ),
    "between tokens": ("stall after=3", "token:3", "cancelled_midstream"),
}


def codes(response: Response) -> list[str]:
    return [d["delta"]["code"] for _, d in response.events if d["type"] == "error"]


async def test_a_complete_run_closes_no_model_call_early(stack: Stack) -> None:
    response = await (await stack.start("say tokens=5")).read_all()

    assert response.is_complete
    assert len(response.events) == 14 * 7
    calls = await stack.calls()
    assert [call["outcome"] for call in calls] == ["completed"] * 14
    assert [call["tokens"]["sent"] for call in calls] == [5] * 14


async def test_a_reader_that_keeps_up_is_never_outrun_by_its_run(stack: Stack) -> None:
    response = await (await stack.start("say tokens=2500")).read_all()

    assert response.is_complete
    assert len(response.events) == 14 * 2502


@pytest.mark.parametrize("phase", PHASES)
async def test_a_cancel_reaches_the_model_in_every_phase(
    stack: Stack, phase: str
) -> None:
    directive, state, outcome = PHASES[phase]
    response = await stack.start("say tokens=9", directive)
    await stack.wait_call(state)

    path = f"{PATH}/{response.stream}"
    answer = await ask(stack.server, "DELETE", path, bearer(stack.key))
    await response.read_all()

    assert (answer.status, answer.json["status"]) == (202, "cancelled")
    assert response.is_complete
    assert codes(response) == ["CANCELLED"]
    await expect_cancelled(stack, response, outcome=outcome, cause="explicit")


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("leave", [Response.close, Response.reset])
async def test_a_reader_that_leaves_for_good_cancels_the_model_in_every_phase(
    hasty: Stack, phase: str, leave: Callable[[Response], None]
) -> None:
    directive, state, outcome = PHASES[phase]
    response = await hasty.start("say tokens=9", directive)
    await hasty.wait_call(state)

    leave(response)

    await expect_cancelled(hasty, response, outcome=outcome, cause="disconnect")


async def expect_cancelled(
    stack: Stack, response: Response, *, outcome: str, cause: str
) -> None:
    """Compare what the provider saw with what the server says it did."""
    call = await stack.wait_call("ended")
    shown = await stack.observe(response.stream)

    assert call["outcome"] == outcome
    assert call["tokens"]["after_peer_gone"] == 0
    assert (shown["state"], shown["slots"]) == ("cancelled", 0)
    assert shown["cancel"]["cause"] == cause
    gone_at = next(e["at"] for e in call["events"] if e["name"] == "peer_gone")
    # The promise is a second; how long it takes is for loadtests to measure.
    assert 0 <= gone_at - shown["cancel"]["decided_at"] < 1


async def test_a_cancel_ends_a_retry_pause(stack: Stack) -> None:
    response = await stack.start("fail status=429 retry_after=20")
    await stack.wait_call("ended")

    await ask(stack.server, "DELETE", f"{PATH}/{response.stream}", bearer(stack.key))
    await response.read_all()

    assert codes(response) == ["CANCELLED"]
    assert len(await stack.calls()) == 1


async def test_a_stream_cut_at_every_event_is_whole_again(stack: Stack) -> None:
    whole = await (await stack.start("say tokens=3")).read_all()
    blocks = whole.body.removeprefix(b"retry: 1000\n").split(b"\n\n")[:-1]

    for cut in range(1, len(blocks)):
        last = f"{whole.stream}-{cut}"
        rest = await (await resume(stack.server, last, stack.key)).read_all()
        rest.close()

        assert rest.body.startswith(b"retry: 1000\n")
        tail = rest.body.removeprefix(b"retry: 1000\n").split(b"\n\n")[:-1]
        assert blocks[:cut] + tail == blocks
        assert rest.is_complete


async def test_a_live_stream_cut_again_and_again_is_whole(stack: Stack) -> None:
    response = await stack.start("say tokens=6", "delay each=3")
    ids: list[str] = []
    while True:
        await response.read_events(1)
        ids += [event_id for event_id, _ in response.events]
        response.reset()
        response = await resume(stack.server, ids[-1], stack.key)
        if response.status == 204:
            break

    assert ids == [f"{ids[0][:-2]}-{n}" for n in range(1, 14 * 8 + 1)]
    assert len(await stack.calls()) == 14


async def test_a_newer_reader_takes_over(stack: Stack) -> None:
    older = await stack.start("stall after=2")
    await older.read_events(3)

    newer = await resume(stack.server, f"{older.stream}-1", stack.key)
    await newer.read_events(2)
    await older.read_all()

    assert older.is_complete
    assert codes(older) == []
    assert [event_id[-1] for event_id, _ in newer.events] == ["2", "3"]


async def test_a_burst_of_fifty_gets_exactly_three_streams(stack: Stack) -> None:
    prompt = stack.prompt("stall after=0")

    answers = await asyncio.gather(
        *(start(stack.server, prompt, stack.key) for _ in range(50))
    )

    assert sorted(a.status for a in answers) == [200] * 3 + [429] * 47
    for answer in answers:
        answer.reset()


async def test_readers_that_leave_before_the_first_byte_leave_no_slot_taken(
    hasty: Stack,
) -> None:
    prompt = hasty.prompt("stall after=0")
    for _ in range(100):
        await _send_and_reset(hasty, prompt)
    # The grace of the last one is over when a slot of each can be had again.
    async with asyncio.timeout(60):
        while True:
            answers = [await start(hasty.server, prompt, hasty.key) for _ in range(3)]
            for answer in answers:
                answer.reset()
            if [a.status for a in answers] == [200] * 3:
                break
            await _wait_streams_end(hasty)


async def _send_and_reset(stack: Stack, prompt: str) -> None:
    reader, writer = await connect(stack.server)
    writer.write(request(stack.key, prompt))
    await writer.drain()
    Response(reader, writer).reset()


async def _wait_streams_end(stack: Stack) -> None:
    calls = await stack.calls()
    for turn in range(1, len(calls) + 1):
        await stack.wait_call("ended", turn)


@pytest.mark.parametrize(
    ("directive", "code", "tokens"),
    [
        ("fail status=500", "UPSTREAM_ERROR", 0),
        ("fail status=429", "UPSTREAM_RATE_LIMITED", 0),
        ("fail status=503", "UPSTREAM_ERROR", 0),
        ("error after=2", "UPSTREAM_ERROR", 2),
        ("drop after=2 how=fin", "UPSTREAM_ERROR", 2),
        ("drop after=2 how=rst", "UPSTREAM_ERROR", 2),
        ("truncate after=2", "UPSTREAM_ERROR", 2),
    ],
)
async def test_a_failing_model_is_one_terminal_error(
    stack: Stack, directive: str, code: str, tokens: int
) -> None:
    marker = "INTERNAL-MARKER"
    if directive.startswith(("fail", "error")):
        directive += f' message="{marker}"'

    response = await (await stack.start("say tokens=9", directive)).read_all()

    kinds = [document["type"] for _, document in response.events]
    assert kinds == ["node-enter", *["token-stream"] * tokens, "error"]
    assert codes(response) == [code]
    assert response.is_complete
    assert marker.encode() not in response.body
    assert stack.fakes.url.encode() not in response.body
    assert (await stack.observe(response.stream))["slots"] == 0


async def test_a_mute_model_is_a_timeout(new_stack: Callable[..., Stack]) -> None:
    own = new_stack("--upstream-first-token-timeout-s", "0.3")
    response = await (await own.start("stall after=0")).read_all()

    assert codes(response) == ["UPSTREAM_TIMEOUT"]
    assert (await own.wait_call("ended"))["outcome"] == "cancelled_before_first_token"


async def test_an_overloaded_model_is_asked_again(stack: Stack) -> None:
    response = await stack.start("fail status=429 retry_after=0.2 turn=1")
    await response.read_all()

    assert len(await stack.calls()) == 15
    first, second = (await stack.calls())[:2]
    assert second["events"][0]["at"] - first["events"][0]["at"] >= 0.2
    assert codes(response) == []


async def test_heartbeats_fill_a_stall(stack: Stack) -> None:
    response = await stack.start("stall after=2")
    async with asyncio.timeout(60):
        while response.body.count(b"event: heartbeat") < 3:
            assert await response.read_more()
    response.close()

    assert response.body.endswith(b"event: heartbeat\ndata: {}\n\n" * 3)


async def test_an_expired_token_closes_the_response_and_not_the_run(
    stack: Stack,
) -> None:
    # The end of a token is a whole second.
    response = await stack.start("stall after=2", lifetime_s=2.0)
    await response.read_all()
    again = await resume(stack.server, f"{response.stream}-3", stack.key)

    assert response.body.endswith(b": token expired\n\n")
    assert response.is_complete
    assert again.status == 200
    assert (await stack.observe(response.stream))["state"] == "running"
    again.close()


async def test_http_1_0_gets_a_body_that_ends_with_the_connection(
    stack: Stack,
) -> None:
    response = await start(
        stack.server, stack.prompt("say tokens=1"), stack.key, version="1.0"
    )
    await response.read_all()

    assert "transfer-encoding" not in response.headers
    assert response.headers["connection"] == "close"
    assert len(response.events) == 14 * 3


async def test_head_starts_nothing_and_leaves_the_connection_usable(
    stack: Stack,
) -> None:
    reader, writer = await connect(stack.server)
    authorization = bearer(stack.key)["authorization"]
    head = f"HEAD {PATH} HTTP/1.1\r\nhost: t\r\nauthorization: {authorization}\r\n\r\n"
    writer.write(head.encode() + b"GET /healthz HTTP/1.1\r\nhost: t\r\n\r\n")

    answer = await (await Response(reader, writer).read_head()).read_head()
    writer.close()

    assert answer.status == 200


async def test_half_a_request_is_refused_in_time(
    new_stack: Callable[..., Stack],
) -> None:
    own = new_stack("--request-timeout-s", "0.2")
    reader, writer = await connect(own.server)
    writer.write(request(own.key, "hello")[:-1])

    answer = await (await Response(reader, writer).read_head()).read_all()

    assert answer.status == 408
    assert answer.json["error"]["code"] == "REQUEST_TIMEOUT"
    assert answer.is_complete


async def test_a_stalled_reader_holds_up_no_other_and_is_cut_off(
    new_stack: Callable[..., Stack],
) -> None:
    # A log that keeps everything: who falls out of it is closed in another way.
    log = ("--log-max-events", "1000000", "--log-max-bytes", "100000000")
    own = new_stack("--send-timeout-s", "0.5", *log)
    reader, writer = await connect(own.server, receive_buffer=4096)
    # Each letter is an event of 150 bytes: more than sockets buffer within five nodes.
    prompt = own.prompt(f'say text="{"a " * 9_000}"')
    writer.write(request(own.key, prompt))
    stalled = await Response(reader, writer).read_head()
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket transport

    fast = await start(own.server, "[[fake:say tokens=3]]", "another user")
    await fast.read_all()
    async with asyncio.timeout(60):
        while (await own.observe(stalled.stream))["reader"]:
            pass
    shown = await own.observe(stalled.stream)
    await ask(own.server, "DELETE", f"{PATH}/{stalled.stream}", bearer(own.key))
    writer.transport.resume_reading()  # type: ignore[attr-defined]  # a socket transport
    await stalled.read_all()

    assert fast.is_complete
    assert not stalled.is_complete
    assert shown["state"] == "running"


async def test_sigterm_refuses_new_streams_and_says_farewell(
    new_stack: Callable[..., Stack],
) -> None:
    own = new_stack("--drain-s", "3", "--streams-per-user", "9")
    stalled = [await own.start("stall after=1") for _ in range(5)]
    for response in stalled:
        await response.read_events(2)

    own.server.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        while (await ask(own.server, "GET", "/healthz")).status == 200:
            pass
    refused = await start(own.server, "hello", own.key)
    for response in stalled:
        await response.read_all()
    exit_code = await asyncio.to_thread(own.server.process.wait, 60)

    assert refused.status == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert exit_code == 0
    assert [codes(response) for response in stalled] == [["SERVER_SHUTDOWN"]] * 5
    assert all(response.is_complete for response in stalled)
    retries = {response.blocks[-1].split(b"\n")[0] for response in stalled}
    assert len(retries) > 1
    assert all(retry.startswith(b"retry: ") for retry in retries)
    for call in await own.calls():
        assert call["outcome"] == "cancelled_midstream"


async def test_sigterm_without_streams_is_immediate(
    new_stack: Callable[..., Stack],
) -> None:
    own = new_stack("--drain-s", "60")

    own.server.process.send_signal(signal.SIGTERM)

    assert await asyncio.to_thread(own.server.process.wait, 30) == 0


async def test_a_second_signal_ends_the_drain(
    new_stack: Callable[..., Stack],
) -> None:
    own = new_stack("--drain-s", "60")
    response = await own.start("stall after=1")
    await response.read_events(2)

    own.server.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        while (await ask(own.server, "GET", "/healthz")).status == 200:
            pass
    own.server.process.send_signal(signal.SIGTERM)
    await response.read_all()

    assert codes(response) == ["SERVER_SHUTDOWN"]
    assert await asyncio.to_thread(own.server.process.wait, 30) == 0


@pytest.mark.parametrize(
    ("options", "secret", "message"),
    [
        (["--port", "x"], SECRET, "Invalid value for '--port'"),
        (["--port", "70000"], SECRET, "port: expected a value that is less than"),
        (
            ["--upstream-url", "nonsense"],
            SECRET,
            "upstream_url: expected a value that is a valid",
        ),
        (
            ["--heartbeat-s", "0"],
            SECRET,
            "heartbeat_s: expected a value that is greater than 0",
        ),
        (["--upstream-key", "\u2603"], SECRET, "upstream_key: expected printable"),
        (["--host", "nowhere.invalid"], SECRET, "host: expected an address of this"),
        (["--nonsense"], SECRET, "No such option: --nonsense"),
        ([], "", "jwt_secret: expected a secret for HS256, got none"),
    ],
)
async def test_what_cannot_start_says_why_in_one_line(
    fakes: Program, options: list[str], secret: str, message: str
) -> None:
    result = await _run(server_command(fakes, *options), secret)

    assert result.returncode == 2
    assert result.stderr.startswith("streamproof-server: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr


async def test_a_port_in_use_is_reported(server: Program, fakes: Program) -> None:
    port = str(server.address[1])

    result = await _run(server_command(fakes, "--port", port), SECRET)

    assert result.returncode == 2
    assert f"127.0.0.1:{port}: Address already in use" in result.stderr
    assert result.stderr.count("\n") == 1


async def test_settings_are_checked_before_langgraph_is_imported() -> None:
    arguments = [
        "-X",
        "importtime",
        "-m",
        "streamproof.reference_server",
        "--port",
        "70000",
    ]

    result = await _run([sys.executable, *arguments], SECRET)

    assert result.returncode == 2
    assert "pydantic" in result.stderr
    assert "langgraph" not in result.stderr


async def test_a_misspelt_variable_is_reported(fakes: Program) -> None:
    arguments = ["env", "STREAMPROOF_SERVER_PROT=1", *server_command(fakes)]

    result = await _run(arguments, SECRET)

    assert result.returncode == 2
    assert result.stderr.endswith("did you mean STREAMPROOF_SERVER_PORT\n")


async def test_help_is_no_error() -> None:
    result = await _run(command("reference_server", "--help"), "")

    assert result.returncode == 0
    assert "--upstream-url" in result.stdout


async def _run(arguments: list[str], secret: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        arguments,
        env={**os.environ, "STREAMPROOF_SERVER_JWT_SECRET": secret},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
