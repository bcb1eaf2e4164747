"""One event through every kind of profile: type, id, heartbeat, end."""

from __future__ import annotations

import pytest
from tests.conformance.checks.timelines import PIPELINE, RICH

from streamproof.conformance.profiles import Profile
from streamproof.conformance.profiles.pointer import MISSING
from streamproof.conformance.profiles.schema import EventMatch, Heartbeat, TypeLocation
from streamproof.conformance.profiles.typed import (
    EventId,
    Outcome,
    form_id,
    id_of,
    is_heartbeat,
    known_types,
    parse_id,
    read_event,
    read_heartbeat,
)
from streamproof.conformance.wire import Comment, Decoder, Event


def decoded(wire: bytes) -> Event:
    (item,) = Decoder().feed(wire)
    assert isinstance(item, Event)
    return item


def located(**place: object) -> Profile:
    type_ = TypeLocation.model_validate(place)
    framing = RICH.framing.model_copy(update={"type": type_})
    return RICH.model_copy(update={"framing": framing})


@pytest.mark.parametrize(
    ("place", "wire", "type_"),
    [
        ({"location": "event-field"}, b"event: a\ndata: {}\n\n", "a"),
        ({"location": "event-field"}, b"data: {}\n\n", "message"),
        ({"location": "event-field", "default": "x"}, b"data: {}\n\n", "x"),
        (
            {"location": "json-pointer", "pointer": "/t"},
            b'event: a\ndata: {"t": "b"}\n\n',
            "b",
        ),
        ({"location": "json-pointer", "pointer": "/t"}, b'data: {"t": 1}\n\n', None),
        ({"location": "json-pointer", "pointer": "/t"}, b"data: no json\n\n", None),
        (
            {"location": "both", "pointer": "/t"},
            b'event: a\ndata: {"t": "b"}\n\n',
            "b",
        ),
        (
            {"location": "present-key", "keys": ("task", "message")},
            b'data: {"message": {}}\n\n',
            "message",
        ),
        ({"location": "present-key", "keys": ("task",)}, b"data: []\n\n", None),
        (
            {"location": "present-key", "pointer": "/result", "keys": ("task",)},
            b'data: {"result": {"task": {}}}\n\n',
            "task",
        ),
        (
            {"location": "present-key", "pointer": "/result", "keys": ("task",)},
            b'data: {"task": {}}\n\n',
            None,
        ),
        (
            {"location": "json-pointer", "pointers": ("/stage", "/type")},
            b'data: {"type": "b", "stage": "a"}\n\n',
            "a",
        ),
        (
            {"location": "json-pointer", "pointers": ("/stage", "/type")},
            b'data: {"type": "b"}\n\n',
            "b",
        ),
        # The first that leads to something decides, also when that is no type.
        (
            {"location": "json-pointer", "pointers": ("/stage", "/type")},
            b'data: {"type": "b", "stage": null}\n\n',
            None,
        ),
        (
            {"location": "json-pointer", "pointers": ("/stage", "/type")},
            b"data: {}\n\n",
            None,
        ),
        ({"location": "none", "default": "chunk"}, b"event: a\ndata: {}\n\n", "chunk"),
    ],
)
def test_the_type_is_read_where_the_profile_has_it(
    place: dict[str, object], wire: bytes, type_: str | None
) -> None:
    assert read_event(decoded(wire), 1.0, located(**place)).type == type_


def test_text_is_taken_as_it_is_and_wrong_json_is_missing() -> None:
    framing = RICH.framing.model_copy(update={"data": "text"})
    text = RICH.model_copy(update={"framing": framing})
    event = decoded(b"data: a: b\n\n")

    assert read_event(event, 1.0, text).data == "a: b"
    assert read_event(event, 1.0, RICH).data is MISSING


def ids(**values: object) -> Profile:
    return RICH.model_copy(update={"ids": RICH.ids.model_copy(update=values)})


@pytest.mark.parametrize(
    ("form", "text", "id_"),
    [
        ("stream-sequence", "a-b-12", EventId(stream="a-b", n=12)),
        ("stream-sequence", "a-0", EventId(stream="a", n=0)),
        ("stream-sequence", "-1", None),
        ("stream-sequence", "12", None),
        ("stream-sequence", "a-01", None),
        ("stream-sequence", "a-+1", None),
        ("stream-sequence", "a-²", None),
        ("stream-sequence", "a-" + "9" * 5000, None),
        ("stream-sequence", "", None),
        ("sequence", "12", EventId(stream="", n=12)),
        ("sequence", "x", None),
        ("opaque", "a-1", None),
    ],
)
def test_ids_are_taken_apart_by_their_form(
    form: str, text: str, id_: EventId | None
) -> None:
    profile = ids(form=form)

    parsed = parse_id(text, profile)

    assert parsed == id_
    assert parsed is None or form_id(parsed, profile) == text


