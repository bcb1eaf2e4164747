"""Judges of Gemini and Ollama: an answer with one thing wrong is never let through."""

from __future__ import annotations

import pytest
from tests.fakes.providers.forms import GEMINI_FORMS, OLLAMA_FORMS, Form

from streamproof.fakes.script import Say, Script, Think, Tool

SCRIPT = Script(say=(Think(text="a b"), Say(text="c d"), Tool(name="f")))
EVENTS, ARRAY, WHOLE = GEMINI_FORMS
LINES, ONE_LINE, RESPONSES, _ = OLLAMA_FORMS
# What to replace once, from the end, in what a form says, and by what.
WRONGS = [
    (EVENTS, b"\r\n\r\n", b"\n\n"),
    (EVENTS, b"\r\n\r\n", b""),
    (EVENTS, b"data: {", b"data:{"),
    (EVENTS, b'"finishReason": "STOP",', b""),
    (EVENTS, b'"STOP"', b'"stop"'),
    (EVENTS, b'"thought": true', b'"thought": false'),
    (EVENTS, b'"thoughtSignature"', b'"signature"'),
    (EVENTS, b'"responseId": "', b'"responseId": "x'),
    (EVENTS, b'"totalTokenCount": ', b'"totalTokenCount": 1'),
    (EVENTS, b'"role": "model"', b'"role": "user"'),
    (EVENTS, b'"args": {}', b'"args": "{}"'),
    (EVENTS, b'"index": 0', b'"index": 0,"index": 0'),
    (ARRAY, b"\n]\n", b"\n"),
    (ARRAY, b",\r\n{", b"{"),
    (ARRAY, b'"finishReason": "STOP",', b""),
    (WHOLE, b'"finishReason": "STOP",', b""),
    (WHOLE, b"}\n", b"}"),
    (WHOLE, b'"thoughtsTokenCount"', b'"thoughtTokenCount"'),
    (LINES, b"\n", b""),
    (LINES, b"\n{", b"\n\n{"),
    (LINES, b'"done":true', b'"done":false'),
    (LINES, b'"done_reason":"stop",', b""),
    (LINES, b'"total_duration":', b'"total_duration":0,"x":'),
    (LINES, b'"eval_count"', b'"evalCount"'),
    (LINES, b'"arguments":{}', b'"arguments":"{}"'),
    (LINES, b'"role":"assistant"', b'"role":"model"'),
    (LINES, b'Z","', b'","'),
    (LINES, b'"content":""', b'"content":"more"'),
    (ONE_LINE, b'"done_reason":"stop",', b""),
    (ONE_LINE, b'"thinking"', b'"thought"'),
    (RESPONSES, b'"response":""', b'"message":{"role":"assistant","content":""}'),
]


def refuses(form: Form, said: bytes) -> bool:
    try:
        form.judge(said)
    except (AssertionError, KeyError, ValueError, IndexError):
        return True
    return False


@pytest.mark.parametrize(
    "form", [*GEMINI_FORMS, *OLLAMA_FORMS], ids=lambda form: form.name
)
def test_the_answer_itself_is_let_through(form: Form) -> None:
    assert not refuses(form, form.say(SCRIPT))


@pytest.mark.parametrize(("form", "right", "wrong"), WRONGS)
def test_one_wrong_thing_is_seen(form: Form, right: bytes, wrong: bytes) -> None:
    said = form.say(SCRIPT)
    before, found, after = said.rpartition(right)

    assert found
    assert refuses(form, before + wrong + after)


@pytest.mark.parametrize(
    ("form", "end"), [(EVENTS, b"\r\n\r\n"), (LINES, b"\n"), (RESPONSES, b"\n")]
)
def test_a_terminator_that_is_missing_or_comes_twice_is_seen(
    form: Form, end: bytes
) -> None:
    frames = [frame + end for frame in form.say(SCRIPT).split(end)[:-1]]

    assert refuses(form, b"".join(frames[:-1]))
    assert refuses(form, b"".join([*frames, frames[-1]]))
