"""Puts in words what an SDK saw, and what the journal says of its calls.

The words are what expectations are written in and what the report shows, so whatever
is not worded is not checked. It does no I/O and knows no SDK.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.sdks.cases import Case

Json = Mapping[str, Any]

CLOCK_S = 0.01
"""A timer may end this much early: its resolution, and the journal's rounding."""


def quoted(text: str) -> str:
    """Quote a text so that every character of it can be seen."""
    shown = json.dumps(text, ensure_ascii=False)
    return "".join(
        char if char.isprintable() else f"\\u{ord(char):04x}" for char in shown
    )


def in_pieces(count: int) -> str:
    return f" in {count} pieces" if count > 1 else ""


def word_error(error: Json, case: Case) -> str:
    words = ["raises" if error.get("raised", True) else "is told", error["type"]]
    if error.get("status") is not None:
        words.append(str(error["status"]))
    if case.message and case.message in error["message"]:
        words.append(quoted(case.message))
    if error.get("cause"):
        words.append(f"from {error['cause']}")
    return " ".join(words)


def word_tools(seen: Json) -> str:
    calls = " and ".join(f"{name}({arguments})" for name, arguments in seen["tools"])
    return f"calls {calls}{in_pieces(seen['tool_pieces'])}"


def word_counts(usage: Mapping[str, int]) -> str:
    order = ("input", "output", "cached", "thinking")
    told = [f"{usage[name]} {name}" for name in order if name in usage]
    return f"counts {', '.join(told)}" if told else "no counts"


def word_seen(seen: Json, case: Case) -> str:
    """Say what a client was told, in the order thoughts, text, calls, end."""
    words = []
    if seen["thoughts"]:
        words.append(f"thinks {quoted(seen['thoughts'])}")
    if seen["text"]:
        words.append(f"{quoted(seen['text'])}{in_pieces(seen['text_pieces'])}")
    if seen["refusal"]:
        words.append(f"refuses {quoted(seen['refusal'])}")
    if seen["tools"]:
        words.append(word_tools(seen))
    if seen["stop"]:
        words.append(f"ends with {seen['stop']}")
    if case.counts:
        words.append(word_counts(seen["usage"]))
    if seen["error"]:
        words.append(word_error(seen["error"], case))
    return "; ".join(words) or "nothing"


def word_tokens(tokens: Mapping[str, int]) -> str:
    made, sent, wasted = (
        tokens[name] for name in ("generated", "sent", "after_peer_gone")
    )
    words = f", {sent} tokens" if made == sent else f", {made} tokens made, {sent} sent"
    return words + (f", {wasted} after it had left" if wasted else "")


def word_call(call: Json) -> str:
    status = "no status" if call["status"] is None else call["status"]
    by = ", ".join(why for why in (call["fault"], call["peer"]) if why)
    outcome = call["outcome"] or "still running"
    return f"{status} {outcome}{by and f' ({by})'}{word_tokens(call['tokens'])}"


def moment(call: Json, name: str) -> float:
    """Tell when an event of a call was (s)."""
    return next(float(e["at"]) for e in call["events"] if e["name"] == name)


def word_waits(calls: Sequence[Json], wait_s: float) -> str:
    gaps_s = [
        moment(later, "accepted") - moment(earlier, "ended")
        for earlier, later in itertools.pairwise(calls)
    ]
    obeyed = all(gap_s >= wait_s - CLOCK_S for gap_s in gaps_s)
    return "waited as told" if obeyed else "did not wait as told"


def word_calls(calls: Sequence[Json], case: Case) -> str:
    """Say what became of the calls of a cell, those that are alike together."""
    words = []
    for word, alike in itertools.groupby(map(word_call, calls)):
        count = len(list(alike))
        words.append(f"{count} times {word}" if count > 1 else word)
    if case.wait_s is not None and len(calls) > 1:
        words.append(word_waits(calls, case.wait_s))
    return "; ".join(words) or "no call"
