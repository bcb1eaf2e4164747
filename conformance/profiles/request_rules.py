"""What the requests of a profile must not say: placeholders, captures, sides. Pure.

Yields a key and what is wrong with it, as `rules` does for everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pydantic import JsonValue

from .placeholders import (
    CURSOR,
    FRESH,
    OWN,
    PLACEHOLDER,
    PROMPT,
    SESSION,
    STREAM,
    placeholders,
)
from .pointer import lookup
from .schema import (
    Capture,
    Endpoint,
    ExplicitCancel,
    InvalidRequest,
    Profile,
    Same,
    Side,
    SideRequest,
    SideStep,
)
from .type_names import Contradiction, Key

_WITHOUT_STREAM = ("alone", "before")


def wrong_requests(profile: Profile) -> Iterator[Contradiction]:
    """Look at the requests that start a stream, and at those around it."""
    endpoint = profile.endpoint
    names: set[str] = set(FRESH)
    for index, side in enumerate(endpoint.setup):
        yield from _side_request(("endpoint", "setup", index), side, names)
    own: dict[str, JsonValue] = {
        "path": endpoint.path,
        "query": dict(endpoint.query),
        "headers": dict(endpoint.headers),
        "body": endpoint.body,
    }
    yield from _unknown(("endpoint",), own, names | {PROMPT})
    for index, invalid in enumerate(endpoint.invalid):
        key = ("endpoint", "invalid", index)
        values: dict[str, JsonValue] = {
            "path": invalid.path,
            "query": dict(invalid.query or {}),
            "body": invalid.body,
        }
        yield from _unknown(key, values, names | {PROMPT})
        if invalid.raw_body is not None and invalid.body is not None:
            yield (*key, "raw_body"), "expected either `body` or `raw_body`, got both"
        if _becomes_valid(invalid, endpoint):
            wanted = "something wrong beside the text, whose place `{prompt}` takes"
            yield (*key, "body"), f"expected {wanted}; a text is too long by `lengths`"
        for pointer in invalid.lengths:
            if not isinstance(lookup(invalid.body, pointer), str):
                wanted = "a place in `body` with a text"
                yield (*key, "lengths", pointer), f"expected {wanted}, got {pointer!r}"
    yield from _captures(("endpoint",), endpoint.captures)
    for name, capture in endpoint.captures.items():
        if capture.header is capture.event is None:
            wanted = "`header`, or `pointer` and `event`: a stream is no document"
            yield ("endpoint", "captures", name), f"expected {wanted}"
    names.update(endpoint.captures)
    for index, side in enumerate(endpoint.follow_up):
        key = ("endpoint", "follow_up", index)
        yield from _side_request(key, side, names, {PROMPT})


def _becomes_valid(invalid: InvalidRequest, endpoint: Endpoint) -> bool:
    """Whether a request differs from a valid one in nothing but the user's text."""
    if invalid.body is None or invalid.lengths or invalid.headers:
        return False
    others = (invalid.query, invalid.content_type, invalid.method, invalid.path)
    if any(each is not None for each in others):
        return False
    return _is_like(invalid.body, endpoint.body)


def _is_like(value: JsonValue, valid: JsonValue) -> bool:
    if valid == f"{{{PROMPT}}}":
        return isinstance(value, str) and value != ""
    if isinstance(value, dict) and isinstance(valid, dict):
        return value.keys() == valid.keys() and all(
            _is_like(each, valid[key]) for key, each in value.items()
        )
    if isinstance(value, list) and isinstance(valid, list):
        return len(value) == len(valid) and all(map(_is_like, value, valid))
    return type(value) is type(valid) and value == valid


def wrong_resume(profile: Profile) -> Iterator[Contradiction]:
    """Look at the placeholders of the request that resumes."""
    resume = profile.resume
    if resume is None:
        return
    values: dict[str, JsonValue] = {
        "path": resume.path,
        "query": dict(resume.query),
        "body": resume.body,
    }
    known = {PROMPT, STREAM, CURSOR} | FRESH | _captured(profile)
    yield from _unknown(("resume",), values, known)
    if STREAM in placeholders(list(values.values())) and not has_stream_id(profile):
        yield _no_stream_id(("resume", "path"))


def wrong_cancels(profile: Profile) -> Iterator[Contradiction]:
    """Look at the requests that cancel: each must name what it cancels."""
    forms = () if profile.cancel is None else profile.cancel.explicit
    for index, form in enumerate(forms):
        yield from _cancel(("cancel", "explicit", index), form, profile)