@pytest.mark.parametrize(
    ("wire", "id_"),
    [
        (b'id: 7\ndata: {"seq": 8}\n\n', "8"),
        (b'data: {"seq": "a"}\n\n', "a"),
        (b'id: 7\ndata: {"seq": true}\n\n', None),
        (b"id: 7\ndata: {}\n\n", None),
    ],
)
def test_an_id_in_the_data_is_read_there(wire: bytes, id_: str | None) -> None:
    event = read_event(decoded(wire), 1.0, ids(location="/seq"))

    assert event.id == id_


def test_an_inherited_id_is_not_the_events_own() -> None:
    second = Decoder().feed(b"id: 7\ndata: 1\n\ndata: 2\n\n")[1]
    assert isinstance(second, Event)

    assert second.last_event_id == "7"
    assert id_of(second, 2, RICH) is None


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        ('{"type": "done"}', Outcome.SUCCESS),
        ('{"type": "error"}', Outcome.ERROR),
        ('{"type": "error", "code": "CANCELLED"}', Outcome.CANCELLED),
        ('{"type": "token"}', None),
        ("{}", None),
    ],
)
def test_the_end_is_recognised_and_a_cancel_is_more_than_an_error(
    data: str, outcome: Outcome | None
) -> None:
    event = decoded(f"data: {data}\n\n".encode())

    assert read_event(event, 1.0, RICH).outcome is outcome


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        ('{"type": "node-complete", "node": "assemble"}', Outcome.SUCCESS),
        ('{"type": "node-complete", "node": "intake"}', None),
    ],
)
def test_the_end_may_hang_on_a_value(data: str, outcome: Outcome | None) -> None:
    event = decoded(f"event: state_delta\ndata: {data}\n\n".encode())

    assert read_event(event, 1.0, PIPELINE).outcome is outcome


def test_true_is_not_one_where_a_value_decides() -> None:
    match = EventMatch(type="step", where={"/last": True})
    terminal = RICH.terminal.model_copy(update={"success": (match,)})
    profile = RICH.model_copy(update={"terminal": terminal})

    outcomes = [
        read_event(decoded(wire), 1.0, profile).outcome
        for wire in (
            b'data: {"type": "step", "last": true}\n\n',
            b'data: {"type": "step", "last": 1}\n\n',
        )
    ]

    assert outcomes == [Outcome.SUCCESS, None]


def beating(**values: object) -> Profile:
    return RICH.model_copy(update={"heartbeat": Heartbeat.model_validate(values)})


COMMENT = Comment(text=" hb", start=0, end=5, inside_block=False)


@pytest.mark.parametrize(
    ("values", "item", "is_one"),
    [
        ({"form": "comment"}, COMMENT, True),
        ({"form": "comment"}, decoded(b"event: hb\ndata: {}\n\n"), False),
        ({"form": "event", "event": "hb"}, decoded(b"event: hb\ndata: x\n\n"), True),
        ({"form": "event", "event": "hb"}, decoded(b"event: hc\ndata: x\n\n"), False),
        ({"form": "event", "event": "hb"}, COMMENT, False),
        ({"form": "event"}, decoded(b"data: x\n\n"), True),
        ({"form": "json", "type": "p"}, decoded(b'data: {"type": "p"}\n\n'), True),
        ({"form": "json", "type": "p"}, decoded(b'data: {"type": "q"}\n\n'), False),
        ({"form": "json", "data": "{}"}, decoded(b"data: { }\n\n"), True),
        ({"form": "json"}, decoded(b"data: {}\n\n"), False),
        ({"form": "none"}, COMMENT, False),
    ],
)
def test_heartbeats_are_told_from_events(
    values: dict[str, object], item: Event | Comment, *, is_one: bool
) -> None:
    assert is_heartbeat(item, beating(**values)) is is_one


def test_without_a_declared_heartbeat_nothing_is_one() -> None:
    assert not is_heartbeat(COMMENT, RICH.model_copy(update={"heartbeat": None}))


