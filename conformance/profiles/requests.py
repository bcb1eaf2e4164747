"""The requests of a profile: start, resume, cancel, sides, the invalid ones. Pure.

Everything particular comes out of the profile and the values of its placeholders; a
credential stands as `$TOKEN`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote, urlencode

from pydantic import JsonValue

from ..errors import UsageError
from ..model import CREDENTIAL, Request
from . import Profile
from .placeholders import (
    CURSOR,
    PROMPT,
    Values,
    fill,
    fill_path,
    fill_text,
    placeholders,
)
from .schema import AuthForm, ExplicitCancel, InvalidRequest, SideStep

_USER_AGENT = "streamproof"
_JSON = "application/json"
_FILLER = "x"


def expect_one_request(profile: Profile) -> None:
    """Raise `UsageError` where a stream takes more requests than the one for it.

    A profile may declare them, but no probe sends them yet, and any verdict without
    them would be wrong.
    """
    endpoint = profile.endpoint
    for side in ("setup", "follow_up"):
        if getattr(endpoint, side):
            raise UsageError(
                "expected a profile whose stream takes one request, got "
                f"`endpoint.{side}`, which this version cannot send"
            )


def start_request(profile: Profile, prefix: str, values: Values) -> Request:
    """Return the request that starts a stream with this prompt, session and UUID.

    Raises `UsageError` where it takes other requests as well.
    """
    expect_one_request(profile)
    endpoint = profile.endpoint
    request = Request(
        method=endpoint.method,
        path=_target(prefix, endpoint.path, endpoint.query, values),
        headers=_headers(endpoint.accept, endpoint.headers, values),
    )
    if endpoint.body is None:
        return request
    return _with_json(request, fill(endpoint.body, values), endpoint.content_type)


def resume_request(
    profile: Profile, prefix: str, start: Request, values: Values
) -> Request:
    """Return the request that continues after the event that is the cursor's value.

    `start` is the request of that stream, `values` all that is known of it by now.
    """
    resume = profile.resume
    request = with_header(start, "Last-Event-ID", str(values[CURSOR]))
    if resume is None or not resume.sends_body:
        request = replace(without_header(request, "Content-Type"), body=b"")
    if resume is not None and resume.method != "same":
        request = replace(request, method=resume.method)
    if resume is not None and resume.path is not None:
        request = replace(request, path=prefix + fill_path(resume.path, values))
    return request


def cancel_request(form: ExplicitCancel, prefix: str, values: Values) -> Request:
    """Return the request that cancels the stream of these values."""
    request = Request(
        method=form.method,
        path=prefix + fill_path(form.path, values),
        headers=_headers(_JSON, {}, values),
    )
    if form.body is None:
        return request
    return _with_json(request, fill(form.body, values))


def side_request(step: SideStep, prefix: str, values: Values) -> Request:
    """Return one request of a side."""
    request = Request(
        method=step.method,
        path=_target(prefix, step.path, step.query, values),
        headers=_headers(_JSON, step.headers, values),
    )
    if step.body is None:
        return request
    return _with_json(request, fill(step.body, values))


def invalid_request(
    profile: Profile, prefix: str, invalid: InvalidRequest, values: Values
) -> Request:
    """Return a request that the target must refuse.

    What the profile leaves out is as in a valid request; but a request of another
    method has no body unless one is given.
    """
    endpoint = profile.endpoint
    request = start_request(profile, prefix, values)
    body = _invalid_body(profile, invalid, values)
    if body is not None:
        request = replace(request, body=body)
    content_type = invalid.content_type
    if content_type is None and request.body and body is not None:
        content_type = endpoint.content_type
    if content_type:
        request = with_header(request, "Content-Type", content_type)
    elif content_type is not None or not request.body:
        request = without_header(request, "Content-Type")
    for name, value in invalid.headers.items():
        request = with_header(request, name, value)
    if invalid.path is not None or invalid.query is not None:
        path = endpoint.path if invalid.path is None else invalid.path
        query = endpoint.query if invalid.query is None else invalid.query
        # Another path is another place: it has no query unless one is given.
        query = query if invalid.path is None else invalid.query or {}
        request = replace(request, path=_target(prefix, path, query, values))
    return replace(request, method=invalid.method or request.method)


def _invalid_body(
    profile: Profile, invalid: InvalidRequest, values: Values
) -> bytes | None:
    """Return the body of an invalid request; None for that of a valid one."""
    if invalid.raw_body is not None:
        return invalid.raw_body.encode()
    if invalid.body is None:
        return None if invalid.method is None else b""
    body = fill(invalid.body, values)
    body = _steered(body, profile.endpoint.body, str(values[PROMPT]))
    for pointer, length in invalid.lengths.items():
        body = _with_length(body, pointer.split("/")[1:], length)
    return json.dumps(body).encode()


def unfilled(texts: JsonValue, values: Values) -> list[str]:
    """Return the placeholders in the texts of a request that have no value."""
    return sorted(placeholders(texts) - values.keys())


def with_credential(
    profile: Profile,
    request: Request,
    form: AuthForm | None = None,
    credential: str = CREDENTIAL,
) -> Request:
    """Put a credential, by default `$TOKEN`, into a place of the profile.

    `form` is by default the first one that the profile declares.
    """
    auth = profile.auth
    if auth is None:
        return request
    match form or auth.forms[0]:
        case "bearer":
            return with_header(request, "Authorization", f"Bearer {credential}")
        case "header":
            name = auth.names.get("header", "X-API-Key")
            return with_header(request, name, credential)
        case "cookie":
            name = auth.names.get("cookie", "access_token")
            return with_header(request, "Cookie", f"{name}={credential}")
        case "query":
            return with_query(request, auth.names.get("query", "token"), credential)
        case "none":
            return request


def to_nowhere(request: Request) -> Request:
    """Return the request to a path that is none.

    It is two steps below: one step may be where a stream is cancelled.
    """
    path, mark, query = request.path.partition("?")
    return replace(request, path=f"{path}/no-such/path{mark}{query}")


def with_other_method(request: Request, served: Collection[str]) -> Request:
    """Return the request with a method that is not served there, and its body."""
    methods = ("PUT", "PATCH", "DELETE")
    other = next((method for method in methods if method not in served), "REPORT")
    return replace(request, method=other)


def with_header(request: Request, name: str, value: str) -> Request:
    """Return the request with this header, in place of one of the same name."""
    kept = without_header(request, name).headers
    return replace(request, headers=(*kept, (name, value)))


def without_header(request: Request, name: str) -> Request:
    """Return the request without any header of this name."""
    kept = tuple(pair for pair in request.headers if pair[0].lower() != name.lower())
    return replace(request, headers=kept)


def with_query(request: Request, name: str, value: str) -> Request:
    """Return the request with a query parameter, written as it is.

    It stands behind all others, in place of one of that name.
    """
    path, _, query = request.path.partition("?")
    pairs = filter(None, query.split("&"))
    kept = [pair for pair in pairs if pair.partition("=")[0] != name]
    query = "&".join([*kept, f"{name}={value}"])
    return replace(request, path=f"{path}?{query}")


def _target(prefix: str, path: str, query: Mapping[str, str], values: Values) -> str:
    """Return what stands in the request line: a path and its query, encoded."""
    target = prefix + fill_path(path, values)
    if not query:
        return target
    filled = {name: fill_text(text, values) for name, text in query.items()}
    return f"{target}?{urlencode(filled, quote_via=quote)}"


def _headers(
    accept: str, own: Mapping[str, str], values: Values
) -> tuple[tuple[str, str], ...]:
    filled = ((name, fill_text(text, values)) for name, text in own.items())
    return (("Accept", accept), ("User-Agent", _USER_AGENT), *filled)


def _with_json(
    request: Request, value: JsonValue, content_type: str = _JSON
) -> Request:
    headers = (*request.headers, ("Content-Type", content_type))
    return replace(request, headers=headers, body=json.dumps(value).encode())


def _steered(value: JsonValue, template: JsonValue, prompt: str) -> JsonValue:
    """Put the prompt where an invalid body has a text and a valid one the prompt.

    So a target that lets the request pass shows up in the model's journal. An empty
    text stays empty: it may be what makes the request invalid.
    """
    if isinstance(value, dict) and isinstance(template, dict):
        return {
            key: _steered(each, template.get(key), prompt)
            for key, each in value.items()
        }
    if isinstance(value, list) and isinstance(template, list):
        pairs = zip(value, [*template, *[None] * len(value)], strict=False)
        return [_steered(each, under, prompt) for each, under in pairs]
    if isinstance(value, str) and value and template == f"{{{PROMPT}}}":
        return prompt
    return value


def _with_length(value: JsonValue, keys: Sequence[str], length: int) -> JsonValue:
    """Fill up or cut the text at a place, so that it has so many characters."""
    if isinstance(value, dict) and keys and keys[0] in value:
        changed = _with_length(value[keys[0]], keys[1:], length)
        return {**value, keys[0]: changed}
    if isinstance(value, str) and not keys:
        return value[:length].ljust(length, _FILLER)
    return value
