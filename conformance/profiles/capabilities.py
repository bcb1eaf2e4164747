"""Which promises a profile makes, by the names the catalogue asks for in `needs`.

Pure. A requirement whose capability is not declared is inapplicable; one that is
declared and broken fails. A form that no check can judge yet counts as not declared:
it must never lead to a wrong verdict. What HTML or an RFC demands is no capability.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import get_args

from .invariants import Marked
from .placeholders import STREAM, placeholders
from .schema import ExplicitCancel, Profile, SideStep, SideTime


def _ends(profile: Profile) -> bool:
    """Tell whether a stream comes to an end that can be told from a mere drop."""
    terminal = profile.terminal
    return terminal.form != "none" and terminal.rotates_after_s is None


def _has_plain_ids(profile: Profile) -> bool:
    """Tell whether every event has an id, of a form that checks can read."""
    return profile.ids.form not in ("none", "ascending") and not profile.ids.only_on


def _has_plain_resume(profile: Profile) -> bool:
    """Tell whether a resume is a request that probes can make and checks can judge."""
    resume = profile.resume
    return (
        resume is not None
        and resume.form == "last-event-id"
        and not (resume.query or resume.body)
        and (STREAM not in placeholders(resume.path) or _knows_id(profile))
        and _ends(profile)
    )


def _knows_id(profile: Profile) -> bool:
    """Tell whether probes know the id of a stream."""
    knows_id = (
        profile.response.stream_id_header or profile.ids.form == "stream-sequence"
    )
    return bool(knows_id) and profile.response.stream_id is None


def _cancels(profile: Profile) -> tuple[ExplicitCancel, ...]:
    return () if profile.cancel is None else profile.cancel.explicit


def _has_plain_cancel(profile: Profile) -> bool:
    """Tell whether probes can name the stream in every cancel request."""
    forms = _cancels(profile)
    return bool(forms) and all(
        _knows_id(profile)
        if STREAM in (used := placeholders([form.path, form.body]))
        else bool(used)
        for form in forms
    )


def _has_form(profile: Profile, form: str) -> bool:
    return profile.auth is not None and form in profile.auth.forms


def _has_no_form(profile: Profile, form: str) -> bool:
    """Tell whether credentials are asked for, and none is declared in this form."""
    return profile.auth is not None and form not in (*profile.auth.forms, "none")


def _steps(profile: Profile) -> Iterator[SideStep]:
    return (step for side in profile.sides for step in side.requests)


def _has_side(when: SideTime) -> Callable[[Profile], bool]:
    return lambda profile: any(side.when == when for side in profile.sides)


def _shows_words(profile: Profile) -> bool:
    """Tell whether the model's words can be followed from its calls to the reader.

    They cannot where a call that is shown must give a certain answer: a probe then
    decides in how many tokens it comes, and not of which words.
    """
    steering = profile.steering
    answered = {call for answer in steering.answers for call in answer.calls}
    if isinstance(steering.shown, str):
        return steering.shown == "all" and not answered
    return not answered.intersection(steering.shown)


_DECLARED: dict[str, Callable[[Profile], bool]] = {
    "auth": lambda p: p.auth is not None and p.auth.forms != ("none",),
    "auth.jwt": lambda p: p.auth is not None and p.auth.token == "jwt",
    "auth.http-rejection": lambda p: p.auth is not None and p.auth.rejection == "http",
    "auth.bearer": lambda p: _has_form(p, "bearer"),
    "auth.code": lambda p: p.auth is not None and p.auth.code is not None,
    "auth.comes-first": lambda p: p.auth is not None and p.auth.comes_first,
    "auth.first-decides": lambda p: p.auth is not None and p.auth.first_decides,
    "auth.forms": lambda p: p.auth is not None and len(p.auth.forms) > 1,
    "auth.no-cookie": lambda p: _has_no_form(p, "cookie"),
    "auth.no-query": lambda p: _has_no_form(p, "query"),
    "auth.challenge": lambda p: p.auth is not None and p.auth.challenge != "none",
    "auth.expiry": lambda p: p.auth is not None and p.auth.expiry == "closes",
    "cancel.explicit": _has_plain_cancel,
    "cancel.answers": lambda p: any(
        each.accepted is not None or each.finished is not None for each in _cancels(p)
    ),
    "cancel.tells": lambda p: any(each.tells for each in _cancels(p)),
    "cancel.disconnect": lambda p: (
        p.cancel is not None and p.cancel.on_disconnect == "cancels"
    ),
    "cancel.grace": lambda p: p.cancel is not None and p.cancel.grace_s > 0,
    "cancel.told": lambda p: bool(p.terminal.cancelled),
    "completes": _ends,
    "compression.never": lambda p: p.response.compression == "never",
    "errors": lambda p: p.errors is not None,
    "errors.codes": lambda p: p.errors is not None and bool(p.errors.codes),
    "errors.retryable": lambda p: (
        p.errors is not None and p.errors.retryable is not None
    ),
    "errors.retries": lambda p: p.errors is not None and p.errors.retries_upstream,
    "heartbeat": lambda p: (
        p.heartbeat is not None and p.heartbeat.form != "none" and p.heartbeat.promised
    ),
    "heartbeat.opens": lambda p: p.heartbeat is not None and p.heartbeat.opens,
    "heartbeat.cursor-value": lambda p: (
        p.heartbeat is not None and p.heartbeat.cursor_value is not None
    ),
    "ids": _has_plain_ids,
    "ids.numbered": lambda p: (
        _has_plain_ids(p) and p.ids.form in ("stream-sequence", "sequence")
    ),
    "ids.stream": lambda p: _has_plain_ids(p) and p.ids.form == "stream-sequence",
    "invalid-requests": lambda p: bool(p.endpoint.invalid),
    "invalid-requests.method": lambda p: any(
        each.status == HTTPStatus.METHOD_NOT_ALLOWED for each in p.endpoint.invalid
    ),
    "invalid-requests.steered": lambda p: any(
        each.raw_body is None and each.method is None for each in p.endpoint.invalid
    ),
    "invariants": lambda p: bool(p.invariants),
    "invariants.marked": lambda p: bool(marked_texts(p)),
    "json": lambda p: p.framing.data == "json",
    "latency": lambda p: p.latency is not None,
    "limits": lambda p: p.limits is not None,
    "limits.retry-after": lambda p: p.limits is not None and p.limits.retry_after,
    "order": lambda p: p.order is not None,
    "payloads": lambda p: bool(p.payloads),
    "refusal": lambda p: p.refusal is not None,
    "response.headers": lambda p: bool(p.response.headers),
    "resume": _has_plain_resume,
    "resume.takeover": lambda p: (
        p.resume is not None
        and p.resume.second_reader == "takes-over"
        and _has_plain_resume(p)
    ),
    "retry": lambda p: p.retry is not None,
    "sides": lambda p: bool(p.sides),
    "sides.code": lambda p: any(each.expect.code for each in _steps(p)),
    "sides.foreign": lambda p: any(each.foreign for each in _steps(p)),
    "sides.payload": lambda p: any(
        each.expect.payload is not None or each.captures for each in _steps(p)
    ),
    "sides.same": lambda p: any(each.expect.same for each in _steps(p)),
    **{f"sides.{when}": _has_side(when) for when in get_args(SideTime)},
    "steering": lambda p: p.steering.mode != "none" and _ends(p),
    "steering.shown": lambda p: p.steering.mode != "none" and _shows_words(p),
    "stream-id": lambda p: p.response.stream_id_header is not None,
    "terminal": lambda p: p.terminal.form != "eof" and _ends(p),
}


def marked_texts(profile: Profile) -> list[str]:
    """Return the texts that the model writes to show what markers yield."""
    return [each.text for each in profile.invariants if isinstance(each, Marked)]


CAPABILITIES = frozenset(_DECLARED)


def is_declared(profile: Profile, capability: str) -> bool:
    """Tell whether `profile` makes this promise; `KeyError` for an unknown one."""
    return _DECLARED[capability](profile)
