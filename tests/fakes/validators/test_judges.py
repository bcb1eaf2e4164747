"""Judges of wire formats: a stream with one thing wrong is never let through."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.fakes.providers.wires import ANTHROPIC, CHAT, RESPONSES, Wire, stream_of

from streamproof.fakes.script import Refuse, Say, Script, Think, Tool

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Script(
    say=(Think(text="a b"), Say(text="c d"), Tool(name="f"), Refuse(text="no"))
)
# Those that speak in named frames, of which each has its one place.
wires = pytest.mark.parametrize(
    "wire", [CHAT, RESPONSES, ANTHROPIC], ids=lambda wire: wire.name
)


def frames_of(wire: Wire) -> list[bytes]:
    answer, reply = wire.perform(SCRIPT, {"stream": True})
    stream = stream_of(answer, reply)
    return [frame + b"\n\n" for frame in stream.split(b"\n\n")[:-1]]


def is_piece(frame: bytes) -> bool:
    """Tell a frame that only brings text: nothing says how many there must be."""
    data = frame.partition(b"data: ")[2]
    if not data.startswith(b"{"):
        return False
    event = json.loads(data)
    if event.get("object") == "chat.completion.chunk":
        delta = event["choices"][0]["delta"]
        calls = delta.get("tool_calls", [{}])
        return "role" not in delta and bool(delta) and "id" not in calls[0]
    is_signature = event.get("delta", {}) != {} and b"signature_delta" in data
    return str(event["type"]) == "content_block_delta" and not is_signature


def refuses(wire: Wire, frames: list[bytes]) -> bool:
    try:
        wire.judge_stream(b"".join(frames))
    except (AssertionError, KeyError, ValueError, IndexError):
        return True
    return False


def places(wire: Wire) -> Iterator[tuple[int, list[bytes]]]:
    frames = frames_of(wire)
    for place, frame in enumerate(frames):
        if not is_piece(frame):
            yield place, frames


@wires
def test_the_stream_itself_is_let_through(wire: Wire) -> None:
    assert not refuses(wire, frames_of(wire))


@wires
def test_a_missing_frame_is_seen(wire: Wire) -> None:
    let_through = [
        frames[place]
        for place, frames in places(wire)
        if not refuses(wire, frames[:place] + frames[place + 1 :])
    ]

    assert let_through == []


@wires
def test_a_frame_that_comes_twice_is_seen(wire: Wire) -> None:
    let_through = [
        frames[place]
        for place, frames in places(wire)
        if not refuses(wire, frames[: place + 1] + frames[place:])
    ]

    assert let_through == []


@wires
def test_two_frames_in_the_wrong_order_are_seen(wire: Wire) -> None:
    let_through = [
        frames[place]
        for place, frames in places(wire)
        # A ping may come anywhere but first.
        if place
        and not frames[place].startswith(b"event: ping")
        and not refuses(
            wire,
            [
                *frames[: place - 1],
                frames[place],
                frames[place - 1],
                *frames[place + 1 :],
            ],
        )
    ]

    assert let_through == []


@wires
def test_a_field_that_nobody_knows_is_seen(wire: Wire) -> None:
    frames = frames_of(wire)
    let_through = [
        frame
        for place, frame in enumerate(frames)
        if b"{" in frame
        and not refuses(
            wire,
            [
                *frames[:place],
                frame.replace(b"{", b'{"odd":1,', 1),
                *frames[place + 1 :],
            ],
        )
    ]

    assert let_through == []
