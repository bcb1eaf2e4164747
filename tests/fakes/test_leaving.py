"""Leaving over real sockets: every phase, FIN and RST, stream and whole.

Held at a gate, so that nothing depends on how fast anything is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.fakes.raw_client import RawClient, chat_request, names

if TYPE_CHECKING:
    from tests.fakes.raw_client import ControlClient, How

    from streamproof.fakes import Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Where a stream stops, how to know it did, and what leaving there means."""

    prompt: str
    state: str
    read: bytes = b""
    count: int = 1
    outcome: str
    tokens: int = 0


PHASES = [
    Phase(
        prompt="[[fake:hold at=headers call=k]]",
        state="held",
        outcome="cancelled_before_headers",
    ),
    Phase(
        prompt="[[fake:hold at=token after=0 call=k]]",
        state="held",
        read=b'"role":"assistant"',
        outcome="cancelled_before_first_token",
    ),
    Phase(
        prompt="[[fake:stall after=0 call=k]]",
        state="headers_sent",
        read=b'"role":"assistant"',
        outcome="cancelled_before_first_token",
    ),
    Phase(
        prompt="[[fake:delay first=3600000 call=k]]",
        state="headers_sent",
        read=b'"role":"assistant"',
        outcome="cancelled_before_first_token",
    ),
    Phase(
        prompt="[[fake:hold at=token after=3 call=k]]",
        state="held",
        read=b'"finish_reason":null',
        count=4,
        outcome="cancelled_midstream",
        tokens=3,
    ),
    Phase(
        prompt="[[fake:stall after=3 ms=3600000 call=k]]",
        state="token:3",
        read=b'"finish_reason":null',
        count=4,
        outcome="cancelled_midstream",
        tokens=3,
    ),
    Phase(
        prompt="[[fake:hold at=end call=k]]",
        state="held",
        read=b'"finish_reason":"stop"',
        outcome="cancelled_midstream",
        tokens=8,
    ),
    Phase(
        prompt="[[fake:hold at=body_end call=k]]",
        state="held",
        read=b"[DONE]",
        outcome="closed_after_terminal",
        tokens=8,
    ),
]


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.prompt)
async def test_leaving_a_stream_is_recorded_with_its_phase(
    phase: Phase, how: How, server: Server, control: ControlClient
) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request(phase.prompt))
        await control.wait("k", phase.state)
        if phase.read:
            # All that was sent must be read, or the kernel makes a RST of the FIN.
            await client.read_until(phase.read, count=phase.count)
        client.leave(how)
        call = await control.wait("k", "peer_gone")

    assert (call["outcome"], call["peer"]) == (phase.outcome, how)
    assert call["tokens"] == {
        "generated": phase.tokens,
        "sent": phase.tokens,
        "after_peer_gone": 0,
    }
    assert names(call)[-2:] == ["peer_gone", "ended"]


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize(
    ("prompt", "generated"),
    [
        ("[[fake:hold at=headers call=k]]", 0),
        ("[[fake:hold at=token after=3 call=k]]", 3),
        ("[[fake:hold at=end call=k]]", 8),
        ("[[fake:delay first=3600000 call=k]] [[fake:hold at=token after=0]]", 0),
    ],
)
async def test_leaving_a_whole_answer_is_leaving_before_headers(
    prompt: str, generated: int, how: How, server: Server, control: ControlClient
) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request(prompt, stream=False))
        await control.wait("k", "held")
        client.leave(how)
        call = await control.wait("k", "ended")

    assert (call["outcome"], call["peer"]) == ("cancelled_before_headers", how)
    assert call["tokens"] == {
        "generated": generated,
        "sent": 0,
        "after_peer_gone": 0,
    }


async def test_a_half_close_counts_as_leaving(
    server: Server, control: ControlClient
) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request("[[fake:stall after=1 call=k]]"))
        await control.wait("k", "token:1")
        client.half_close()
        call = await control.wait("k", "ended")

    assert (call["outcome"], call["peer"]) == ("cancelled_midstream", "fin")


async def test_closing_with_unread_bytes_is_a_reset(
    server: Server, control: ControlClient
) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request("[[fake:stall after=1 call=k]]"))
        await control.wait("k", "token:1")
        client.leave("fin")
        call = await control.wait("k", "ended")

    assert (call["outcome"], call["peer"]) == ("cancelled_midstream", "rst")


async def test_leaving_after_the_end_is_no_cancel(
    server: Server, control: ControlClient
) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request("[[fake:say call=k]]"))
        await client.read_until(b"0\r\n\r\n")
        client.leave("fin")
    call = await control.wait("k", "ended")

    assert (call["outcome"], call["peer"]) == ("completed", None)
    assert names(call)[-2:] == ["terminator_sent", "ended"]


async def test_a_reader_that_stops_reading_stops_the_model_and_can_leave(
    server: Server, control: ControlClient
) -> None:
    prompt = "[[fake:say tokens=100000 call=k]]"
    with await RawClient.connect(server.url, receive_buffer=4096) as client:
        await client.send(chat_request(prompt))
        await control.wait("k", "token:1")
        client.leave("rst")
        call = await control.wait("k", "ended")

    assert (call["outcome"], call["peer"]) == ("cancelled_midstream", "rst")
    assert call["tokens"]["generated"] < 100_000
    assert call["tokens"]["after_peer_gone"] == 0


async def test_a_shutdown_ends_running_calls_and_hangs_up(
    server: Server, control: ControlClient
) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request("[[fake:stall after=1 call=k]]"))
        await control.wait("k", "token:1")
        await server.close()
        received = await client.read_to_end()

    (call,) = server.journal.calls("k")
    assert call.outcome == "shutdown"
    assert not received.endswith(b"0\r\n\r\n")
    assert server.open_connections == 0
