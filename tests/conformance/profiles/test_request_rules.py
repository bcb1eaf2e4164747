"""What the requests of a profile must not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamproof.conformance.errors import ProfileError
from streamproof.conformance.profiles import load, parse

TOY = Path(__file__).parents[2] / "mutants/bases/toy/toy.toml"
TEXT = TOY.read_text("utf-8")


def side(*steps: str, when: str = "alone") -> str:
    """Return the setting of one side with such requests."""
    return f"sides=[{one_side(*steps, when=when)}]"


def sides(step: str, *, times: int) -> str:
    return f"sides=[{', '.join([one_side(step)] * times)}]"


def one_side(*steps: str, when: str = "alone") -> str:
    requests = ", ".join(f"{{name='n', path='/x', {step}}}" for step in steps)
    return f"{{name='s', when='{when}', requests=[{requests}]}}"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["endpoint.path=/{user}"], "expected {prompt} or {session} or {uuid}, got"),
        (["endpoint.body={p='{prompt}', x='{stream}'}"], "{uuid}, got {stream}"),
        (["endpoint.headers={X='{thread}'}"], "endpoint.headers: expected {prompt}"),
        (
            ["endpoint.invalid=[{name='n', query={a='{b}'}, status=422}]"],
            "endpoint.invalid.0.query: expected {prompt} or {session} or {uuid}, got",
        ),
        (
            [
                "endpoint.body={p='{prompt}', n=[1]}",
                "endpoint.invalid=[{name='n', body={p='ab', n=[1]}, status=422}]",
            ],
            "endpoint.invalid.0.body: expected something wrong beside the text, whose",
        ),
        (
            ["endpoint.captures={a={pointer='/x'}}", "sides=[]"],
            "endpoint.captures.a: expected `header`, or `pointer` and `event`",
        ),
        (
            ["endpoint.captures={a={event='strated', pointer='/x'}}", "sides=[]"],
            "endpoint.captures.a.event: expected a type that the profile has",
        ),
        (
            ["endpoint.captures={uuid={header='X'}}", "sides=[]"],
            "expected a free name for a placeholder, got 'uuid'",
        ),
        (
            ["endpoint.captures={'a b'={header='X'}}", "sides=[]"],
            "expected a free name for a placeholder, got 'a b'",
        ),
        (
            ["resume.path=/{x}"],
            "resume.path: expected {cursor} or {draft} or {prompt} or {session} or",
        ),
        (
            ["cancel.explicit=[{path='/x'}]"],
            "expected {stream}, {session} or a capture in `path` or `body`, got '/x'",
        ),
        (
            ["cancel.explicit=[{path='/{stream}'}, {path='/{strm}'}]"],
            "cancel.explicit.1.path: expected {draft} or {session} or {stream} or",
        ),
        (
            ["endpoint.body={p='{prompt}'}", "cancel.explicit=[{path='/{session}'}]"],
            "expected {session} in the endpoint's request, or a capture of that name",
        ),
        (["terminal.cancelled=[]"], "expected `terminal.cancelled` with `tells`"),
        (
            ["response={}", "ids={form='sequence'}"],
            "cancel.explicit.0.path: expected `response.stream_id_header` or",
        ),
        (["sides=[{name='a', requests=[]}]"], "expected at least one item, got none"),
        (["sides=[{name='A', requests=[]}]"], "sides.0.name: expected"),
        ([sides("expect={status=200}", times=2)], "expected a name of its own, got"),
        ([side("expect={status=200}", when="later")], "expected 'alone', 'before'"),
        ([side("expect={status=200}, method='TRACE'")], "expected 'GET', 'POST'"),
        ([side("expect={status=2}")], "greater than or equal to 100"),
        ([side("x=1, expect={status=200}")], "unknown key"),
        ([side("body='{stream}', expect={status=200}")], "got {stream}"),
        ([side("body='{draft}', expect={status=200}")], "got {draft}"),
        (
            [side("captures={a={event='done', pointer=''}}, expect={status=200}")],
            "expected no `event` in an answer, got 'done'",
        ),
        (
            [side("expect={status=200, same=[{capture='b'}]}")],
            "0.capture: expected a capture of a request before (none yet), got 'b'",
        ),
        (
            [side("expect={status=200, same=[{}]}")],
            "expected either `capture` or `event`, got both or none",
        ),
        (
            [side("expect={status=200, same=[{event='done'}]}")],
            "expected no `event` with when = 'alone', got 'done'",
        ),
        (
            [side("expect={status=200, same=[{event='dune'}]}", when="before")],
            "same.0.event: expected a type that the profile has",
        ),
        (
            [
                side(
                    "captures={a={pointer='/x'}}, expect={status=200}",
                    "expect={status=200, same=[{capture='a', take='list'}]}",
                )
            ],
            "expected no `to` and no `take` with it, got one",
        ),
        (
            ["cancel.explicit=[]", side("expect={status=200}", when="after-cancel")],
            "expected `cancel.explicit` with when = 'after-cancel', got none",
        ),
        (["auth.names={header='X'}"], "expected 'header' among the forms, got none"),
        (["auth.forms=['bearer', 'bearer']"], "expected each form once, got 'bearer'"),
        (["auth.forms=['bearer']"], "expected several forms with `first_decides`"),
    ],
)
def test_what_a_request_must_not_say_is_refused(
    settings: list[str], message: str
) -> None:
    with pytest.raises(ProfileError) as caught:
        load(str(TOY), settings)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("section", "key", "message"),
    [
        ("auth = ", "code", "expected `refusal` with `code`, got none"),
        ("sides = ", "expect.code", "expected `refusal` with `code`, got none"),
        ("sides = ", "foreign.code", "expected `refusal` with `code`, got none"),
        ("sides = ", "foreign", "expected `auth` with `foreign`, got none"),
    ],
)
def test_what_needs_another_section_says_so(
    section: str, key: str, message: str
) -> None:
    values = {
        "auth = ": '{ code = "NO" }',
        "sides = ": '[{ name = "s", requests = [{ name = "n", path = "/x", '
        'expect = { status = 404, code = "NO" }, '
        'foreign = { status = 404, code = "NO" } }] }]',
    }
    text = f"""
