"""The requests of a profile: start, resume, cancel, and the invalid ones. Pure.

Everything particular comes out of the profile; a credential stands as `$TOKEN`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import quote, urlencode

from pydantic import JsonValue

from ..errors import UsageError
from ..model import CREDENTIAL, Request
from . import Profile
from .schema import InvalidRequest

PROMPT = "{prompt}"
_STREAM = "{stream}"
_USER_AGENT = "streamproof"


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


def start_request(profile: Profile, prefix: str, prompt: str) -> Request:
    """Return the request that starts a stream with this user text.

    Raises `UsageError` where it takes other requests as well.
    """
    expect_one_request(profile)
    endpoint = profile.endpoint
    path = prefix + endpoint.path.replace(PROMPT, quote(prompt, safe=""))
    if endpoint.query:
        query = {k: v.replace(PROMPT, prompt) for k, v in endpoint.query.items()}
        path += "?" + urlencode(query, quote_via=quote)
    headers = [("Accept", endpoint.accept), ("User-Agent", _USER_AGENT)]
    headers += endpoint.headers.items()
    body = b""
    if endpoint.body is not None:
        body = json.dumps(_filled(endpoint.body, prompt)).encode()
        headers.append(("Content-Type", endpoint.content_type))
    return Request(method=endpoint.method, path=path, headers=tuple(headers), body=body)


def resume_request(
    profile: Profile, prefix: str, start: Request, last_event_id: str
) -> Request:
    """Return the request that continues after an event of the stream of `start`."""
    resume = profile.resume
    request = with_header(start, "Last-Event-ID", last_event_id)
    if resume is None or not resume.sends_body:
        request = replace(without_header(request, "Content-Type"), body=b"")
    if resume is not None and resume.method != "same":
        request = replace(request, method=resume.method)
    if resume is not None and resume.path is not None:
        request = replace(request, path=prefix + resume.path)
    return request


def cancel_request(profile: Profile, prefix: str, stream_id: str) -> Request:
    """Return the request that cancels a stream; the profile must declare one."""
    cancel = profile.cancel
    if cancel is None or cancel.explicit is None:
        raise UsageError("the profile declares no cancel request")
    explicit = cancel.explicit
    headers = [("Accept", "application/json"), ("User-Agent", _USER_AGENT)]
    body = b""
    if explicit.body is not None:
        body = json.dumps(_filled(explicit.body, stream_id, _STREAM)).encode()
        headers.append(("Content-Type", "application/json"))
    return Request(
        method=explicit.method,
        path=prefix + explicit.path.replace(_STREAM, quote(stream_id, safe="")),
        headers=tuple(headers),
        body=body,
    )


def invalid_request(
    profile: Profile, prefix: str, invalid: InvalidRequest, prompt: str
) -> Request:
    """Return a request that the target must refuse.

    What the profile leaves out is as in a valid request; but a request of another
    method has no body unless one is given.
    """
    request = start_request(profile, prefix, prompt)
    body: bytes | None = None
    if invalid.raw_body is not None:
        body = invalid.raw_body.encode()
    elif invalid.body is not None:
        steered = _steered(invalid.body, profile.endpoint.body, prompt)
        body = json.dumps(steered).encode()
    elif invalid.method is not None:
        body = b""
    if body is not None:
        request = replace(request, body=body)
    if not request.body:
        request = without_header(request, "Content-Type")
    elif invalid.content_type is not None or body is not None:
        content_type = invalid.content_type or profile.endpoint.content_type
        request = with_header(request, "Content-Type", content_type)
    if invalid.path is not None:
        request = replace(request, path=prefix + invalid.path)
    return replace(request, method=invalid.method or request.method)


def with_credential(profile: Profile, request: Request) -> Request:
    """Put `$TOKEN` where the profile says a credential goes."""
    auth = profile.auth
    if auth is None:
        return request
    match auth.forms[0]:
        case "bearer":
            return with_header(request, "Authorization", f"Bearer {CREDENTIAL}")
        case "header":
            return with_header(request, auth.name or "X-API-Key", CREDENTIAL)
        case "cookie":
            name = auth.name or "access_token"
            return with_header(request, "Cookie", f"{name}={CREDENTIAL}")
        case "query":
            return with_query(request, auth.name or "token", CREDENTIAL)
        case "none":
            return request


def with_header(request: Request, name: str, value: str) -> Request:
    """Return the request with this header, in place of one of the same name."""
    kept = without_header(request, name).headers
    return replace(request, headers=(*kept, (name, value)))


def without_header(request: Request, name: str) -> Request:
    """Return the request without any header of this name."""
    kept = tuple(pair for pair in request.headers if pair[0].lower() != name.lower())
    return replace(request, headers=kept)


def with_query(request: Request, name: str, value: str) -> Request:
    """Return the request with one more query parameter, written as it is."""
    sign = "&" if "?" in request.path else "?"
    return replace(request, path=f"{request.path}{sign}{name}={value}")


def _filled(value: JsonValue, text: str, place: str = PROMPT) -> JsonValue:
    """Put a text in for its placeholder, wherever it stands in a JSON value."""
    if isinstance(value, str):
        return value.replace(place, text)
    if isinstance(value, list):
        return [_filled(each, text, place) for each in value]
    if isinstance(value, dict):
        return {key: _filled(each, text, place) for key, each in value.items()}
    return value


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
    if isinstance(value, str) and value and template == PROMPT:
        return prompt
    return value
