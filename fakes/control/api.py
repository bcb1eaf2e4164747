"""The control API: read the journal, wait, judge, release gates, put scripts and rules.

Everything under `/_fakes/`, of one namespace. Must not know any provider or wire
format.
"""

from __future__ import annotations

import re
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

from pydantic import Field, ValidationError

from ..calls.call import State
from ..errors import RequestError, ScriptError
from ..keys import KEY
from ..namespaces import MAX_LIBRARY_BYTES, MAX_SCRIPT_BYTES
from ..script import Strict, parse_library, parse_scripts
from .json_answers import check_names, count_of, key_of, send_json, timeout_ms_of
from .questions import parse_question
from .requests import request_as_json
from .waiting import Judging, Wait

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..calls.call import Call
    from ..namespaces import Namespace
    from ..net.http1 import Request
    from ..net.link import Link, Timers

__all__ = ["PREFIX", "Control"]

PREFIX: Final = "/_fakes/"
DEFAULT_WAIT_MS: Final = 10_000
# More calls than any key has; a release may come before its turn.
MAX_TURN: Final = 999_999
# About 3 MB of JSON, and 50 ms of the event loop that all clients share.
MAX_EVENTS_SHOWN: Final = 50_000
# Of requests, in their bodies: about as long.
MAX_BYTES_SHOWN: Final = 4 * 1024 * 1024

# Of what varies in a path; a turn is a number from 1.
_PATTERNS: Final = {
    "key": KEY.pattern,
    "turn": r"[1-9]\d{0,8}",
    "name": r"\w{1,64}",
}


class _Release(Strict):
    turn: Annotated[int, Field(ge=1, le=MAX_TURN)] | None = None


class _Visit(NamedTuple):
    """A control request, where its answer goes, and what it is about."""

    request: Request
    link: Link
    space: Namespace
    match: re.Match[str]

    def answer(self, value: object) -> None:
        send_json(self.request, self.link, value)


