"""Wrong frames, missing pieces and cuts over raw sockets, for every stream."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.fakes.providers.streams import STREAMS, WHOLES, Stream
from tests.fakes.providers.wires import CHAT
from tests.fakes.raw_client import RawClient
from tests.fakes.validators.decoding import decode_array, decode_events, take_apart

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.raw_client import ControlClient, Json

    from streamproof.fakes import Server

PROMPT = "[[fake:say call=k]]"
SAID = [{"text": 'one twó "three" four'}]
TOOL = [{"kind": "tool", "name": "f", "arguments": '{"city": "Rome"}', "keep": 9}]
streams = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)


async def response_to(
    stream: Stream, server: Server, control: ControlClient, **script: object
) -> bytes:
    """Play the same request after a script that goes wrong as said."""
    answer = await control.put_script("k", {"say": SAID, **script})
    answer.raise_for_status()
    with await RawClient.connect(server.url) as client:
        await client.send(stream.post(PROMPT))
        return await client.read_to_end()


async def body_to(
    stream: Stream, server: Server, control: ControlClient, **script: object
) -> bytes:
    _, chunks = take_apart(await response_to(stream, server, control, **script))
    return b"".join(chunks)


async def body_of(request: bytes, server: Server) -> bytes:
    with await RawClient.connect(server.url) as client:
        await client.send(request)
        _, chunks = take_apart(await client.read_to_end())
    return b"".join(chunks)


def frames_of(stream: Stream, body: bytes) -> list[Any]:
    """Return what each frame says, without what counts the frames before it."""
    values = stream.decode(body)
    if stream.decode is decode_events:
        values = [parsed(data) for _, data in values]
    for value in values:
        if isinstance(value, dict):
            value.pop("sequence_number", None)
            value.pop("obfuscation", None)
    return values


def parsed(data: str) -> object:
    try:
        return json.loads(data)
    except ValueError:
        return data


def place_of(frames: list[Any], said: str) -> int:
    """Find the first frame that says a word."""
    spelled = [json.dumps(frame, ensure_ascii=False) for frame in frames]
    return next(place for place, frame in enumerate(spelled) if said in frame)


@streams
async def test_a_frame_of_no_known_type_comes_before_its_token(
    stream: Stream, server: Server, control: ControlClient
) -> None:
    plain = frames_of(stream, await body_to(stream, server, control))
    wrong = frames_of(
        stream,
        await body_to(stream, server, control, garble=[{"at": 2, "how": "unknown"}]),
    )
    place = place_of(plain, "twó")
    _, call = await control.calls("k")

    assert "Nobody knows" in str(wrong.pop(place))
    assert wrong == plain
    assert (call["outcome"], call["fault"]) == ("faulted", "garble")


@streams
async def test_a_frame_comes_twice(
    stream: Stream, server: Server, control: ControlClient
) -> None:
    plain = frames_of(stream, await body_to(stream, server, control))
    body = await body_to(
        stream, server, control, garble=[{"at": 2, "how": "duplicate"}]
    )
    wrong = frames_of(stream, body)
    place = place_of(plain, "twó")

    assert wrong.pop(place) == plain[place]
    assert wrong == plain


@streams
@pytest.mark.parametrize("at", [1, 2])
async def test_a_frame_has_nothing_in_it(
    at: int, stream: Stream, server: Server, control: ControlClient
) -> None:
    right = await body_to(stream, server, control)
    body = await body_to(stream, server, control, garble=[{"at": at, "how": "empty"}])
    plain, wrong = frames_of(stream, right), frames_of(stream, body)
    place = place_of(plain, "one" if at == 1 else "twó")

    if stream.name.startswith("ollama"):
        lines = body.decode().split("\n")
        assert lines.pop(place) == ""
        assert lines == right.decode().split("\n")
        return
    blank: object = {} if stream.decode is decode_array else ""
    # The first token brings its block, and that comes behind what is before it.
    assert wrong.index(blank) <= place
    wrong.remove(blank)
    assert wrong == plain


@streams
async def test_a_frame_is_no_json(
    stream: Stream, server: Server, control: ControlClient
) -> None:
    right = await body_to(stream, server, control)
    body = await body_to(stream, server, control, garble=[{"at": 2, "how": "bad_json"}])
    place = place_of(frames_of(stream, right), "twó")

    assert right.count(b"}") - body.count(b"}") == 1
    if stream.decode is decode_events:
        wrong = frames_of(stream, body)
        assert isinstance(wrong[place], str)
        assert wrong[:place] + wrong[place + 1 :] == (
            frames_of(stream, right)[:place] + frames_of(stream, right)[place + 1 :]
        )
    elif stream.decode is decode_array:
        with pytest.raises(json.JSONDecodeError):
            decode_array(body)
    else:
        assert [type(parsed(line)) for line in body.decode().splitlines()] == [
            str if line == place else dict for line in range(5)
        ]


@streams
@pytest.mark.parametrize("garble", ["bad_json", "duplicate", "empty", "unknown"])
async def test_every_wrong_frame_may_be_that_of_a_tool_s_call(
    garble: str, stream: Stream, server: Server, control: ControlClient
) -> None:
    said = [{"kind": "tool", "name": "f", "arguments": '{"city": "Rome"}'}]
    right = await body_to(stream, server, control, say=said)
    body = await body_to(
        stream, server, control, say=said, garble=[{"at": 1, "how": garble}]
    )

    assert body != right
    assert (len(body) > len(right)) == (garble != "bad_json")


@pytest.mark.parametrize("post", WHOLES.values(), ids=WHOLES)
async def test_an_answer_in_one_piece_is_one_frame(
    post: Callable[[str], bytes], server: Server, control: ControlClient
) -> None:
    bodies: dict[str, bytes] = {}
    for how in ("right", "bad_json", "duplicate", "empty", "unknown"):
        script: Json = {"say": SAID}
        if how != "right":
            script["garble"] = [{"at": 2, "how": how}]
        (await control.put_script("k", script)).raise_for_status()
        bodies[how] = await body_of(post(PROMPT), server)
    calls = await control.calls("k")

    assert json.loads(bodies["right"])
    assert bodies["duplicate"] == 2 * bodies["right"]
    assert bodies["empty"] == b""
    assert "Nobody knows" in str(json.loads(bodies["unknown"]))
    with pytest.raises(json.JSONDecodeError):
        json.loads(bodies["bad_json"])
    assert [call["fault"] for call in calls] == [None, *["garble"] * 4]


# What is missing: words of the body that are there otherwise, as a client meets it.
MISSING = {
    "openai_chat": ('"finish_reason":"', '"usage":{'),
    "openai_responses": ('"status":"completed","background"', '"usage":{'),
    "anthropic": ('"stop_reason":"', '"usage":{'),
    "gemini": ("finishReason", "usageMetadata"),
    "ollama": ("done_reason", "eval_count"),
}
EVERYONE = {
    **{stream.name: stream.post for stream in STREAMS},
    **{f"{name} in one piece": post for name, post in WHOLES.items()},
}


@pytest.mark.parametrize("name", EVERYONE)
@pytest.mark.parametrize("what", ["finish", "usage"])
async def test_something_is_missing_and_nothing_else(
    what: str, name: str, server: Server, control: ControlClient
) -> None:
    post = EVERYONE[name](PROMPT)
    await control.put_script("k", {"say": SAID})
    right = (await body_of(post, server)).decode()
    await control.put_script("k", {"say": SAID, "omit": [{"what": what}]})
    wrong = (await body_of(post, server)).decode()
    _, call = await control.calls("k")
    finish, usage = MISSING[name.split(maxsplit=1)[0]]
    missing, kept = (finish, usage) if what == "finish" else (usage, finish)

    # A stream of Chat Completions tells usage only if it is asked to.
    if name != "openai_chat":
        assert usage in right
    assert (missing in wrong, kept in wrong) == (False, kept in right)
    assert "four" in wrong
    assert (call["outcome"], call["fault"]) == ("faulted", "omit")


async def test_usage_that_was_asked_for_is_missing(
    server: Server, control: ControlClient
) -> None:
    post = CHAT.post(PROMPT, close=True, stream_options={"include_usage": True})
    await control.put_script("k", {"omit": [{"what": "usage"}]})
    body = await body_of(post, server)

    assert b'"usage":null' in body
    assert b'"usage":{' not in body
    assert body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("name", EVERYONE)
async def test_a_page_stands_in_for_an_answer(
    name: str, server: Server, control: ControlClient
) -> None:
    await control.put_script("k", {"page": {"text": "<p>Sign ïn</p>"}})
    with await RawClient.connect(server.url) as client:
        await client.send(EVERYONE[name](PROMPT))
        headers, chunks = take_apart(await client.read_to_end())
    (call,) = await control.calls("k")

    assert client.received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert headers == {
        "content-type": "text/html; charset=utf-8",
        "content-length": "15",
        "connection": "close",
    }
    assert chunks == ["<p>Sign ïn</p>".encode()]
    assert (call["outcome"], call["fault"]) == ("faulted", "page")


@pytest.mark.parametrize("status", [204, 304])
async def test_a_page_that_may_have_no_body_has_none(
    status: int, server: Server, control: ControlClient
) -> None:
    await control.put_script("k", {"page": {"status": status}})
    with await RawClient.connect(server.url) as client:
        await client.send(CHAT.post(PROMPT, close=True))
        received = await client.read_to_end()

    assert received.startswith(f"HTTP/1.1 {status} ".encode())
    assert received.endswith(b"\r\n\r\n")
    assert b"content-length" not in received


@streams
@pytest.mark.parametrize("fault", ["drop", "truncate"])
@pytest.mark.parametrize("wire", [{}, {"newline": "cr", "split": 3, "coalesce": 3}])
async def test_a_stream_is_cut_in_the_middle_of_a_frame(
    wire: Json, fault: str, stream: Stream, server: Server, control: ControlClient
) -> None:
    right = await body_to(stream, server, control, wire=wire)
    whole = await response_to(stream, server, control, wire=wire)
    bodies = {
        size: await response_to(
            stream, server, control, wire=wire, **{fault: {"after": 2, "bytes": size}}
        )
        for size in (0, 1, 25, 1_000_000)
    }
    told = {size: b"".join(take_apart(body)[1]) for size, body in bodies.items()}
    calls = await control.calls("k")

    assert all(right.startswith(body) for body in told.values())
    assert [len(told[size]) - len(told[0]) for size in (1, 25)] == [1, 25]
    assert "three" in told[1_000_000].decode()
    assert "three" not in told[25].decode()
    has_end = [body.endswith(b"0\r\n\r\n") for body in bodies.values()]
    assert has_end == [fault == "truncate"] * 4
    assert whole.endswith(b"0\r\n\r\n")
    assert [call["tokens"]["sent"] for call in calls[2:]] == [2] * 4
    assert {call["fault"] for call in calls[2:]} == {fault}


@streams
async def test_a_stream_is_cut_in_its_last_frames(
    stream: Stream, server: Server, control: ControlClient
) -> None:
    right = await body_to(stream, server, control)
    cut = await body_to(stream, server, control, drop={"after": 4, "bytes": 12})
    none = await body_to(stream, server, control, drop={"after": 4})
    most = await body_to(stream, server, control, drop={"after": 4, "bytes": 999_999})

    assert cut == right[: len(none) + 12]
    assert most == right


@streams
async def test_a_reset_comes_after_the_last_byte_of_a_cut_frame(
    stream: Stream, server: Server, control: ControlClient
) -> None:
    right = await body_to(stream, server, control)
    drop = {"after": 2, "bytes": 7, "how": "rst"}
    await control.put_script("k", {"say": SAID, "drop": drop})
    with await RawClient.connect(server.url) as client:
        await client.send(stream.post(PROMPT))
        with pytest.raises(ConnectionResetError):
            await client.read_to_end()
    _, chunks = take_apart(client.received)
    body = b"".join(chunks)

    assert right.startswith(body)
    assert len(chunks[-1]) == 7
    assert "twó" in body.decode()


# Where the fragments of a call's arguments stand, and how such an answer ends.
FRAGMENTS = {
    "openai_chat": ("arguments", '"finish_reason":"tool_calls"'),
    "openai_responses": ("delta", "event: response.completed"),
    "anthropic": ("partial_json", '"stop_reason":"tool_use"'),
}
# Who sends a call whole sends none that is not; and how such an answer ends.
WITHOUT = {
    "gemini events": '"finishReason": "MALFORMED_FUNCTION_CALL"',
    "gemini array": '"finishReason": "MALFORMED_FUNCTION_CALL"',
    "ollama chat lines": '"done_reason":"stop"',
    "ollama generate lines": '"done_reason":"stop"',
}


@streams
async def test_a_call_s_arguments_stop_in_the_middle(
    stream: Stream, server: Server, control: ControlClient
) -> None:
    body = (await body_to(stream, server, control, say=TOOL)).decode()
    if stream.name in WITHOUT:
        assert WITHOUT[stream.name] in body
        assert '"name"' not in body
        return
    field, end = FRAGMENTS[stream.name]
    fragments = re.findall(rf'"{field}":("(?:[^"\\]|\\.)*")', body)
    said = "".join(json.loads(fragment) for fragment in fragments)

    assert said.startswith('{"city": ')
    assert "Rome" not in body
    assert end in body


@streams
async def test_a_cut_behind_everything_does_not_send_the_terminator_left_out(
    stream: Stream, server: Server, control: ControlClient
) -> None:
    omit = [{"what": "terminator"}]
    without = await body_to(stream, server, control, omit=omit)
    cut = {"after": 4, "bytes": 100_000}

    assert await body_to(stream, server, control, omit=omit, truncate=cut) == without


@streams
async def test_tokens_that_are_kept_back_leave_before_a_gate(
    stream: Stream, server: Server, control: ControlClient
) -> None:
    script = {
        "say": SAID,
        "wire": {"coalesce": 100},
        "hold": [{"at": "token", "after": 3}],
    }
    (await control.put_script("k", script)).raise_for_status()
    with await RawClient.connect(server.url) as client:
        await client.send(stream.post(PROMPT))
        call = await control.wait("k", "held")
        await control.release("k")
        await client.read_to_end()

    assert call["tokens"]["sent"] == 3


@streams
async def test_tokens_of_a_call_that_never_left_whole_are_not_sent(
    stream: Stream, server: Server, control: ControlClient
) -> None:
    tool = {"kind": "tool", "name": "f", "pieces": 2}
    ending = {"after": 1}
    await response_to(stream, server, control, say=[tool], error=ending)
    (call,) = await control.calls("k")
    is_sent_whole = stream.name.startswith(("gemini", "ollama"))

    assert call["tokens"]["generated"] == 1
    assert call["tokens"]["sent"] == (0 if is_sent_whole else 1)