name = "p"
title = "P"
source = "tests"
endpoint = {{ path = "/s" }}
framing = {{ type = {{ location = "event-field" }} }}
terminal = {{ form = "eof" }}
{section}{values[section]}
"""

    with pytest.raises(ProfileError) as caught:
        parse(text, origin="p.toml")

    assert f"{key}: {message}" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        (
            'path = "/notes/drafts/{draft}"\nforeign',
            'path = "/notes/drafts/{drft}"\nforeign',
            "path: expected {draft} or",
        ),
        (
            'same = [{ pointer = "/id", capture = "made" }]',
            'same = [{ pointer = "/id", capture = "mad" }]',
            "expect.same.0.capture: expected a capture of a request before (made, ver",
        ),
    ],
)
def test_what_is_wrong_is_named_by_file_line_and_key(
    old: str, new: str, key: str
) -> None:
    line = TEXT[: TEXT.index(old)].count("\n") + 1

    with pytest.raises(ProfileError) as caught:
        parse(TEXT.replace(old, new, 1), origin="my.toml")

    said = str(caught.value)
    assert said.startswith(f"my.toml:{line}: sides.")
    assert key in said


def test_the_captures_of_a_set_up_request_are_placeholders() -> None:
    setup = "endpoint.setup=[{path='/t', captures={thread={pointer='/id'}}}]"

    load("pipeline", [setup, "endpoint.path=/t/{thread}"])
    for wrong, message in (
        ("{}", "expected either `header` or `pointer`"),
        ("{pointer='/id', header='X'}", "expected either `header` or `pointer`"),
    ):
        with pytest.raises(ProfileError, match=message):
            load("pipeline", [setup.replace("{pointer='/id'}", wrong)])


def test_a_captured_session_can_be_named_in_a_cancel() -> None:
    load(
        "pipeline",
        [
            "endpoint.captures={session={header='X-Session-Id'}}",
            "cancel.explicit=[{path='/s/{session}/cancel'}]",
        ],
    )


@pytest.mark.parametrize(
    "invalid",
    [
        "body={p='ab', n=[1]}, lengths={'/p'=2}",
        "body={p='', n=[1]}",
        "body={p=7, n=[1]}",
        "body={p='ab', n=[true]}",
        "body={p='ab', n=[1, 2]}",
        "body={p='ab'}",
        "body={p='ab', n=[1]}, content_type='text/plain'",
        "body={p='ab', n=[1]}, headers={X='y'}",
        "raw_body='{'",
    ],
)
def test_what_is_wrong_beside_the_text_is_invalid(invalid: str) -> None:
    body = "endpoint.body={p='{prompt}', n=[1]}"
    wrong = f"endpoint.invalid=[{{name='n', {invalid}, status=422}}]"

    load("pipeline", [body, wrong])