def test_every_type_that_a_profile_mentions_is_known() -> None:
    assert known_types(PIPELINE) == {
        "node-enter",
        "token-stream",
        "node-complete",
        "error",
        "heartbeat",
    }
    assert known_types(beating(form="json", type="ping")) >= {"ping", "start", "token"}


def test_events_are_named_with_type_and_id() -> None:
    named = read_event(decoded(b'id: s-1\ndata: {"type": "done"}\n\n'), 1.0, RICH)
    nameless = read_event(decoded(b"data: {}\n\n"), 1.0, RICH)

    assert named.name == "done (id 's-1')"
    assert nameless.name == "an event without type (no id)"


@pytest.mark.parametrize(
    ("wire", "outcome"),
    [
        (b'data: {"error": null}\n\n', Outcome.ERROR),
        (b'data: {"type": "step", "error": {"code": 1}}\n\n', Outcome.ERROR),
        (b'data: {"type": "step"}\n\n', None),
    ],
)
def test_an_end_may_be_known_by_what_it_has(
    wire: bytes, outcome: Outcome | None
) -> None:
    match = EventMatch(has=("/error",))
    terminal = RICH.terminal.model_copy(update={"error": (match,)})
    profile = RICH.model_copy(update={"terminal": terminal})

    assert read_event(decoded(wire), 1.0, profile).outcome is outcome


def test_types_known_besides_the_others_are_known() -> None:
    profile = located(location="json-pointer", pointer="/type", known=("data-*",))

    assert "data-*" in known_types(profile)


NAMED = located(
    location="json-pointer",
    pointers=("/stage", "/type"),
    named={
        "failed": {"has": ("/error",)},
        "last": {"type": "step", "where": {"/n": 3, "/of": "a"}},
        "any-three": {"where": {"/n": 3}},
    },
)


@pytest.mark.parametrize(
    ("data", "type_"),
    [
        ('{"type": "step", "n": 1}', "step"),
        ('{"type": "step", "n": 3, "of": "a"}', "last"),
        ('{"type": "step", "n": 3, "of": "b"}', "any-three"),
        ('{"stage": "work", "error": "BROKEN"}', "failed"),
        ('{"n": 3}', "any-three"),
        ("{}", None),
    ],
)
def test_an_event_may_have_a_name_for_what_is_inside_it(
    data: str, type_: str | None
) -> None:
    assert read_event(decoded(f"data: {data}\n\n".encode()), 1.0, NAMED).type == type_


def test_names_are_types_that_the_protocol_knows() -> None:
    assert known_types(NAMED) >= {"failed", "last", "any-three"}


def test_an_end_may_be_known_by_a_name_and_several_values() -> None:
    terminal = RICH.terminal.model_copy(
        update={
            "error": (EventMatch(type="failed"),),
            "cancelled": (
                EventMatch(type="failed", where={"/error": "CANCELLED", "/by": "user"}),
            ),
        }
    )
    profile = NAMED.model_copy(update={"terminal": terminal})

    outcomes = [
        read_event(decoded(f"data: {data}\n\n".encode()), 1.0, profile).outcome
        for data in (
            '{"stage": "work", "error": "BROKEN"}',
            '{"stage": "work", "error": "CANCELLED", "by": "user"}',
            '{"stage": "work", "error": "CANCELLED", "by": "time"}',
            '{"stage": "work"}',
        )
    ]

    assert outcomes == [Outcome.ERROR, Outcome.CANCELLED, Outcome.ERROR, None]


@pytest.mark.parametrize(
    ("values", "wire", "type_"),
    [
        ({"form": "json", "type": "p"}, b'data: {"type": "p"}\n\n', "p"),
        ({"form": "event", "event": "hb"}, b"event: hb\ndata: {}\n\n", "hb"),
        ({"form": "json", "data": "{}"}, b"data: {}\n\n", None),
    ],
)
def test_a_heartbeat_has_the_type_that_is_declared_for_it(
    values: dict[str, object], wire: bytes, type_: str | None
) -> None:
    beat = read_heartbeat(decoded(wire), 1.0, beating(**values))

    assert beat.type == type_
    assert beat.outcome is None


def test_types_that_may_come_anywhere_are_known() -> None:
    assert RICH.order is not None
    order = RICH.order.model_copy(update={"anywhere": ("progress",)})

    assert "progress" in known_types(RICH.model_copy(update={"order": order}))
