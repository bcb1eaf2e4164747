"""Whatever a script says, every provider says it, and its judge has no complaint."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.providers.wires import ANTHROPIC, CHAT, WIRES, Wire, stream_of
from tests.fakes.validators.frames import join_same

from streamproof.fakes.content import Answer, Kind, StopReason
from streamproof.fakes.script import (
    Cost,
    InStreamError,
    Refuse,
    Said,
    Say,
    Script,
    Stop,
    Think,
    Tool,
)

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)
OBJECTS = st.dictionaries(TEXTS, TEXTS | st.integers() | st.none(), max_size=3)
TOOLS = st.builds(
    Tool,
    name=st.sampled_from(["f", "get_weather"]),
    arguments=st.builds(json.dumps, OBJECTS),
    pieces=st.none() | st.integers(1, 30),
)
PARTS = st.one_of(
    st.builds(Say, text=TEXTS),
    st.builds(Say, tokens=st.integers(0, 20)),
    st.builds(Think, text=TEXTS),
    TOOLS,
    st.builds(Refuse, text=TEXTS, explanation=st.none() | TEXTS),
)
EVERYTHING = Script(
    say=(
        Think(text="hm, let me"),
        Say(text='Hi \u2028 thére\n"you"'),
        Tool(name="f", arguments='{"city": "Rom"}'),
        Tool(name="g"),
        Refuse(text="no more", category="cyber", explanation="policy"),
    ),
    usage=Cost(input_tokens=90, cached_tokens=60),
)
wires = pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)


def told_by(wire: Wire, answer: Answer) -> tuple[tuple[str, str, str], ...]:
    """What a client of this provider is told of an answer."""
    parts: list[tuple[str, str, str]] = []
    for part in answer.parts:
        is_refusal = part.kind is Kind.REFUSAL
        kind = "text" if is_refusal and wire is ANTHROPIC else part.kind.value
        if part.pieces or (is_refusal and wire is ANTHROPIC):
            parts.append((kind, part.name, part.text))
    if wire is ANTHROPIC:
        # A refusal without a word comes last, as an empty block.
        parts.sort(key=lambda part: part == ("text", "", ""))
    return join_same(parts)


def as_body(
    wire: Wire, told: tuple[tuple[str, str, str], ...]
) -> tuple[tuple[str, str, str], ...]:
    """What is left of it in one piece."""
    if wire is CHAT:
        order = ("thinking", "text", "refusal", "tool")
        return join_same(sorted(told, key=lambda part: order.index(part[0])))
    if wire is not ANTHROPIC:
        return told
    return tuple(
        (kind, name, _respelled(text) if kind == "tool" else text)
        for kind, name, text in told
    )


def _respelled(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments))
    except json.JSONDecodeError:
        return "{}"


def check(wire: Wire, script: Script, **fields: object) -> None:
    answer, reply = wire.perform(script, {"stream": True, **fields})
    told = wire.judge_stream(stream_of(answer, reply))

    assert told.parts == told_by(wire, answer)
    assert told.stop == wire.stops[answer.stop]
    if told.output_tokens is not None:
        assert told.output_tokens == answer.usage.output_tokens
        assert told.input_tokens == answer.usage.input_tokens

    whole = wire.judge_body(wire.perform(script, fields)[1].body())

    assert join_same(list(whole.parts)) == as_body(wire, told.parts)
    assert (whole.stop, whole.output_tokens) == (told.stop, answer.usage.output_tokens)


@wires
def test_every_kind_of_part_is_told(wire: Wire) -> None:
    check(wire, EVERYTHING)


@wires
@given(said=st.lists(PARTS, max_size=6))
def test_any_answer_is_told_as_it_was_scripted(wire: Wire, said: list[Said]) -> None:
    check(wire, Script(say=tuple(said)))


@wires
@given(said=st.lists(PARTS, max_size=6), limit=st.integers(0, 30))
def test_any_answer_is_cut_where_the_request_says(
    wire: Wire, said: list[Said], limit: int
) -> None:
    check(wire, Script(say=tuple(said)), **{wire.limit: wire.least + limit})


@wires
@pytest.mark.parametrize("reason", list(StopReason))
def test_every_reason_to_stop_is_told(wire: Wire, reason: StopReason) -> None:
    check(wire, Script(stop=Stop(reason=reason)))


@wires
@pytest.mark.parametrize("said", [(Say(text=""),), (Refuse(text=""),)])
def test_an_answer_without_a_word_is_told(wire: Wire, said: tuple[Said, ...]) -> None:
    check(wire, Script(say=said))


@wires
def test_nothing_but_pieces_was_told_after_each_of_them(wire: Wire) -> None:
    answer, reply = wire.perform(EVERYTHING, {"stream": True})
    reply.opening()
    pieces = [(part, piece) for part in answer.parts for piece in part.pieces]
    for part, piece in pieces:
        last = reply.token(part, piece).rstrip(b"\n").rpartition(b"\n\n")[2]

        assert json.dumps(piece, ensure_ascii=False)[1:-1].encode() in last


@wires
@pytest.mark.parametrize("reason", list(StopReason))
def test_a_truncated_body_is_the_beginning_of_the_whole(
    reason: StopReason, wire: Wire
) -> None:
    script = EVERYTHING.model_copy(update={"stop": Stop(reason=reason)})
    answer, reply = wire.perform(script)
    whole = reply.body()
    for count in range(answer.size + 1):
        cut = reply.truncated_body(count)
        said = answer.head(count).parts[-1].text
        escaped = json.dumps(said, ensure_ascii=False)[1:-1]

        assert cut.endswith((escaped.encode(), said.encode()))
        # In a message of Chat Completions what is not said yet stands there as null.
        if wire is not CHAT:
            # A tool's input is an object, which is spelled anew once it is whole.
            assert whole.replace(b": ", b":").startswith(cut.replace(b": ", b":"))


@wires
@pytest.mark.parametrize("said", [Say(text=""), Refuse(text=""), Think(text="")])
def test_a_body_without_a_word_can_be_truncated(said: Said, wire: Wire) -> None:
    _, reply = wire.perform(Script(say=(said,)))

    assert reply.truncated_body(0).endswith(b'"')


@wires
def test_the_same_seed_and_request_give_the_same_bytes(wire: Wire) -> None:
    def told(seed: int) -> bytes:
        answer, reply = wire.perform(EVERYTHING, {"stream": True}, seed=seed)
        heads = [*reply.stream_headers(), *reply.body_headers()]
        return stream_of(answer, reply) + str(heads).encode() + reply.body()

    assert told(0) == told(0) != told(1)


@wires
def test_an_error_is_told_in_the_stream_and_as_a_body(wire: Wire) -> None:
    _, reply = wire.perform(Script(), {"stream": True})
    error = InStreamError(after=0, message="broke off")
    status, body = reply.body_error(error)

    assert b'"message":"broke off"' in reply.stream_error(error)
    assert b'"message":"broke off"' in body
    assert status >= 500
