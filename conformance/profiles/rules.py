"""What the sections of a profile must not say against each other.

Pure. Yields a key and what is wrong with it; `values` and `schema` have already seen
to every value alone. Judges no traffic and knows no file.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from .placeholders import CURSOR, PROMPT, placeholders
from .request_rules import wrong_cancels, wrong_requests, wrong_resume, wrong_sides
from .schema import Profile
from .type_names import Contradiction, Key, terminal_matches, unknown_types


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
    if place.location in ("json-pointer", "both") and place.pointer is None:
        yield _needs(key, "pointer", location)
    if place.location == "present-key" and not place.keys:
        yield _needs(key, "keys", location)
    if place.keys and place.location != "present-key":
        yield (*key, "keys"), f"expected no `keys` with {location}, got some"
    if place.event_field_optional and place.event_field is None:
        yield _needs(key, "event_field", "`event_field_optional`")


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
        if match.type is None and not match.where and not match.has:
            yield match_key, "expected `type`, `where` or `has`, got none of them"


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
    if profile.steering.mode != "prompt":
        return
    if profile.steering.token is None:
        yield _needs(("steering",), "token", "mode = 'prompt'")
    endpoint = profile.endpoint
    texts: list[JsonValue] = [endpoint.path, endpoint.body, dict(endpoint.query)]
    for side in endpoint.follow_up:
        texts += [side.body, dict(side.query)]
    if PROMPT not in placeholders(texts):
        wanted = "{prompt} in the endpoint's path, query or body with mode = 'prompt'"
        yield ("steering", "mode"), f"expected {wanted}, got none"
