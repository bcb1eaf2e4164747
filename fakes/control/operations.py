"""The control API's operations as values: what to send, and how to read the answer.

One table for every client, whatever carries the bytes. Pure. Must not send anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from ..errors import ScriptError
from ..script import Say, Script
from .records import CallRecord, record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..script import Library

__all__ = [
    "AnyScript",
    "Operation",
    "Page",
    "add_script",
    "call_tool",
    "calls",
    "check",
    "clock",
    "fail",
    "forget",
    "put_library",
    "put_script",
    "release",
    "reset",
    "say",
    "wait_for",
]

T = TypeVar("T")
Json: TypeAlias = Any
AnyScript: TypeAlias = "Script | Mapping[str, object]"

# What an answer may take beyond the time it was allowed to wait.
GRACE_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[T]):
    """One request, and how its answer is read.

    Args:
        path: behind the base URL.
        body: JSON; None for no body.
        waits_s: how long the answer may wait for something to happen.
    """

    method: str
    path: str
    read: Callable[[Json], T]
    query: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    waits_s: float = 0.0

    @property
    def timeout_s(self) -> float:
        """When to give up on the answer."""
        return self.waits_s + GRACE_S

    def result(self, status: int, body: bytes) -> T:
        """Read the answer.

        Raises:
            ScriptError: the fakes refused; in their words.
            AssertionError: what was asserted or waited for is not so.
        """
        try:
            answer = json.loads(body)
        except ValueError:
            raise ScriptError(
                f"expected the fakes' control API at {self.path}, got {status} and "
                f"{body[:80].decode(errors='replace')!r}"
            ) from None
        if status != HTTPStatus.OK:
            raise ScriptError(_refusal_of(answer))
        return self.read(answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some calls, and behind which one to go on; None if these were the last."""

    calls: tuple[CallRecord, ...]
    following: int | None


def clock() -> Operation[float]:
    """Read the fakes' clock, in seconds."""
    return Operation(
        method="GET", path="/_fakes/health", read=lambda answer: float(answer["clock"])
    )


def put_script(key: str, script: AnyScript | Sequence[AnyScript]) -> Operation[None]:
    """Let the calls of a key follow a script, or several, turn by turn."""
    if isinstance(script, Script | Mapping):
        body = _dumped(script)
    else:
        body = f"[{','.join(_dumped(one) for one in script)}]"
    return Operation(
        method="PUT", path=f"/_fakes/scripts/{key}", body=body, read=_nothing
    )


def add_script(script: AnyScript) -> Operation[int]:
    """Let the next call without a script of its own follow one; count those to come."""
    return Operation(
        method="POST",
        path="/_fakes/next",
        body=_dumped(script),
        read=lambda answer: int(answer["left"]),
    )


def say(text: str) -> Operation[int]:
    """Let the next call say a text."""
    return add_script(Script(say=(Say(text=text),)))


def call_tool(name: str, arguments: Mapping[str, object]) -> Operation[int]:
    """Let the next call call a tool."""
    told = json.dumps(arguments, ensure_ascii=False)
    return add_script({"say": [{"kind": "tool", "name": name, "arguments": told}]})


def fail(
    status: int, *, retry_after_s: float | None, message: str | None
) -> Operation[int]:
    """Let the next call fail."""
    told = {"status": status, "retry_after_s": retry_after_s, "message": message}
    given = {name: value for name, value in told.items() if value is not None}
    return add_script({"fail": given})


def put_library(library: Library | Mapping[str, object]) -> Operation[None]:
    """Replace the rules of the namespace, and add scripts to its own."""
    return Operation(
        method="PUT", path="/_fakes/library", body=_dumped(library), read=_nothing
    )


def release(key: str, turn: int | None) -> Operation[int]:
    """Open the gates of a key, for one turn or all."""
    return Operation(
        method="POST",
        path=f"/_fakes/gates/{key}/release",
        body=json.dumps({} if turn is None else {"turn": turn}),
        read=lambda answer: int(answer["released"]),
    )


def calls(key: str | None, *, events: bool | None, after: int) -> Operation[Page]:
    """List calls, those behind `after`."""
    query = {"key": key, "after": after or None, "events": events, "requests": True}
    return Operation(
        method="GET", path="/_fakes/calls", query=_query(query), read=_page_of
    )


def wait_for(
    key: str | None,
    state: str,
    *,
    turn: int,
    ordinal: int | None,
    timeout_s: float,
) -> Operation[CallRecord]:
    """Wait for a state of a call."""
    if key is None:
        path, which = "/_fakes/wait", f"call {ordinal or 1} in the namespace"
    else:
        path, which = f"/_fakes/calls/{key}/{turn}/wait", f"call {turn} of key {key!r}"
    if key is not None and ordinal is not None:
        raise ScriptError(f"expected key or ordinal, got {key!r} and {ordinal}")
    timeout_ms = round(timeout_s * 1000)
    query = {
        "state": state,
        "ordinal": ordinal,
        "timeout_ms": timeout_ms,
        "requests": True,
    }

    def read(answer: Json) -> CallRecord:
        if answer["reached"]:
            return record_of(answer["call"])
        got = "no such call" if answer["call"] is None else record_of(answer["call"])
        raise AssertionError(
            f"expected {which} to reach {state} within {timeout_s:g} s, got {got}"
        )

    return Operation(
        method="GET", path=path, query=_query(query), waits_s=timeout_s, read=read
    )


def forget(key: str) -> Operation[int]:
    """Forget everything of a key."""
    return Operation(
        method="DELETE",
        path=f"/_fakes/calls/{key}",
        read=lambda answer: int(answer["forgotten"]),
    )


def reset() -> Operation[int]:
    """Forget everything of the namespace."""
    return Operation(
        method="DELETE",
        path="/_fakes/calls",
        read=lambda answer: int(answer["forgotten"]),
    )


def check(name: str, **parameters: object) -> Operation[None]:
    """Ask for a verdict."""
    # The fakes' longest wait: they know themselves how long this one may take.
    return Operation(
        method="GET",
        path=f"/_fakes/assert/{name}",
        query=_query(parameters),
        waits_s=60.0,
        read=_hold,
    )


def _hold(verdict: Json) -> None:
    if verdict["holds"]:
        return
    which = ", ".join(str(ordinal) for ordinal in verdict["calls"])
    behind = f" (calls: {which})" if which else ""
    raise AssertionError(
        f"expected {verdict['expected']}, got {verdict['got']}{behind}"
    )


def _page_of(answer: Json) -> Page:
    return Page(
        calls=tuple(record_of(call) for call in answer["calls"]),
        following=answer["next"],
    )


def _query(parameters: Mapping[str, object]) -> dict[str, str]:
    """Spell parameters; those that are None are not sent."""
    return {
        name: _spelled(value) for name, value in parameters.items() if value is not None
    }


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    # Not `1e-05`, nor more digits than the clock has.
    return f"{value:.9f}" if isinstance(value, float) else str(value)


def _dumped(told: Script | Library | Mapping[str, object]) -> str:
    """Spell as JSON; what is wrong with a mapping is for the fakes to say."""
    if isinstance(told, Mapping):
        return json.dumps(told)
    return told.model_dump_json(exclude_defaults=True)


def _refusal_of(answer: Json) -> str:
    """Take the words out of a refusal; a provider's wraps them in an object."""
    error = answer.get("error") if isinstance(answer, dict) else None
    return error if isinstance(error, str) else f"refused, got {answer!r}"[:500]


def _nothing(_: Json) -> None:
    """Read nothing."""
