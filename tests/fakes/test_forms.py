"""Gemini and Ollama over raw sockets: what arrives, what breaks off, who left when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.fakes.providers.forms import (
    FORMS,
    GEMINI_FORMS,
    GEMINI_PATH,
    OLLAMA_FORMS,
    STREAMS,
    Form,
)
from tests.fakes.raw_client import RawClient, names, post
from tests.fakes.validators import gemini, ollama
from tests.fakes.validators.frames import body_of

from streamproof.fakes import Server, Settings

if TYPE_CHECKING:
    from tests.fakes.raw_client import ControlClient, How

forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
streams = pytest.mark.parametrize("form", STREAMS, ids=lambda form: form.name)
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


@forms
async def test_an_answer_arrives_whole_and_is_on_record(
    form: Form, server: Server, control: ControlClient
) -> None:
    status, headers, body = await answer_to(server, form.post(EVERYTHING))
    told = form.judge(body)
    (call,) = await control.calls("k")

    assert (status, headers["content-type"]) == (200, form.content_type)
    assert told.parts == (
        ("thinking", "", "let me see"),
        ("text", "", "Hi thére"),
        ("tool", "f", '{"city": "Rome"}'),
        ("tool", "g", "{}"),
    )
    assert told.stop == form.stops["tool_calls"]
    assert (call["provider"], call["stream"]) == (form.name.split()[0], form.is_stream)
    assert (call["outcome"], call["tokens"]["sent"]) == ("completed", 9)
    assert "terminator_sent" in names(call)


@forms
async def test_two_servers_say_the_same_bytes(form: Form, server: Server) -> None:
    async with Server(Settings()) as other:
        told = await answer_to(other, form.post(EVERYTHING))

    assert await answer_to(server, form.post(EVERYTHING)) == told


@streams
async def test_an_error_breaks_a_stream_off_behind_its_token(
    form: Form, server: Server, control: ControlClient
) -> None:
    prompt = '[[fake:say tokens=4 call=k]] [[fake:error after=2 message="broke off"]]'
    status, _, body = await answer_to(server, form.post(prompt))
    (call,) = await control.calls("k")

    assert status == 200
    assert b"broke off" in body[-160:]
    assert (call["outcome"], call["fault"]) == ("faulted", "error")
    assert call["tokens"]["sent"] == 2


@streams
async def test_a_truncated_stream_ends_cleanly_without_a_reason(
    form: Form, server: Server, control: ControlClient
) -> None:
    prompt = "[[fake:say tokens=4 call=k]] [[fake:truncate after=2]]"
    _, _, body = await answer_to(server, form.post(prompt))
    (call,) = await control.calls("k")

    assert b"finishReason" not in body
    assert b"done_reason" not in body
    assert (call["outcome"], call["tokens"]["sent"]) == ("faulted", 2)
    assert "terminator_sent" not in names(call)


@streams
@pytest.mark.parametrize("delay", ["", "[[fake:delay each=1]]"])
async def test_a_stream_that_breaks_off_inside_a_call_has_none_of_it(
    delay: str, form: Form, server: Server, control: ControlClient
) -> None:
    prompt = (
        '[[fake:say text="hi" call=k]] [[fake:tool name=f '
        'arguments="{\\"a\\": 1}" pieces=3]] [[fake:truncate after=2]]'
    )
    _, _, body = await answer_to(server, form.post(f"{prompt} {delay}"))
    (call,) = await control.calls("k")

    assert b'"hi"' in body
    assert b'"f"' not in body
    assert (call["tokens"]["generated"], call["tokens"]["sent"]) == (2, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Where a stream is held, how many line ends come before, what leaving means.

    In each form the head and every HTTP chunk end in an empty line.
    """

    at: str
    reads: int
    outcome: str


PHASES = (
    Phase(at="headers", reads=0, outcome="cancelled_before_headers"),
    Phase(at="token after=0", reads=1, outcome="cancelled_before_first_token"),
    Phase(at="token after=2", reads=3, outcome="cancelled_midstream"),
    Phase(at="end", reads=5, outcome="cancelled_midstream"),
    Phase(at="body_end", reads=6, outcome="closed_after_terminal"),
)


@streams
@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.at)
async def test_a_reader_that_leaves_is_seen_in_its_phase(
    form: Form, phase: Phase, how: How, server: Server, control: ControlClient
) -> None:
    prompt = f"[[fake:say tokens=4 call=k]] [[fake:hold at={phase.at}]]"
    with await RawClient.connect(server.url) as client:
        await client.send(form.post(prompt))
        await control.wait("k", "held")
        await client.read_until(b"\n\r\n", count=phase.reads)
        client.leave(how)
        call = await control.wait("k", "ended")

    assert (call["outcome"], call["peer"]) == (phase.outcome, how)


@pytest.mark.parametrize("form", GEMINI_FORMS, ids=lambda form: form.name)
async def test_gemini_refuses_in_its_shape(form: Form, server: Server) -> None:
    bad, _, refused = await answer_to(server, form.post("[[fake:tol name=f]]"))
    locked = form.post("hi").replace(b"Bearer any", b"Basic any")
    closed, _, unknown = await answer_to(server, locked)

    assert (bad, closed) == (400, 403)
    assert gemini.validate_error(refused)[0] == "INVALID_ARGUMENT"
    assert gemini.validate_error(unknown)[0] == "PERMISSION_DENIED"


@pytest.mark.parametrize("method", ["countTokens", "generateContents"])
async def test_another_method_of_a_model_is_a_404_in_its_shape(
    method: str, server: Server
) -> None:
    request = post(f"{GEMINI_PATH}:{method}", b"{}", "connection: close")
    status, _, body = await answer_to(server, request)

    assert status == 404
    assert gemini.validate_error(body)[0] == "NOT_FOUND"


@pytest.mark.parametrize("form", OLLAMA_FORMS, ids=lambda form: form.name)
async def test_ollama_needs_no_key_and_refuses_in_its_shape(
    form: Form, server: Server
) -> None:
    unlocked = form.post("hi").replace(b"authorization", b"x-nothing")
    good, _, _ = await answer_to(server, unlocked)
    bad, _, refused = await answer_to(server, form.post("[[fake:tol name=f]]"))

    assert (good, bad) == (200, 400)
    assert "did you mean 'tool'" in ollama.validate_error(refused)


async def test_another_path_of_ollama_is_a_404_in_its_shape(server: Server) -> None:
    request = post("/api/embed", b"{}", "connection: close")
    status, _, body = await answer_to(server, request)

    assert status == 404
    assert "/api/chat" in ollama.validate_error(body)
