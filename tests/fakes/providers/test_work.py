"""How much work a long answer is: no more for each part of it than for a short one."""

from __future__ import annotations

import pytest
from tests.fakes.providers.streams import STREAMS, Stream
from tests.fakes.work import work_of

from streamproof.fakes.script import Script, Tool

# Four times as many parts, and some slack for what is done once.
LINEAR = 4.2


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
@pytest.mark.parametrize("way", ["stream", "body", "truncated"])
def test_four_times_as_many_parts_are_four_times_the_work(
    way: str, stream: Stream
) -> None:
    few, many = (work_on(stream, way, tools) for tools in (100, 400))

    assert many < few * LINEAR


def work_on(stream: Stream, way: str, tools: int) -> int:
    answer, reply = stream.perform(Script(say=(Tool(name="f"),) * tools))

    def play() -> None:
        if way == "body":
            reply.body()
        elif way == "truncated":
            reply.truncated_body(answer.size - 1)
        else:
            reply.opening()
            for part in answer.parts:
                for piece in part.pieces:
                    reply.token(part, piece)
            reply.closing()
            reply.terminator()

    return work_of(play)
