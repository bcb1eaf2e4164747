"""What the sections of a profile must not say against each other.

Pure. Yields a key and what is wrong with it; `values` and `schema` have already seen
to every value alone. Judges no traffic and knows no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pydantic import JsonValue

from .grammar import Grammar
from .invariants import Marked, Returned
from .schema import (
    Capture,
    EventMatch,
    Profile,
    SideRequest,
    TypeLocation,
    UpstreamFailure,
)
from .type_names import Contradiction, Key, terminal_matches, unknown_types

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")
_PROMPT = "prompt"
_STREAM = "stream"
_CURSOR = "cursor"
_SHORTEST_ANSWER = 2  # probes let a model pause after its second token
_OWN = frozenset({_PROMPT, _STREAM, _CURSOR})


def contradictions(profile: Profile) -> Iterator[Contradiction]:
    """Yield each key that does not fit the rest, and why, in the order of sections."""
    for rule in (
        _requests,
        _stream_id,
        _type_location,
        _ids,
        _heartbeat,
        _terminal,
        _resume,
        _cancel,
        _auth,
        _codes,
        _order,
        _invariants,
        _data,
        _steering,
        unknown_types,
    ):
        yield from rule(profile)


# Requests


def _requests(profile: Profile) -> Iterator[Contradiction]:
    endpoint = profile.endpoint
    names: set[str] = set()
    for index, side in enumerate(endpoint.setup):
        yield from _side_request(("endpoint", "setup", index), side, names)
    own: dict[str, JsonValue] = {
        "path": endpoint.path,
        "query": dict(endpoint.query),
        "headers": dict(endpoint.headers),
        "body": endpoint.body,
    }
    yield from _unknown_placeholders(("endpoint",), own, names | {_PROMPT})
    for index, invalid in enumerate(endpoint.invalid):
        key = ("endpoint", "invalid", index)
        values: dict[str, JsonValue] = {"path": invalid.path, "body": invalid.body}
        yield from _unknown_placeholders(key, values, names | {_PROMPT})
        if invalid.raw_body is not None and invalid.body is not None:
            yield (*key, "raw_body"), "expected either `body` or `raw_body`, got both"
    yield from _captures(("endpoint",), endpoint.captures, names)
    for index, side in enumerate(endpoint.follow_up):
        key = ("endpoint", "follow_up", index)
        yield from _side_request(key, side, names, {_PROMPT})


def _side_request(
    key: Key, side: SideRequest, names: set[str], own: Iterable[str] = ()
) -> Iterator[Contradiction]:
    """Look at one request beside the stream's; add what it captures to `names`."""
    values: dict[str, JsonValue] = {
        "path": side.path,
        "query": dict(side.query),
        "headers": dict(side.headers),
        "body": side.body,
    }
    yield from _unknown_placeholders(key, values, names | set(own))
    if not side.path.startswith(("/", "{")) or any(map(str.isspace, side.path)):
        wanted = "a path that starts with '/' or a placeholder, without white space"
        yield (*key, "path"), f"expected {wanted}, got {side.path!r}"
    yield from _captures(key, side.captures, names)


def _captures(
    key: Key, captures: dict[str, Capture], names: set[str]
) -> Iterator[Contradiction]:
    for name, capture in captures.items():
        where = (*key, "captures", name)
        if (capture.header is None) == (capture.pointer is None):
            yield where, "expected either `header` or `pointer`, got both or none"
        if name in _OWN or not _PLACEHOLDER.fullmatch(f"{{{name}}}"):
            yield where, f"expected a free name for a placeholder, got {name!r}"
        names.add(name)


def _captured(profile: Profile) -> set[str]:
    endpoint = profile.endpoint
    of_sides = (side.captures for side in endpoint.setup + endpoint.follow_up)
    return {name for each in (*of_sides, endpoint.captures) for name in each}


def _unknown_placeholders(
    key: Key, values: dict[str, JsonValue], known: set[str]
) -> Iterator[Contradiction]:
    for name, value in values.items():
        for found in sorted(placeholders(value) - known):
            words = " or ".join(f"{{{each}}}" for each in sorted(known))
            expected = words or "no placeholder"
            yield (*key, name), f"expected {expected}, got {{{found}}}"


def placeholders(value: JsonValue) -> set[str]:
    """Return the names in braces in all texts of a JSON value."""
    if isinstance(value, str):
        return set(_PLACEHOLDER.findall(value))
    if isinstance(value, list):
        return {name for each in value for name in placeholders(each)}
    if isinstance(value, dict):
        return {name for each in value.values() for name in placeholders(each)}
    return set()


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
    values: dict[str, JsonValue] = {
        "path": resume.path,
        "query": dict(resume.query),
        "body": resume.body,
    }
    known = {_PROMPT, _STREAM, _CURSOR} | _captured(profile)
    yield from _unknown_placeholders(key, values, known)
    form = f"form = {resume.form!r}"
    used = placeholders(list(values.values()))
    if resume.form in ("query", "body") and not resume.name and _CURSOR not in used:
        yield _needs(key, "name", form)
    if resume.form == "path" and _CURSOR not in placeholders(resume.path):
        yield (*key, "path"), f"expected {{cursor}} in `path` with {form}, got none"
    if resume.snapshot is not None and resume.form != "snapshot":
        yield (*key, "snapshot"), f"expected no `snapshot` with {form}, got one"
    if _STREAM in used and not has_stream_id(profile):
        yield _no_stream_id(key)


def _cancel(profile: Profile) -> Iterator[Contradiction]:
    if profile.cancel is None or profile.cancel.explicit is None:
        return
    explicit = profile.cancel.explicit
    key = ("cancel", "explicit")
    values = {"path": explicit.path, "body": explicit.body}
    yield from _unknown_placeholders(key, values, {_STREAM} | _captured(profile))
    if _STREAM in placeholders(list(values.values())):
        if not has_stream_id(profile):
            yield _no_stream_id(key)
    elif profile.response.stream_id is None or not profile.response.stream_id.request:
        yield (
            (*key, "path"),
            f"expected {{stream}} in `path` or `body`, got {explicit.path!r}",
        )


def has_stream_id(profile: Profile) -> bool:
    """Tell whether the profile says where the id of a stream stands."""
    response = profile.response
    return (
        response.stream_id_header is not None
        or response.stream_id is not None
        or profile.ids.form == "stream-sequence"
    )


def _no_stream_id(key: Key) -> Contradiction:
    wanted = "`response.stream_id_header` or `response.stream_id` for {stream}"
    return (*key, "path"), f"expected {wanted}, got neither"


def _auth(profile: Profile) -> Iterator[Contradiction]:
    auth = profile.auth
    if auth is not None and "none" in auth.forms and len(auth.forms) > 1:
        yield ("auth", "forms"), "expected 'none' alone, got other forms as well"


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
        if isinstance(invariant, Marked) and not re.search(
            invariant.marker, invariant.text
        ):
            wanted = f"a text with a marker ({invariant.marker})"
            yield (*key, "text"), f"expected {wanted}, got {invariant.text!r}"
        if not isinstance(invariant, Returned):
            continue
        has_place = invariant.type is not None and invariant.pointer is not None
        has_part = invariant.type is not None or invariant.pointer is not None
        if has_place != has_part or has_place == (invariant.header is not None):
            wanted = "either `header`, or `type` and `pointer`"
            yield key, f"expected {wanted}, got both or not one whole"


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
    if _PROMPT not in placeholders(texts):
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
