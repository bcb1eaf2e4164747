"""Which promises a profile makes, by the names the catalogue asks for in `needs`.

Pure. A requirement whose capability is not declared is inapplicable; one that is
declared and broken fails. What HTML or an RFC demands is never a capability.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from .schema import Profile

_DECLARED: dict[str, Callable[[Profile], bool]] = {
    "auth": lambda p: p.auth is not None and p.auth.forms != ("none",),
    "auth.jwt": lambda p: p.auth is not None and p.auth.token == "jwt",
    "auth.http-rejection": lambda p: p.auth is not None and p.auth.rejection == "http",
    "auth.header-only": lambda p: p.auth is not None and p.auth.forms == ("bearer",),
    "auth.expiry": lambda p: p.auth is not None and p.auth.expiry == "closes",
    "cancel.explicit": lambda p: p.cancel is not None and p.cancel.explicit is not None,
    "cancel.disconnect": lambda p: (
        p.cancel is not None and p.cancel.on_disconnect == "cancels"
    ),
    "cancel.grace": lambda p: p.cancel is not None and p.cancel.grace_s > 0,
    "cancel.told": lambda p: bool(p.terminal.cancelled),
    "compression.never": lambda p: p.response.compression == "never",
    "errors": lambda p: p.errors is not None,
    "errors.retryable": lambda p: (
        p.errors is not None and p.errors.retryable is not None
    ),
    "errors.retries": lambda p: p.errors is not None and p.errors.retries_upstream,
    "heartbeat": lambda p: p.heartbeat is not None and p.heartbeat.form != "none",
    "ids": lambda p: p.ids.form != "none",
    "ids.numbered": lambda p: p.ids.form in ("stream-sequence", "sequence"),
    "ids.stream": lambda p: p.ids.form == "stream-sequence",
    "invalid-requests": lambda p: bool(p.endpoint.invalid),
    "invalid-requests.method": lambda p: any(
        each.status == HTTPStatus.METHOD_NOT_ALLOWED for each in p.endpoint.invalid
    ),
    "invalid-requests.steered": lambda p: any(
        each.raw_body is None and each.method is None for each in p.endpoint.invalid
    ),
    "invariants": lambda p: bool(p.invariants),
    "json": lambda p: p.framing.data == "json",
    "latency": lambda p: p.latency is not None,
    "limits": lambda p: p.limits is not None,
    "limits.retry-after": lambda p: p.limits is not None and p.limits.retry_after,
    "order": lambda p: p.order is not None,
    "payloads": lambda p: bool(p.payloads),
    "refusal": lambda p: p.refusal is not None,
    "response.headers": lambda p: bool(p.response.headers),
    "resume": lambda p: p.resume is not None and p.resume.form == "last-event-id",
    "resume.takeover": lambda p: (
        p.resume is not None and p.resume.second_reader == "takes-over"
    ),
    "retry": lambda p: p.retry is not None,
    "steering": lambda p: p.steering.mode != "none",
    "stream-id": lambda p: p.response.stream_id_header is not None,
    "terminal": lambda p: p.terminal.form != "eof",
}

CAPABILITIES = frozenset(_DECLARED)


def is_declared(profile: Profile, capability: str) -> bool:
    """Tell whether `profile` makes this promise; `KeyError` for an unknown one."""
    return _DECLARED[capability](profile)
