"""The control API: read the journal, wait for a state, release gates, put scripts.

Everything under `/_fakes/`. Must not know any provider or wire format.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, ValidationError

from .call import State
from .errors import RequestError, ScriptError
from .http1 import encode_response
from .script import Strict, parse_script

if TYPE_CHECKING:
    from collections.abc import Callable

    from .call import Call, Peer
    from .gates import KeyTable
    from .http1 import Request
    from .journal import Journal, Watch
    from .link import Link, Timer, Timers

    _Answer = Callable[[Request, Link, re.Match[str]], None]

__all__ = ["PREFIX", "Control"]

PREFIX: Final = "/_fakes/"
DEFAULT_WAIT_MS: Final = 10_000
MAX_WAIT_MS: Final = 60_000
# With `gates.MAX_SCRIPTS` of them, 64 MiB at most.
MAX_SCRIPT_BYTES: Final = 64 * 1024

# More calls than any key has; a release may come before its turn.
MAX_TURN: Final = 999_999

PATHS: Final = (
    "GET /_fakes/health",
    "GET /_fakes/calls",
    "GET /_fakes/calls/{key}/{turn}/wait",
    "DELETE /_fakes/calls/{key}",
    "POST /_fakes/gates/{key}/release",
    "PUT /_fakes/scripts/{key}",
)
_KEY: Final = r"(?P<key>[A-Za-z0-9_-]{1,64})"


class _Release(Strict):
    turn: Annotated[int, Field(ge=1, le=MAX_TURN)] | None = None


class Control:
    """Answers control requests out of the journal and the key table."""

    def __init__(
        self, *, journal: Journal, keys: KeyTable, timers: Timers, version: str
    ) -> None:
        """Take what is shown and steered."""
        self._journal = journal
        self._keys = keys
        self._timers = timers
        self._version = version
        self._routes: tuple[tuple[str, re.Pattern[str], _Answer], ...] = (
            ("GET", re.compile("health"), self._health),
            ("GET", re.compile("calls"), self._calls),
            (
                "GET",
                re.compile(rf"calls/{_KEY}/(?P<turn>[1-9]\d{{0,8}})/wait"),
                self._wait,
            ),
            ("DELETE", re.compile(rf"calls/{_KEY}"), self._forget),
            ("POST", re.compile(rf"gates/{_KEY}/release"), self._release),
            ("PUT", re.compile(rf"scripts/{_KEY}"), self._put_script),
        )

    def handle(self, request: Request, link: Link) -> None:
        """Answer now, or attach a wait that answers later.

        Raises:
            RequestError: for a path, method or value that does not exist.
        """
        rest = request.path.removeprefix(PREFIX)
        found = [
            (method, answer, match)
            for method, pattern, answer in self._routes
            if (match := pattern.fullmatch(rest))
        ]
        if not found:
            raise RequestError(
                f"expected one of {', '.join(PATHS)}, got {request.path}", status=404
            )
        for method, answer, match in found:
            if method == request.method:
                try:
                    answer(request, link, match)
                except ScriptError as error:
                    raise RequestError(str(error)) from error
                return
        methods = ", ".join(method for method, _, _ in found)
        raise RequestError(f"expected {methods}, got {request.method}", status=405)

    def _health(self, request: Request, link: Link, _: re.Match[str]) -> None:
        send_json(
            request,
            link,
            {"status": "ok", "clock": self._timers.time(), "version": self._version},
        )

    def _calls(self, request: Request, link: Link, _: re.Match[str]) -> None:
        # All events of a full journal are 100 MB, and every stream would wait for them.
        key = request.query.get("key")
        shown = [
            call.as_json() if key is not None else call.summary()
            for call in self._journal.calls(key)
        ]
        send_json(request, link, {"clock": self._timers.time(), "calls": shown})

    def _wait(self, request: Request, link: Link, match: re.Match[str]) -> None:
        state = State.parse(request.query.get("state", ""))
        timeout_ms = _timeout_ms(request.query.get("timeout_ms"))
        Wait(
            journal=self._journal,
            timers=self._timers,
            request=request,
            link=link,
        ).start(match["key"], int(match["turn"]), state, timeout_ms)

    def _forget(self, request: Request, link: Link, match: re.Match[str]) -> None:
        self._keys.forget(match["key"])
        forgotten = self._journal.forget(match["key"])
        send_json(request, link, {"forgotten": forgotten})

    def _release(self, request: Request, link: Link, match: re.Match[str]) -> None:
        try:
            release = _Release.model_validate_json(request.body or b"{}")
        except ValidationError:
            raise RequestError(
                f'expected {{"turn": N}} with N from 1 to {MAX_TURN} or {{}}, '
                f"got {request.body[:80]!r}"
            ) from None
        released = self._keys.gates(match["key"]).release(release.turn)
        send_json(request, link, {"released": released})

    def _put_script(self, request: Request, link: Link, match: re.Match[str]) -> None:
        if len(request.body) > MAX_SCRIPT_BYTES:
            raise RequestError(
                f"expected a script of at most {MAX_SCRIPT_BYTES} bytes, "
                f"got {len(request.body)}",
                status=413,
            )
        script = parse_script(request.body, where="script")
        self._keys.put_script(match["key"], script)
        send_json(request, link, {"key": match["key"]})


class Wait:
    """A long poll: one watch on the journal, one timer, one answer."""

    def __init__(
        self, *, journal: Journal, timers: Timers, request: Request, link: Link
    ) -> None:
        """Take who asks and what can answer."""
        self._journal = journal
        self._timers = timers
        self._request = request
        self._link = link
        self._watch: Watch | None = None
        self._timer: Timer | None = None

    def start(self, key: str, turn: int, state: State, timeout_ms: int) -> None:
        """Answer at once if the answer is known, else when it is."""
        self._link.attach(self)
        when = self._timers.time() + timeout_ms / 1000
        self._timer = self._timers.call_at(when, self._time_out)
        self._watch = self._journal.watch(key, turn, state, self._answer)

    def writable(self) -> None:
        """Nothing was written before the answer."""

    def peer_left(self, peer: Peer) -> None:  # noqa: ARG002 -- who asked no longer does
        """Stop waiting."""
        self._stop()

    def shut_down(self) -> None:
        """Answer with what is known."""
        self._time_out()

    def _time_out(self) -> None:
        if self._watch is not None:
            self._watch.settle(reached=False)

    def _answer(self, watch: Watch, reached: bool) -> None:  # noqa: FBT001 -- a callback
        self._stop()
        call: Call | None = watch.call
        answer = {
            "reached": reached,
            "clock": self._timers.time(),
            "call": None if call is None else call.as_json(),
        }
        send_json(self._request, self._link, answer)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()


def send_json(
    request: Request, link: Link, value: object, *, status: int = 200
) -> None:
    """Answer a request with JSON and be done with it."""
    body = json.dumps(value, separators=(",", ":")).encode()
    headers = [("content-type", "application/json"), ("cache-control", "no-store")]
    link.write(encode_response(status, headers, body, keep_alive=request.keep_alive))
    link.finish(keep_alive=request.keep_alive)


def _timeout_ms(text: str | None) -> int:
    if text is None:
        return DEFAULT_WAIT_MS
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > MAX_WAIT_MS:
        raise RequestError(
            f"expected timeout_ms to be 0 to {MAX_WAIT_MS}, got {text!r}"
        )
    return int(text)