def _cancel(
    key: Key, form: ExplicitCancel, profile: Profile
) -> Iterator[Contradiction]:
    values = {"path": form.path, "body": form.body}
    captured = _captured(profile)
    yield from _unknown(key, values, {STREAM} | FRESH | captured)
    used = placeholders(list(values.values()))
    place = profile.response.stream_id
    if STREAM in used:
        if not has_stream_id(profile):
            yield _no_stream_id((*key, "path"))
    elif not used & ({SESSION} | captured) and (place is None or not place.request):
        wanted = "{stream}, {session} or a capture in `path` or `body`"
        yield (*key, "path"), f"expected {wanted}, got {form.path!r}"
    elif SESSION in used and not _has_session(profile):
        wanted = "{session} in the endpoint's request, or a capture of that name"
        yield (*key, "path"), f"expected {wanted}, got neither"
    if form.tells and not profile.terminal.cancelled:
        yield (*key, "tells"), "expected `terminal.cancelled` with `tells`, got none"


def wrong_sides(profile: Profile) -> Iterator[Contradiction]:
    """Look at what is served beside the streams."""
    seen: set[str] = set()
    for index, side in enumerate(profile.sides):
        key = ("sides", index)
        if side.name in seen:
            yield (*key, "name"), f"expected a name of its own, got {side.name!r} again"
        seen.add(side.name)
        if side.when == "after-cancel" and not (
            profile.cancel and profile.cancel.explicit
        ):
            message = "expected `cancel.explicit` with when = 'after-cancel', got none"
            yield (*key, "when"), message
        yield from _side(key, side, profile)


def _side(key: Key, side: Side, profile: Profile) -> Iterator[Contradiction]:
    names = {PROMPT} | FRESH
    if side.when not in _WITHOUT_STREAM:
        names |= _captured(profile)
        names |= {STREAM} if has_stream_id(profile) else set()
    captured: set[str] = set()
    for index, step in enumerate(side.requests):
        where = (*key, "requests", index)
        for n, same in enumerate(step.expect.same):
            yield from _same((*where, "expect", "same", n), same, side, captured)
        yield from _side_request(where, step, names)
        yield from _step(where, step, profile)
        captured.update(step.captures)


def _step(key: Key, step: SideStep, profile: Profile) -> Iterator[Contradiction]:
    codes = {("expect",): step.expect.code}
    if step.foreign is not None:
        codes[("foreign",)] = step.foreign.code
        if profile.auth is None:
            yield (*key, "foreign"), "expected `auth` with `foreign`, got none"
    for where, code in codes.items():
        if code is not None and profile.refusal is None:
            yield (*key, *where, "code"), "expected `refusal` with `code`, got none"


def _same(
    key: Key, same: Same, side: Side, captured: Iterable[str]
) -> Iterator[Contradiction]:
    if (same.capture is None) == (same.event is None):
        yield key, "expected either `capture` or `event`, got both or none"
    if same.capture is not None and same.capture not in captured:
        words = ", ".join(sorted(captured)) or "none yet"
        yield (
            (*key, "capture"),
            f"expected a capture of a request before ({words}), got {same.capture!r}",
        )
    if same.event is not None and side.when == "alone":
        message = f"expected no `event` with when = {side.when!r}, got {same.event!r}"
        yield (*key, "event"), message
    if same.capture is not None and (same.to or same.take != "last"):
        yield (*key, "capture"), "expected no `to` and no `take` with it, got one"


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
    yield from _unknown(key, values, names | set(own))
    if not side.path.startswith(("/", "{")) or any(map(str.isspace, side.path)):
        wanted = "a path that starts with '/' or a placeholder, without white space"
        yield (*key, "path"), f"expected {wanted}, got {side.path!r}"
    yield from _captures(key, side.captures)
    for name, capture in side.captures.items():
        if capture.event is not None:
            where = (*key, "captures", name, "event")
            yield where, f"expected no `event` in an answer, got {capture.event!r}"
    names.update(side.captures)


def _captures(key: Key, captures: Mapping[str, Capture]) -> Iterator[Contradiction]:
    for name, capture in captures.items():
        where = (*key, "captures", name)
        if (capture.header is None) == (capture.pointer is None):
            yield where, "expected either `header` or `pointer`, got both or none"
        if name in OWN or not PLACEHOLDER.fullmatch(f"{{{name}}}"):
            yield where, f"expected a free name for a placeholder, got {name!r}"


def _captured(profile: Profile) -> set[str]:
    endpoint = profile.endpoint
    of_sides = (side.captures for side in endpoint.setup + endpoint.follow_up)
    return {name for each in (*of_sides, endpoint.captures) for name in each}


def _has_session(profile: Profile) -> bool:
    """Tell whether `{session}` is something that the target knows."""
    endpoint = profile.endpoint
    texts: list[JsonValue] = [
        endpoint.path,
        endpoint.body,
        dict(endpoint.query),
        dict(endpoint.headers),
    ]
    return SESSION in placeholders(texts) | _captured(profile)


def _unknown(
    key: Key, values: Mapping[str, JsonValue], known: set[str]
) -> Iterator[Contradiction]:
    for name, value in values.items():
        for found in sorted(placeholders(value) - known):
            words = " or ".join(f"{{{each}}}" for each in sorted(known))
            yield (*key, name), f"expected {words}, got {{{found}}}"


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
    return key, f"expected {wanted}, got neither"