class Control:
    """Answers control requests out of a namespace."""

    def __init__(self, *, timers: Timers, version: str) -> None:
        """Take what is the same in every namespace."""
        self._timers = timers
        self._version = version
        self.routes: tuple[tuple[str, str, Callable[[_Visit], None]], ...] = (
            ("GET", "health", self._health),
            ("GET", "calls", self._calls),
            ("GET", "calls/{key}/{turn}/wait", self._wait_for_turn),
            ("GET", "wait", self._wait_for_ordinal),
            ("GET", "assert/{name}", self._assert),
            ("DELETE", "calls", self._reset),
            ("DELETE", "calls/{key}", self._forget),
            ("POST", "gates/{key}/release", self._release),
            ("PUT", "scripts/{key}", self._put_scripts),
            ("POST", "next", self._add_scripts),
            ("PUT", "library", self._put_library),
        )
        self._patterns = [_pattern(path) for _, path, _ in self.routes]

    def handle(self, request: Request, link: Link, space: Namespace) -> None:
        """Answer now, or attach a wait that answers later.

        Raises:
            RequestError: for a path, method or value that does not exist.
        """
        rest = request.path.removeprefix(PREFIX)
        found = [
            (method, answer, match)
            for (method, _, answer), pattern in zip(
                self.routes, self._patterns, strict=True
            )
            if (match := pattern.fullmatch(rest))
        ]
        if not found:
            known = ", ".join(f"{how} {PREFIX}{path}" for how, path, _ in self.routes)
            raise RequestError(
                f"expected one of {known}, got {request.path}",
                status=HTTPStatus.NOT_FOUND,
            )
        for method, answer, match in found:
            if method == request.method:
                try:
                    answer(_Visit(request, link, space, match))
                except ScriptError as error:
                    raise RequestError(str(error)) from error
                return
        methods = ", ".join(method for method, _, _ in found)
        raise RequestError(
            f"expected {methods}, got {request.method}",
            status=HTTPStatus.METHOD_NOT_ALLOWED,
        )

    def _health(self, visit: _Visit) -> None:
        clock = self._timers.time()
        visit.answer({"status": "ok", "clock": clock, "version": self._version})

    def _calls(self, visit: _Visit) -> None:
        """Show calls, those of a key with their events, until there are too many."""
        query = visit.request.query
        check_names(query, ("key", "events", "requests", "after"))
        key, after = key_of(query), count_of(query, "after") or 0
        with_events = _flag_of(query, "events", default=key is not None)
        with_requests = _flag_of(query, "requests", default=False)
        shown: list[dict[str, object]] = []
        events, size, following = 0, 0, None
        for call in visit.space.journal.calls(key):
            if call.ordinal <= after:
                continue
            events += call.events if with_events else 0
            if with_requests and call.request is not None:
                size += len(call.request.body)
            if shown and (events > MAX_EVENTS_SHOWN or size > MAX_BYTES_SHOWN):
                following = shown[-1]["ordinal"]
                break
            told = call.as_json() if with_events else call.summary()
            shown.append(_with_request(told, call) if with_requests else told)
        clock = self._timers.time()
        visit.answer({"clock": clock, "calls": shown, "next": following})

    def _wait_for_turn(self, visit: _Visit) -> None:
        check_names(visit.request.query, ("state", "timeout_ms", "requests"))
        self._wait(visit, visit.match["key"], int(visit.match["turn"]))

    def _wait_for_ordinal(self, visit: _Visit) -> None:
        query = visit.request.query
        check_names(query, ("ordinal", "state", "timeout_ms", "requests"))
        self._wait(visit, None, count_of(query, "ordinal") or 1)

    def _wait(self, visit: _Visit, key: str | None, number: int) -> None:
        query = visit.request.query
        state = State.parse(query.get("state", ""))
        timeout_ms = timeout_ms_of(query, DEFAULT_WAIT_MS)
        with_requests = _flag_of(query, "requests", default=False)
        Wait(
            show=partial(_shown, with_requests=with_requests),
            journal=visit.space.journal,
            timers=self._timers,
            request=visit.request,
            link=visit.link,
        ).start((key, number), state, timeout_ms)

    def _assert(self, visit: _Visit) -> None:
        now = self._timers.time()
        Judging(
            question=parse_question(visit.match["name"], visit.request.query, now),
            journal=visit.space.journal,
            timers=self._timers,
            request=visit.request,
            link=visit.link,
        ).start()

    def _reset(self, visit: _Visit) -> None:
        visit.answer({"forgotten": visit.space.reset()})

    def _forget(self, visit: _Visit) -> None:
        key = visit.match["key"]
        visit.space.keys.forget(key)
        visit.answer({"forgotten": visit.space.journal.forget(key)})

    def _release(self, visit: _Visit) -> None:
        body = visit.request.body
        try:
            release = _Release.model_validate_json(body or b"{}")
        except ValidationError:
            raise RequestError(
                f'expected {{"turn": N}} with N from 1 to {MAX_TURN} or {{}}, '
                f"got {body[:80].decode(errors='replace')!r}"
            ) from None
        gates = visit.space.keys.gates(visit.match["key"])
        visit.answer({"released": gates.release(release.turn)})

    def _put_scripts(self, visit: _Visit) -> None:
        body = _body_of(visit.request, MAX_SCRIPT_BYTES)
        scripts = parse_scripts(body, where="script")
        visit.space.keys.put_scripts(visit.match["key"], scripts)
        visit.answer({"key": visit.match["key"]})

    def _add_scripts(self, visit: _Visit) -> None:
        body = _body_of(visit.request, MAX_SCRIPT_BYTES)
        following = visit.space.following
        following.add(parse_scripts(body, where="script"), len(body))
        visit.answer({"left": following.left})

    def _put_library(self, visit: _Visit) -> None:
        body = _body_of(visit.request, MAX_LIBRARY_BYTES)
        base = visit.space.base
        library = parse_library(body, where="library", base=base)
        visit.space.put_library(library)
        visit.answer({"scripts": sorted(library.scripts), "rules": len(library.rules)})


def _pattern(path: str) -> re.Pattern[str]:
    """Turn a path with `{name}` for what varies into a pattern."""
    return re.compile(
        re.sub(r"\{(\w+)\}", lambda part: f"(?P<{part[1]}>{_PATTERNS[part[1]]})", path)
    )


def _shown(call: Call, *, with_requests: bool) -> dict[str, object]:
    return _with_request(call.as_json(), call) if with_requests else call.as_json()


def _with_request(told: dict[str, object], call: Call) -> dict[str, object]:
    return {**told, "request": request_as_json(call)}


def _flag_of(query: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = query.get(name)
    if text not in {None, "0", "1"}:
        raise RequestError(f"expected {name} to be 0 or 1, got {text!r}")
    return default if text is None else text == "1"


def _body_of(request: Request, most: int) -> bytes:
    if len(request.body) > most:
        raise RequestError(
            f"expected at most {most} bytes, got {len(request.body)}",
            status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        )
    return request.body
