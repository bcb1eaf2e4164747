"""Judge of OpenAI Responses: every event by schema, their order by hand.

After the public reference (responses-streaming); shares no code with the fake.
"""

from __future__ import annotations

from typing import Any

from tests.fakes.validators.frames import (
    COUNT,
    EMPTY,
    STRING,
    Json,
    Schema,
    Told,
    check,
    closed,
    join_same,
    matching,
    nullable,
    one_of,
    parse,
    split_events,
)

BOOLEAN: Schema = {"type": "boolean"}
STATUS = one_of("in_progress", "completed", "incomplete")
OUTPUT_TEXT = closed(
    type=one_of("output_text"), annotations=EMPTY, logprobs=EMPTY, text=STRING
)
REFUSAL = closed(type=one_of("refusal"), refusal=STRING)
SUMMARY = closed(type=one_of("summary_text"), text=STRING)
ITEMS: dict[str, Schema] = {
    "message": closed(
        id=matching("msg_[0-9a-f]{50}"),
        type=one_of("message"),
        status=STATUS,
        role=one_of("assistant"),
        content={"type": "array", "items": {"oneOf": [OUTPUT_TEXT, REFUSAL]}},
    ),
    "reasoning": closed(
        id=matching("rs_[0-9a-f]{50}"),
        type=one_of("reasoning"),
        summary={"type": "array", "items": SUMMARY},
    ),
    "function_call": closed(
        id=matching("fc_[0-9a-f]{50}"),
        type=one_of("function_call"),
        status=STATUS,
        call_id=matching("call_[0-9a-f]{24}"),
        name=STRING,
        arguments=STRING,
    ),
}
ITEM: Schema = {"oneOf": list(ITEMS.values())}
USAGE = closed(
    input_tokens=COUNT,
    input_tokens_details=closed(cached_tokens=COUNT, cache_write_tokens=COUNT),
    output_tokens=COUNT,
    output_tokens_details=closed(reasoning_tokens=COUNT),
    total_tokens=COUNT,
)
RESPONSE = closed(
    id=matching("resp_[0-9a-f]{50}"),
    object=one_of("response"),
    created_at=COUNT,
    status=one_of("in_progress", "completed", "incomplete", "failed"),
    background=BOOLEAN,
    completed_at=nullable(COUNT),
    error=nullable(closed(code=STRING, message=STRING)),
    incomplete_details=nullable(
        closed(reason=one_of("max_output_tokens", "content_filter"))
    ),
    instructions=nullable(STRING),
    max_output_tokens=nullable(COUNT),
    max_tool_calls=nullable(COUNT),
    metadata={"type": "object"},
    model=STRING,
    output={"type": "array", "items": ITEM},
    parallel_tool_calls=BOOLEAN,
    previous_response_id=nullable(STRING),
    prompt_cache_key=nullable(STRING),
    reasoning={"type": "object"},
    safety_identifier=nullable(STRING),
    service_tier=one_of("default"),
    store=BOOLEAN,
    temperature={"type": "number"},
    text={"type": "object"},
    tool_choice={"type": ["string", "object"]},
    tools={"type": "array"},
    top_logprobs=COUNT,
    top_p={"type": "number"},
    truncation=one_of("auto", "disabled"),
    usage=nullable(USAGE),
    user=nullable(STRING),
)
_IN_ITEM: dict[str, Schema] = {"item_id": STRING, "output_index": COUNT}
_IN_CONTENT: dict[str, Schema] = {**_IN_ITEM, "content_index": one_of(0)}
_IN_SUMMARY: dict[str, Schema] = {**_IN_ITEM, "summary_index": one_of(0)}
_DELTA: dict[str, Schema] = {"delta": STRING, "obfuscation_": STRING}
_PART: dict[str, Schema] = {"part": {"oneOf": [OUTPUT_TEXT, REFUSAL]}}
_ITEM: dict[str, Schema] = {"output_index": COUNT, "item": ITEM}
FIELDS: dict[str, dict[str, Schema]] = {
    "response.created": {"response": RESPONSE},
    "response.in_progress": {"response": RESPONSE},
    "response.completed": {"response": RESPONSE},
    "response.incomplete": {"response": RESPONSE},
    "response.failed": {"response": RESPONSE},
    "error": {
        "error": closed(
            type=STRING,
            code=nullable(STRING),
            message=STRING,
            param=nullable(STRING),
        )
    },
    "keepalive": {},
    "response.output_item.added": _ITEM,
    "response.output_item.done": _ITEM,
    "response.content_part.added": {**_IN_CONTENT, **_PART},
    "response.content_part.done": {**_IN_CONTENT, **_PART},
    "response.output_text.delta": {**_IN_CONTENT, **_DELTA, "logprobs": EMPTY},
    "response.output_text.done": {**_IN_CONTENT, "text": STRING, "logprobs": EMPTY},
    "response.refusal.delta": {**_IN_CONTENT, **_DELTA},
    "response.refusal.done": {**_IN_CONTENT, "refusal": STRING},
    "response.reasoning_summary_part.added": {**_IN_SUMMARY, "part": SUMMARY},
    "response.reasoning_summary_part.done": {**_IN_SUMMARY, "part": SUMMARY},
    "response.reasoning_summary_text.delta": {**_IN_SUMMARY, **_DELTA},
    "response.reasoning_summary_text.done": {**_IN_SUMMARY, "text": STRING},
    "response.function_call_arguments.delta": {**_IN_ITEM, **_DELTA},
    "response.function_call_arguments.done": {**_IN_ITEM, "arguments": STRING},
}
TERMINAL = {
    "response.completed",
    "response.incomplete",
    "response.failed",
    "error",
}
# What may follow what, inside an item; the item's own two events stand around it.
INSIDE = {
    "response.content_part.added": {
        "response.output_text.delta",
        "response.refusal.delta",
    },
    "response.output_text.delta": {
        "response.output_text.delta",
        "response.output_text.done",
    },
    "response.output_text.done": {"response.content_part.done"},
    "response.refusal.delta": {"response.refusal.delta", "response.refusal.done"},
    "response.refusal.done": {"response.content_part.done"},
    "response.content_part.done": {"response.output_item.done"},
    "response.reasoning_summary_part.added": {"response.reasoning_summary_text.delta"},
    "response.reasoning_summary_text.delta": {
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
    },
    "response.reasoning_summary_text.done": {"response.reasoning_summary_part.done"},
    "response.reasoning_summary_part.done": {"response.output_item.done"},
    "response.function_call_arguments.delta": {
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
    },
    "response.function_call_arguments.done": {"response.output_item.done"},
}
# Where a done event says the whole of its deltas again.
WHOLE = ("text", "refusal", "arguments")
FIRST_INSIDE = {
    "message": "response.content_part.added",
    "reasoning": "response.reasoning_summary_part.added",
    "function_call": "response.function_call_arguments.delta",
}


