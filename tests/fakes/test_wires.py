"""Every provider over raw sockets: what arrives, what is refused, who left when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.fakes.providers.wires import ANTHROPIC, CHAT, RESPONSES, WIRES, Wire
from tests.fakes.raw_client import RawClient, names
from tests.fakes.validators.frames import body_of

from streamproof.fakes import Server, Settings

if TYPE_CHECKING:
    from tests.fakes.raw_client import ControlClient, How

wires = pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
EVERYTHING = (
    '[[fake:think text="let me see" call=k]] [[fake:say text="Hi thére"]] '
    '[[fake:tool name=f arguments="{\\"city\\": \\"Rome\\"}"]] [[fake:tool name=g]]'
)


async def answer_to(
    server: Server, request: bytes
) -> tuple[int, dict[str, str], bytes]:
    with await RawClient.connect(server.url) as client:
        await client.send(request)
        return body_of(await client.read_to_end())


@wires
async def test_a_stream_arrives_whole_and_is_on_record(
    wire: Wire, server: Server, control: ControlClient
) -> None:
    request = wire.post(EVERYTHING, close=True)
    status, headers, body = await answer_to(server, request)
    told = wire.judge_stream(body)
    (call,) = await control.calls("k")

    assert status == 200
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert told.parts == (
        ("thinking", "", "let me see"),
        ("text", "", "Hi thére"),
        ("tool", "f", '{"city": "Rome"}'),
        ("tool", "g", "{}"),
    )
    assert told.stop == wire.stops["tool_calls"]
    assert (call["provider"], call["model"], call["stream"]) == (wire.name, "m", True)
    assert (call["outcome"], call["tokens"]["sent"]) == ("completed", 9)


@wires
async def test_an_answer_in_one_piece_arrives_whole_and_is_on_record(
    wire: Wire, server: Server, control: ControlClient
) -> None:
    request = wire.post(EVERYTHING, stream=False, close=True)
    status, headers, body = await answer_to(server, request)
    told = wire.judge_body(body)
    (call,) = await control.calls("k")

    assert (status, headers["content-type"]) == (200, "application/json")
    assert [kind for kind, _, _ in told.parts] == ["thinking", "text", "tool", "tool"]
    assert (call["outcome"], call["stream"]) == ("completed", False)


@wires
async def test_two_servers_say_the_same_bytes(wire: Wire, server: Server) -> None:
    request = wire.post(EVERYTHING, close=True)
    async with Server(Settings()) as other:
        told = await answer_to(other, request)

    assert await answer_to(server, request) == told


@wires
async def test_a_bad_directive_is_refused_in_the_shape_of_the_provider(
    wire: Wire, server: Server, control: ControlClient
) -> None:
    request = wire.post("[[fake:tol name=f]]", close=True)
    status, _, body = await answer_to(server, request)
    kind, message = wire.judge_error(body)
    (call,) = await control.calls()

    assert (status, kind) == (400, "invalid_request_error")
    assert message == "[[fake:tol]]: unknown word 'tol', did you mean 'tool'"
    assert (call["provider"], call["outcome"]) == (wire.name, "refused")


@wires
async def test_a_request_without_credentials_is_refused(
    wire: Wire, server: Server
) -> None:
    request = wire.post("hi", close=True).replace(b"Bearer any", b"Basic any")
    status, _, body = await answer_to(server, request)
    wire.judge_error(body)

    assert status == 401


@wires
async def test_the_wrong_method_is_refused_in_the_shape_of_the_provider(
    wire: Wire, server: Server
) -> None:
    request = wire.post("hi", close=True).replace(b"POST", b"PUT", 1)
    status, _, body = await answer_to(server, request)

    assert status == 405
    assert "expected POST" in wire.judge_error(body)[1]


@wires
async def test_a_path_that_nobody_has_is_refused_by_the_nearest_provider(
    wire: Wire, server: Server
) -> None:
    request = wire.post("hi", close=True).replace(
        wire.path.encode(), wire.path.encode() + b"z", 1
    )
    status, _, body = await answer_to(server, request)

    assert status == 404
    assert f"did you mean POST {wire.path};" in wire.judge_error(body)[1]


@wires
async def test_a_failure_says_when_to_come_back(wire: Wire, server: Server) -> None:
    prompt = '[[fake:fail status=429 retry_after=1.5 message="slow down"]]'
    status, headers, body = await answer_to(server, wire.post(prompt, close=True))

    assert (status, headers["retry-after"]) == (429, "1.5")
    assert wire.judge_error(body)[1] == "slow down"


@pytest.mark.parametrize(
    ("wire", "ending"),
    [
        (
            CHAT,
            (
                b'data: {"error":{"message":"no","type":"server_error","param":null,'
                b'"code":null}}\n\ndata: [DONE]\n\n'
            ),
        ),
        (
            RESPONSES,
            (
                b'event: error\ndata: {"type":"error","sequence_number":6,'
                b'"error":{"type":"server_error","code":"server_error",'
                b'"message":"no","param":null}}\n\n'
            ),
        ),
        (
            ANTHROPIC,
            (
                b'event: error\ndata: {"type":"error","error":'
                b'{"type":"overloaded_error","message":"no"}'
            ),
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Wire) else "",
)
async def test_an_error_in_the_stream_is_the_last_that_is_said(
    wire: Wire, ending: bytes, server: Server, control: ControlClient
) -> None:
    prompt = "[[fake:error after=2 message=no call=k]]"
    _, _, body = await answer_to(server, wire.post(prompt, close=True))
    (call,) = await control.calls("k")

    assert body.count(wire.piece) == 2
    assert ending in body
    assert body.partition(ending)[2].strip(b" }\n") == b""
    assert (call["outcome"], call["fault"]) == ("faulted", "error")


@wires
async def test_a_truncated_stream_ends_cleanly_behind_its_token(
    wire: Wire, server: Server
) -> None:
    request = wire.post("[[fake:truncate after=2]]", close=True)
    status, _, body = await answer_to(server, request)

    assert status == 200
    assert body.count(wire.piece) == 2
    assert wire.closing not in body
    assert wire.terminator not in body


@wires
@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_a_drop_comes_after_every_promised_token(
    how: str, wire: Wire, server: Server, control: ControlClient
) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(wire.post(f"[[fake:drop after=2 how={how} call=k]]"))
        if how == "rst":
            with pytest.raises(ConnectionResetError):
                await client.read_to_end()
        else:
            await client.read_to_end()
        call = await control.wait("k", "ended")

        assert client.received.count(wire.piece) == 2
        assert not client.received.endswith(b"0\r\n\r\n")
    assert (call["outcome"], call["fault"]) == ("faulted", "drop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Where a stream is held, what was read by then, and what leaving there means."""

    at: str
    reads: str = ""
    count: int = 1
    outcome: str
    tokens: int = 0


