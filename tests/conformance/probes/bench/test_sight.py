"""What a probe recognises in a running stream, for every form of a profile."""

import pytest

from streamproof.conformance import profiles
from streamproof.conformance.probes.bench.sight import Sight
from streamproof.conformance.wire import Block, Comment, Decoder, Event


def sight(text: str) -> Sight:
    return Sight(
        profile=profiles.parse(
            f"""
            name = "p"
            title = "P"
            source = "tests"
            endpoint = {{ path = "/s/{{prompt}}" }}
            {text}
            """,
            origin="tests",
        )
    )


def item(text: str) -> Event | Comment | Block:
    (found,) = Decoder().feed(text.encode())
    return found


def event(text: str) -> Event:
    found = item(text)
    assert isinstance(found, Event)
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
    eyes = sight(
        f"{framing}{EOF}"
        'steering = { mode = "prompt", token = { type = "token", text = "/text" } }'
    )

    assert eyes.is_token(event(written))
    is_typed = '"none"' not in framing
    assert eyes.is_token(event("event: other\ndata: 7\n\n")) is not is_typed


def test_without_steering_nothing_is_a_token() -> None:
    assert not sight(BY_FIELD + EOF).is_token(event("event: token\ndata: 1\n\n"))


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
    eyes = sight(f"{BY_FIELD}{EOF}heartbeat = {{ {heartbeat} }}")

    assert eyes.is_heartbeat(item(written))
    assert not eyes.is_heartbeat(item("event: other\ndata: 1\n\n"))
    assert eyes.is_heartbeat(item(": hb\n")) is written.startswith(":")


def test_a_block_without_data_is_no_heartbeat() -> None:
    eyes = sight(f'{BY_FIELD}{EOF}heartbeat = {{ form = "event", event = "ping" }}')

    assert not eyes.is_heartbeat(item("event: ping\n\n"))
    assert not sight(BY_FIELD + EOF).is_heartbeat(item(": hb\n"))
    none = sight(f'{BY_FIELD}{EOF}heartbeat = {{ form = "none" }}')
    assert not none.is_heartbeat(item(": hb\n"))


def test_a_terminal_is_recognised_by_type_and_values() -> None:
    eyes = sight(
        BY_POINTER + '[terminal]\nform = "event"\n'
        'success = [{ type = "done", where = { "/n/0" = "last" } }]\n'
        'cancelled = [{ type = "gone" }]'
    )

    assert eyes.is_terminal(event('data: {"type": "done", "n": ["last"]}\n\n'))
    assert eyes.is_terminal(event('data: {"type": "gone"}\n\n'))
    assert not eyes.is_terminal(event('data: {"type": "done", "n": ["first"]}\n\n'))
    assert not eyes.is_terminal(event("data: no json\n\n"))


def test_a_sentinel_is_the_terminal_where_there_is_one() -> None:
    eyes = sight(BY_FIELD + 'terminal = { form = "sentinel", sentinel = "[DONE]" }')

    assert eyes.is_terminal(event("data: [DONE]\n\n"))
    assert not eyes.is_terminal(event("data: 1\n\n"))


def test_an_id_is_read_from_its_field_or_from_the_data() -> None:
    by_field = sight(BY_FIELD + EOF)
    by_pointer = sight(f'{BY_FIELD}{EOF}ids = {{ form = "sequence", location = "/n" }}')

    assert by_field.id_of(event("id: 7\ndata: 1\n\n")) == "7"
    assert by_field.id_of(event("data: 1\n\n")) is None
    assert by_pointer.id_of(event('id: 7\ndata: {"n": 8}\n\n')) == "8"
    assert by_pointer.id_of(event("id: 7\ndata: {}\n\n")) is None


def test_a_terminal_may_be_known_by_what_it_has() -> None:
    eyes = sight(
        'framing.type = { location = "present-key", pointer = "/result", '
        'keys = ["task"] }\n'
        'terminal = { form = "eof", error = [{ has = ["/error"] }], '
        'cancelled = [{ type = "task" }] }'
    )

    assert eyes.is_terminal(event('data: {"error": {"code": 1}}\n\n'))
    assert eyes.is_terminal(event('data: {"result": {"task": {}}}\n\n'))
    assert not eyes.is_terminal(event('data: {"task": {}}\n\n'))
