"""What an item of a stream is, for every form of a profile."""

import pytest

from streamproof.conformance import profiles
from streamproof.conformance.profiles import Profile
from streamproof.conformance.profiles.items import (
    Heartbeat,
    Sentinel,
    is_token,
    read_item,
)
from streamproof.conformance.profiles.typed import TypedEvent
from streamproof.conformance.wire import Decoder

Item = TypedEvent | Heartbeat | Sentinel | None


def profile(text: str) -> Profile:
    return profiles.parse(
        f"""
        name = "p"
        title = "P"
        source = "tests"
        endpoint = {{ path = "/s/{{prompt}}" }}
        {text}
        """,
        origin="tests",
    )


def item(text: str, as_in: Profile) -> Item:
    (found,) = Decoder().feed(text.encode())
    return read_item(found, 1.5, as_in)


def event(text: str, as_in: Profile) -> TypedEvent:
    found = item(text, as_in)
    assert isinstance(found, TypedEvent)
    return found


BY_FIELD = 'framing = { type = { location = "event-field" } }\n'
BY_POINTER = 'framing.type = { location = "json-pointer", pointer = "/type" }\n'
EOF = 'terminal = { form = "eof" }\n'


@pytest.mark.parametrize(
    ("framing", "written"),
    [
        (BY_FIELD, "event: token\ndata: {}\n\n"),
        (BY_POINTER, 'data: {"type": "token"}\n\n'),
        (
            'framing.type = { location = "both", pointer = "/type" }\n',
            'event: token\ndata: {"type": "token"}\n\n',
        ),
        (
            'framing.type = { location = "present-key", keys = ["x", "token"] }\n',
            'data: {"id": 1, "token": {}}\n\n',
        ),
        ('framing.type = { location = "none", default = "token" }\n', "data: {}\n\n"),
    ],
)
def test_a_token_is_recognised_wherever_its_type_stands(
    framing: str, written: str
) -> None:
    eyes = profile(
        f"{framing}{EOF}"
        'steering = { mode = "prompt", token = { type = "token", text = "/text" } }'
    )

    assert is_token(event(written, eyes), eyes)
    is_typed = '"none"' not in framing
    assert is_token(event("event: other\ndata: 7\n\n", eyes), eyes) is not is_typed


def test_without_steering_nothing_is_a_token() -> None:
    eyes = profile(BY_FIELD + EOF)

    assert not is_token(event("event: token\ndata: 1\n\n", eyes), eyes)


@pytest.mark.parametrize(
    ("heartbeat", "written"),
    [
        ('form = "comment"', ": hb\n"),
        ('form = "event", event = "ping"', "event: ping\ndata: {}\n\n"),
        ('form = "json", type = "ping"', "event: ping\ndata: {}\n\n"),
        ('form = "json", data = "{}"', "data: {}\n\n"),
    ],
)
def test_a_heartbeat_is_recognised_in_its_form_alone(
    heartbeat: str, written: str
) -> None:
    eyes = profile(f"{BY_FIELD}{EOF}heartbeat = {{ {heartbeat} }}")

    assert isinstance(item(written, eyes), Heartbeat)
    assert not isinstance(item("event: other\ndata: 1\n\n", eyes), Heartbeat)
    assert isinstance(item(": hb\n", eyes), Heartbeat) is written.startswith(":")


def test_what_is_nothing_to_the_protocol_is_nothing() -> None:
    with_event = profile(
        f'{BY_FIELD}{EOF}heartbeat = {{ form = "event", event = "ping" }}'
    )
    without = profile(f'{BY_FIELD}{EOF}heartbeat = {{ form = "none" }}')

    assert item("event: ping\n\n", with_event) is None
    assert item(": hb\n", with_event) is None
    assert item(": hb\n", without) is None


def test_a_terminal_is_recognised_by_type_and_values() -> None:
    eyes = profile(
        BY_POINTER + '[terminal]\nform = "event"\n'
        'success = [{ type = "done", where = { "/n/0" = "last" } }]\n'
        'cancelled = [{ type = "gone" }]'
    )

    assert event('data: {"type": "done", "n": ["last"]}\n\n', eyes).outcome is not None
    assert event('data: {"type": "gone"}\n\n', eyes).outcome is not None
    assert event('data: {"type": "done", "n": ["first"]}\n\n', eyes).outcome is None
    assert event("data: no json\n\n", eyes).outcome is None


def test_a_sentinel_is_no_event() -> None:
    eyes = profile(BY_FIELD + 'terminal = { form = "sentinel", sentinel = "[DONE]" }')

    end = item("data: [DONE]\n\n", eyes)

    assert isinstance(end, Sentinel)
    assert (end.at, end.item.data) == (1.5, "[DONE]")
    assert event("data: 1\n\n", eyes).at == 1.5


def test_an_id_is_read_from_its_field_or_from_the_data() -> None:
    by_field = profile(BY_FIELD + EOF)
    by_pointer = profile(
        f'{BY_FIELD}{EOF}ids = {{ form = "sequence", location = "/n" }}'
    )

    assert event("id: 7\ndata: 1\n\n", by_field).id == "7"
    assert event("data: 1\n\n", by_field).id is None
    assert event('id: 7\ndata: {"n": 8}\n\n', by_pointer).id == "8"
    assert event("id: 7\ndata: {}\n\n", by_pointer).id is None


def test_a_terminal_may_be_known_by_what_it_has() -> None:
    eyes = profile(
        'framing.type = { location = "present-key", pointer = "/result", '
        'keys = ["task"] }\n'
        'terminal = { form = "eof", error = [{ has = ["/error"] }], '
        'cancelled = [{ type = "task" }] }'
    )

    assert event('data: {"error": {"code": 1}}\n\n', eyes).outcome is not None
    assert event('data: {"result": {"task": {}}}\n\n', eyes).outcome is not None
    assert event('data: {"task": {}}\n\n', eyes).outcome is None