class _Output:
    """What the events so far make of the output of a response."""

    def __init__(self) -> None:
        self.done: list[Json] = []
        self.item: Json | None = None
        self.text = ""
        self.expected: set[str] = set()

    def take(self, event: Json) -> None:
        kind = event["type"]
        assert event["output_index"] == len(self.done)
        if kind == "response.output_item.added":
            self._add(event["item"])
            return
        assert self.item is not None, f"no item is open for {kind}"
        assert kind in self.expected, f"expected {self.expected}, got {kind}"
        if kind == "response.output_item.done":
            self._finish(event["item"])
            return
        assert event["item_id"] == self.item["id"]
        self.expected = INSIDE[kind]
        if kind.endswith(".delta"):
            self.text += event["delta"]
        elif kind.endswith("part.done"):
            assert _said(event["part"]) == self.text
        elif kind.endswith(".done"):
            (told,) = (
                event[name]
                for name in ("text", "refusal", "arguments")
                if name in event
            )
            assert told == self.text

    def _add(self, item: Json) -> None:
        assert self.item is None
        assert item.get("status", "in_progress") == "in_progress"
        assert not any(item.get(name) for name in ("content", "summary", "arguments"))
        self.item, self.text = item, ""
        self.expected = {FIRST_INSIDE[item["type"]]}

    def _finish(self, item: Json) -> None:
        assert self.item is not None
        same = ("id", "type", "call_id", "name", "role")
        assert all(item.get(name) == self.item.get(name) for name in same)
        assert item.get("status") != "in_progress"
        assert _part_of(item)[2] == self.text
        self.done.append(item)
        self.item = None


def validate_stream(body: bytes, *, obfuscation: bool = True) -> Told:
    """Judge a whole stream and return what it told."""
    events = read_events(body)
    for event in events:
        is_padded = event["type"].endswith(".delta") and obfuscation
        assert ("obfuscation" in event) == is_padded
    created, in_progress, *middle, last = events
    assert created["type"] == "response.created"
    assert in_progress["type"] == "response.in_progress"
    assert created["response"] == in_progress["response"]
    begun = created["response"]
    assert (begun["status"], begun["output"], begun["usage"]) == (
        "in_progress",
        [],
        None,
    )
    output = _Output()
    for event in middle:
        if event["type"] != "keepalive":
            output.take(event)
    assert output.item is None
    response = last["response"]
    assert last["type"] == f"response.{response['status']}"
    assert response["output"] == output.done
    assert {**begun, **_ENDED} == {**response, **_ENDED}
    return _told(response)


def read_events(body: bytes) -> list[Json]:
    """Read events, each by its schema, numbered from 0, one terminal at the end."""
    events: list[Json] = []
    for name, data in split_events(body):
        event = parse(data)
        assert event["type"] == name
        fixed = {"type": one_of(name), "sequence_number": one_of(len(events))}
        check(event, closed(**fixed, **FIELDS[name or ""]))
        events.append(event)
    kinds = [event["type"] for event in events]
    assert kinds[-1] in TERMINAL
    assert not TERMINAL & set(kinds[:-1])
    return events


def validate_body(body: bytes) -> Told:
    """Judge an answer in one piece and return what it told."""
    response = parse(body.decode())
    check(response, RESPONSE)
    return _told(response)


_ENDED: dict[str, Any] = dict.fromkeys(
    ("status", "completed_at", "output", "usage", "incomplete_details", "error")
)


def _told(response: Json) -> Told:
    usage, details = response["usage"], response["incomplete_details"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    is_incomplete = response["status"] == "incomplete"
    assert is_incomplete == (details is not None)
    assert (response["completed_at"] is None) == is_incomplete
    statuses = [item.get("status", "completed") for item in response["output"]]
    assert all(status == "completed" for status in statuses[:-1])
    return Told(
        parts=join_same([_part_of(item) for item in response["output"]]),
        stop=details["reason"] if details else response["status"],
        input_tokens=usage["input_tokens"],
        output_tokens=usage["output_tokens"],
    )


def _part_of(item: Json) -> tuple[str, str, str]:
    if item["type"] == "function_call":
        return "tool", item["name"], item["arguments"]
    (content,) = item["summary" if item["type"] == "reasoning" else "content"]
    kinds = {"summary_text": "thinking", "output_text": "text", "refusal": "refusal"}
    return kinds[content["type"]], "", _said(content)


def _said(content: Json) -> str:
    return str(content["refusal" if content["type"] == "refusal" else "text"])
