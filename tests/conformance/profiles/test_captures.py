"""What is kept of an answer."""

import pytest

from streamproof.conformance.profiles import parse
from streamproof.conformance.profiles.captures import find_in_answer, find_in_stream
from streamproof.conformance.profiles.items import read_item
from streamproof.conformance.profiles.pointer import MISSING
from streamproof.conformance.profiles.schema import Capture
from streamproof.conformance.profiles.typed import TypedEvent
from streamproof.conformance.wire import Decoder

PROFILE = parse(
    """
name = "p"
title = "P"
source = "tests"
endpoint = { path = "/s" }
framing = { type = { location = "json-pointer", pointer = "/type" } }
terminal = { form = "eof" }
""",
    origin="tests",
)
HEADERS = (("Content-Type", "application/json"), ("X-Session-Id", "s1"))
BODY = b'{"id": "d1", "inner": {"version": 2}}'


@pytest.mark.parametrize(
    ("capture", "value"),
    [
        (Capture(header="x-session-id"), "s1"),
        (Capture(header="X-Other"), MISSING),
        (Capture(pointer="/id"), "d1"),
        (Capture(pointer="/inner/version"), 2),
        (Capture(pointer="/none"), MISSING),
    ],
)
def test_an_answer_tells_in_its_headers_and_its_json(
    capture: Capture, value: object
) -> None:
    assert find_in_answer(capture, HEADERS, BODY) == value


def test_an_answer_that_is_no_json_tells_nothing() -> None:
    assert find_in_answer(Capture(pointer=""), HEADERS, b"<html>") is MISSING


def events(text: str) -> list[TypedEvent]:
    found = (read_item(each, 0.0, PROFILE) for each in Decoder().feed(text.encode()))
    return [each for each in found if isinstance(each, TypedEvent)]


def test_a_stream_tells_in_the_first_event_of_a_type() -> None:
    capture = Capture(event="start", pointer="/id")
    told = events(
        'data: {"type": "other", "id": 0}\n\n'
        'data: {"type": "start", "id": 1}\n\n'
        'data: {"type": "start", "id": 2}\n\n'
    )

    assert find_in_stream(capture, HEADERS, told) == 1
    assert find_in_stream(capture, HEADERS, told[:1]) is MISSING


def test_a_stream_tells_in_its_headers() -> None:
    capture = Capture(header="X-Session-Id")

    assert find_in_stream(capture, HEADERS, ()) == "s1"