PHASES = [
    Phase(at="headers", outcome="cancelled_before_headers"),
    Phase(at="token after=0", reads="opening", outcome="cancelled_before_first_token"),
    Phase(
        at="token after=3",
        reads="piece",
        count=3,
        outcome="cancelled_midstream",
        tokens=3,
    ),
    Phase(at="end", reads="closing", outcome="cancelled_midstream", tokens=8),
    Phase(at="body_end", reads="terminator", outcome="closed_after_terminal", tokens=8),
]


@wires
@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.at)
async def test_leaving_a_stream_is_recorded_with_its_phase(
    phase: Phase, how: How, wire: Wire, server: Server, control: ControlClient
) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(wire.post(f"[[fake:hold at={phase.at} call=k]]"))
        await control.wait("k", "held")
        if phase.reads:
            # All that was sent must be read, or the kernel makes a RST of the FIN.
            await client.read_until(getattr(wire, phase.reads), count=phase.count)
        client.leave(how)
        call = await control.wait("k", "peer_gone")

    assert (call["outcome"], call["peer"]) == (phase.outcome, how)
    assert call["tokens"] == {
        "generated": phase.tokens,
        "sent": phase.tokens,
        "after_peer_gone": 0,
    }
    assert names(call)[-2:] == ["peer_gone", "ended"]


@wires
@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_leaving_a_whole_answer_is_leaving_before_headers(
    how: How, wire: Wire, server: Server, control: ControlClient
) -> None:
    prompt = "[[fake:hold at=token after=3 call=k]]"
    with await RawClient.connect(server.url) as client:
        await client.send(wire.post(prompt, stream=False))
        await control.wait("k", "held")
        client.leave(how)
        call = await control.wait("k", "ended")

    assert (call["outcome"], call["peer"]) == ("cancelled_before_headers", how)
    assert call["tokens"] == {"generated": 3, "sent": 0, "after_peer_gone": 0}


@wires
async def test_a_gate_between_two_parts_shows_nothing_of_the_second(
    wire: Wire, server: Server, control: ControlClient
) -> None:
    prompt = (
        "[[fake:think text=hm call=k]] [[fake:say text=so]] "
        "[[fake:hold at=token after=1]]"
    )
    with await RawClient.connect(server.url) as client:
        await client.send(wire.post(prompt, close=True))
        await control.wait("k", "held")
        held = await client.read_until(b"hm")
        await control.release("k")
        _, _, body = body_of(await client.read_to_end())

    assert wire.piece not in held
    assert wire.judge_stream(body).parts == (("thinking", "", "hm"), ("text", "", "so"))
