"""The judge of requests: did one ask for this.

    verdict = asked(calls, wanted=Wanted(prompt="weather", tool="f"), read=…)

Works on the JSON of any provider: a text is any string in it, a tool is whatever has a
name in its `tools`. Pure functions over records, as in `assertions`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from ..wording import MAX_SHOWN
from .assertions import MAX_DESCRIBED, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .call import Call

    Json: TypeAlias = (
        "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"
    )

__all__ = ["Wanted", "asked"]

# Where a request is too deep to be read by recursion: no schema of a tool is.
MAX_DEPTH: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a request should hold; None for what does not matter.

    Args:
        prompt: a text that one of its strings contains.
        model: the model's name, with `*` for any characters.
        tool: the name of a tool that it offers.
        body: fields that its JSON has with these values; objects may have more.
    """

    prompt: str | None = None
    model: str | None = None
    tool: str | None = None
    body: Mapping[str, Json] | None = None

    def __str__(self) -> str:
        """Say it in words."""
        told = [
            f"{name} {value!r}"
            for name, value in (
                ("the prompt", self.prompt),
                ("the model", self.model),
                ("the tool", self.tool),
            )
            if value is not None
        ]
        if self.body is not None:
            told.append(f"the fields {_shown(self.body)}")
        return " and ".join(told)


def asked(
    calls: Sequence[Call], *, wanted: Wanted, read: Callable[[Call], bytes | None]
) -> Verdict:
    """Judge whether at least one of the calls asks for everything that is wanted.

    `read` returns the body of a call's request, without secrets since the verdict
    quotes it, and None where it is no longer kept.
    """
    expected = f"to hold one that asks for {wanted}"
    misfits = []
    for call in calls:
        misfit = _misfit(call, wanted, read)
        if misfit is None:
            return Verdict(
                holds=True, expected=expected, got=f"call {call.ordinal} does"
            )
        misfits.append(f"call {call.ordinal} {misfit}")
    shown = misfits[-MAX_DESCRIBED:]
    left = len(misfits) - len(shown)
    more = [f"{left} more before"] if left else []
    return Verdict(
        holds=False,
        expected=expected,
        got=", ".join([*shown, *more]) or "no call",
        calls=tuple(call.ordinal for call in calls),
    )


def _misfit(
    call: Call, wanted: Wanted, read: Callable[[Call], bytes | None]
) -> str | None:
    """Say the first thing that a call does not ask for."""
    if wanted.model is not None and not _matches(wanted.model, call.model or ""):
        return f"with the model {call.model!r}"
    kept = read(call)
    if kept is None or call.request_left_out:
        return "whose request is not kept"
    try:
        body: Json = json.loads(kept)
    except (ValueError, RecursionError):
        return "whose request is no JSON"
    if wanted.prompt is not None and not any(
        wanted.prompt in text for text in _texts(body)
    ):
        return f"with {_last_text(body)}"
    if wanted.tool is not None:
        tools = sorted(set(_tools(body)))
        if wanted.tool not in tools:
            return f"with the tools {', '.join(tools)}" if tools else "without tools"
    return None if wanted.body is None else _difference(wanted.body, body)


def _matches(pattern: str, text: str) -> bool:
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), text, re.DOTALL) is not None


def _texts(value: Json, depth: int = 0) -> Iterator[str]:
    """Yield every string of a value; names of fields are none."""
    if isinstance(value, str):
        yield value
    elif depth < MAX_DEPTH and isinstance(value, dict):
        for each in value.values():
            yield from _texts(each, depth + 1)
    elif depth < MAX_DEPTH and isinstance(value, list):
        for each in value:
            yield from _texts(each, depth + 1)


def _last_text(body: Json) -> str:
    """Show the end of the prompt, where what is new stands."""
    prompt = None
    if isinstance(body, dict):
        fields = ("messages", "input", "contents", "prompt")
        prompt = next((body[name] for name in fields if name in body), None)
    texts = list(_texts(prompt))
    return f"the prompt {_short(texts[-1])!r}" if texts else "no prompt"


def _tools(body: Json) -> Iterator[str]:
    """Yield the names of the tools, however the provider wraps them."""
    offered = body.get("tools") if isinstance(body, dict) else None
    todo = list(offered) if isinstance(offered, list) else []
    while todo:
        tool = todo.pop()
        if isinstance(tool, list):
            todo += tool
        if isinstance(tool, dict):
            if isinstance(tool.get("name"), str):
                yield str(tool["name"])
            # {"function": {…}} or {"functionDeclarations": [{…}]}.
            wrapped = ("function", "functionDeclarations", "function_declarations")
            todo += [tool[name] for name in wrapped if name in tool]


def _difference(wanted: Json, got: Json, place: str = "") -> str | None:
    """Say where a value lacks what is wanted; objects may have more fields."""
    if not (isinstance(wanted, dict) and isinstance(got, dict)):
        is_same = wanted == got and isinstance(wanted, bool) is isinstance(got, bool)
        return None if is_same else f"with {place or 'the body'} {_shown(got)}"
    for name, value in wanted.items():
        inner = f"{place}.{name}" if place else name
        if name not in got:
            return f"without {inner}"
        difference = _difference(value, got[name], inner)
        if difference is not None:
            return difference
    return None


def _shown(value: Json) -> str:
    return _short(json.dumps(value, ensure_ascii=False))


def _short(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
