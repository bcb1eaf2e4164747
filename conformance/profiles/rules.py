"""What the sections of a profile must not say against each other.

Pure. Yields a key and what is wrong with it; `values` and `schema` have already seen
to every value alone. Judges no traffic and knows no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import JsonValue

from .grammar import Grammar
from .invariants import Marked, Returned
from .placeholders import CURSOR, PROMPT, placeholders
from .request_rules import wrong_cancels, wrong_requests, wrong_resume, wrong_sides
from .schema import EventMatch, Profile, TypeLocation, UpstreamFailure
from .type_names import Contradiction, Key, terminal_matches, unknown_types

_SHORTEST_ANSWER = 2  # probes let a model pause after its second token


def contradictions(profile: Profile) -> Iterator[Contradiction]:
    """Yield each key that does not fit the rest, and why, in the order of sections."""
    for rule in (
        wrong_requests,
        _stream_id,
        _type_location,
        _ids,
        _heartbeat,
        _terminal,
        wrong_resume,
        _resume,
        wrong_cancels,
        wrong_sides,
        _auth,
        _codes,
        _order,
        _invariants,
        _data,
        _steering,
        unknown_types,
    ):
        yield from rule(profile)


def _needs(key: Key, name: str, because: str) -> Contradiction:
    return (*key, name), f"expected `{name}` with {because}, got none"


# Single sections


def _stream_id(profile: Profile) -> Iterator[Contradiction]:
    place = profile.response.stream_id
    if place is None:
        return
    key = ("response", "stream_id")
    ways = (place.last_segment_of, place.event, place.request)
    count = sum(way is not None for way in ways)
    if profile.response.stream_id_header is not None:
        yield key, "expected one place of the id, got `stream_id_header` as well"
    if count != 1:
        yield (
            key,
            f"expected one of `last_segment_of`, `event` and `request`, got {count}",
        )
    if place.event is not None and place.pointer is None:
        yield _needs(key, "pointer", "`event`")
    if place.pointer is not None and place.event is None:
        yield _needs(key, "event", "`pointer`")


def _type_location(profile: Profile) -> Iterator[Contradiction]:
    place = profile.framing.type
    key = ("framing", "type")
    location = f"location = {place.location!r}"
    is_in_data = place.location in ("json-pointer", "both")
    if is_in_data and place.pointer is None and not place.pointers:
        yield _needs(key, "pointer", location)
    if place.pointers and not is_in_data:
        yield (*key, "pointers"), f"expected no `pointers` with {location}, got some"
    if place.pointers and place.pointer is not None:
        yield (*key, "pointers"), "expected either `pointer` or `pointers`, got both"
    if place.location == "present-key" and not place.keys:
        yield _needs(key, "keys", location)
    if place.keys and place.location != "present-key":
        yield (*key, "keys"), f"expected no `keys` with {location}, got some"
    for name, match in place.named.items():
        yield from _empty_match((*key, "named", name), match)
    yield from _event_field(place)


def _event_field(place: TypeLocation) -> Iterator[Contradiction]:
    key = ("framing", "type")
    is_pinned = place.event_field is not None or bool(place.event_fields)
    if place.event_field_optional and not is_pinned:
        yield _needs(key, "event_field", "`event_field_optional`")
    if place.location == "both" and is_pinned:
        wanted = "the type in the `event:` field with location = 'both'"
        yield (*key, "event_field"), f"expected {wanted}, got a pinned one"
    if place.data_only and is_pinned:
        yield (*key, "data_only"), "expected no pinned `event:` field, got one"
    if place.data_only and place.location in ("event-field", "both"):
        wanted = "a type in the data or none with `data_only`"
        yield (*key, "location"), f"expected {wanted}, got {place.location!r}"


def _empty_match(key: Key, match: EventMatch) -> Iterator[Contradiction]:
    if match.type is None and not match.where and not match.has:
        yield key, "expected `type`, `where` or `has`, got none of them"


def _ids(profile: Profile) -> Iterator[Contradiction]:
    if profile.ids.only_on and profile.ids.form == "none":
        yield ("ids", "only_on"), "expected no `only_on` with form = 'none', got some"


def _heartbeat(profile: Profile) -> Iterator[Contradiction]:
    heartbeat = profile.heartbeat
    if heartbeat is None:
        return
    key = ("heartbeat",)
    if heartbeat.form == "event" and heartbeat.event is None:
        yield _needs(key, "event", "form = 'event'")
    if heartbeat.form == "json" and heartbeat.type is heartbeat.data is None:
        yield (
            (*key, "type"),
            "expected `type` or `data` with form = 'json', got neither",
        )
    if heartbeat.opens and heartbeat.form == "none":
        yield (*key, "opens"), "expected no `opens` with form = 'none', got it"
    if heartbeat.cursor_value is not None:
        if not heartbeat.opens:
            yield _needs(key, "opens", "`cursor_value`")
        if heartbeat.form not in ("event", "json"):
            wanted = "a heartbeat that is an event with `cursor_value`"
            yield (*key, "form"), f"expected {wanted}, got {heartbeat.form!r}"
    if heartbeat.form in heartbeat.fatal_forms:
        yield (
            (*key, "fatal_forms"),
            f"expected forms other than the heartbeat's own, got {heartbeat.form!r}",
        )


def _terminal(profile: Profile) -> Iterator[Contradiction]:
    terminal = profile.terminal
    key = ("terminal",)
    form = f"form = {terminal.form!r}"
    with_events = ("event", "event-then-sentinel", "eof-after-state")
    if terminal.form in with_events and not terminal.success:
        yield _needs(key, "success", form)
    if terminal.form == "none" and terminal.success:
        yield (*key, "success"), f"expected no `success` with {form}, got some"
    has_sentinel = terminal.form in ("sentinel", "event-then-sentinel")
    if has_sentinel and terminal.sentinel is None:
        yield _needs(key, "sentinel", form)
    if not has_sentinel and terminal.sentinel is not None:
        yield (
            (*key, "sentinel"),
            f"expected no `sentinel` with {form}, got {terminal.sentinel!r}",
        )
    for match_key, match in terminal_matches(profile):
        yield from _empty_match(match_key, match)


def _resume(profile: Profile) -> Iterator[Contradiction]:
    resume = profile.resume
    if resume is None:
        return
    key = ("resume",)
    form = f"form = {resume.form!r}"
    used = placeholders([resume.path, dict(resume.query), resume.body])
    if resume.form in ("query", "body") and not resume.name and CURSOR not in used:
        yield _needs(key, "name", form)
    if resume.form == "path" and CURSOR not in placeholders(resume.path):
        yield (*key, "path"), f"expected {{cursor}} in `path` with {form}, got none"
    if resume.snapshot is not None and resume.form != "snapshot":
        yield (*key, "snapshot"), f"expected no `snapshot` with {form}, got one"


def _auth(profile: Profile) -> Iterator[Contradiction]:
    auth = profile.auth
    if auth is None:
        return
    if "none" in auth.forms and len(auth.forms) > 1:
        yield ("auth", "forms"), "expected 'none' alone, got other forms as well"
    if twice := sorted({form for form in auth.forms if auth.forms.count(form) > 1}):
        yield ("auth", "forms"), f"expected each form once, got {twice[0]!r} twice"
    for form in auth.names:
        if form not in auth.forms:
            yield (
                ("auth", "names", form),
                f"expected {form!r} among the forms, got none",
            )
    if auth.first_decides and len(auth.forms) == 1:
        wanted = "several forms with `first_decides`"
        yield ("auth", "first_decides"), f"expected {wanted}, got one"
    if auth.code is not None and profile.refusal is None:
        yield ("auth", "code"), "expected `refusal` with `code`, got none"


def _codes(profile: Profile) -> Iterator[Contradiction]:
    """Look for a code that an error is mapped to and may not have."""
    errors = profile.errors
    if errors is None or not errors.codes:
        return
    mapped: list[tuple[Key, str | None]] = [(("cancelled",), errors.cancelled)]
    for kind in UpstreamFailure.model_fields:
        codes = getattr(errors.upstream, kind)
        mapped += [(("upstream", kind), code) for code in codes]
    for key, code in mapped:
        if code is not None and code not in errors.codes:
            known = ", ".join(errors.codes)
            expected = f"expected one of `codes` ({known}), got {code!r}"
            yield ("errors", *key), expected


def _order(profile: Profile) -> Iterator[Contradiction]:
    order = profile.order
    if order is None:
        return
    for index, type_ in enumerate(order.anywhere):
        if type_ in Grammar(order.grammar).names():
            wanted = "a type that the grammar does not speak of"
            yield ("order", "anywhere", index), f"expected {wanted}, got {type_!r}"


def _invariants(profile: Profile) -> Iterator[Contradiction]:
    for index, invariant in enumerate(profile.invariants):
        key = ("invariants", index)
        match invariant:
            case Marked(marker=marker, text=text) if not re.search(marker, text):
                wanted = f"a text with a marker ({marker})"
                yield (*key, "text"), f"expected {wanted}, got {text!r}"
            case Returned(header=header, type=type_, pointer=pointer):
                if (header is None) == (pointer is None):
                    yield key, "expected either `header` or `pointer`, got both or none"
                if type_ is not None and pointer is None:
                    yield _needs(key, "pointer", "`type`")


def _data(profile: Profile) -> Iterator[Contradiction]:
    """Look for what speaks of JSON where there is none."""
    if profile.framing.data == "json":
        return
    place = profile.framing.type.location
    if place in ("json-pointer", "both", "present-key"):
        yield (
            ("framing", "data"),
            f"expected data = 'json' with type location = {place!r}, got 'text'",
        )
    if profile.ids.form != "none" and profile.ids.location != "id-field":
        yield (
            ("ids", "location"),
            f"expected 'id-field' with data = 'text', got {profile.ids.location!r}",
        )


def _steering(profile: Profile) -> Iterator[Contradiction]:
    steering = profile.steering
    key = ("steering",)
    if steering.mode == "none":
        return
    mode = f"mode = {steering.mode!r}"
    if steering.token is None and steering.shown != "none":
        yield _needs(key, "token", mode)
    if steering.token is not None and steering.shown == "none":
        yield (*key, "token"), "expected no `token` with shown = 'none', got one"
    endpoint = profile.endpoint
    texts: list[JsonValue] = [endpoint.path, endpoint.body, dict(endpoint.query)]
    for side in endpoint.follow_up:
        texts += [side.body, dict(side.query)]
    if PROMPT not in placeholders(texts):
        wanted = f"{{prompt}} in the endpoint's path, query or body with {mode}"
        yield (*key, "mode"), f"expected {wanted}, got none"
    yield from _numbered_calls(profile)


def _numbered_calls(profile: Profile) -> Iterator[Contradiction]:
    """Look for calls that a run does not make, and for two answers to one call."""
    steering = profile.steering
    shown = () if isinstance(steering.shown, str) else steering.shown
    named: list[tuple[Key, int]] = [(("steering", "shown"), call) for call in shown]
    answered: set[int] = set()
    key: Key
    for index, answer in enumerate(steering.answers):
        key = ("steering", "answers", index, "calls")
        named += [(key, call) for call in answer.calls]
        for call in sorted(answered.intersection(answer.calls)):
            yield key, f"expected one answer to each call, got a second one to {call}"
        answered.update(answer.calls)
        if len(answer.text) < _SHORTEST_ANSWER:
            wanted = f"at least {_SHORTEST_ANSWER} characters"
            yield (*key[:-1], "text"), f"expected {wanted}, got {answer.text!r}"
    for key, call in named:
        if call > steering.calls_per_run:
            wanted = f"calls up to calls_per_run = {steering.calls_per_run}"
            yield key, f"expected {wanted}, got {call}"
