"""Judge of Anthropic Messages: every event by schema, their order by hand.

After the public reference (messages-streaming) and captured streams; shares no code
with the fake.
"""

from __future__ import annotations

import json

from tests.fakes.validators.frames import (
    COUNT,
    EMPTY,
    NULL,
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

SIGNATURE = matching("[A-Za-z0-9+/]{200,}={0,2}")
TOOL_ID = matching("toolu_01[A-Za-z0-9]{22}")
CALLER = closed(type=one_of("direct"))
STOP = one_of("end_turn", "max_tokens", "tool_use", "refusal", "stop_sequence")
DETAILS = closed(
    type=one_of("refusal"), category=nullable(STRING), explanation=nullable(STRING)
)
OUTPUT_DETAILS = closed(thinking_tokens=COUNT)
_COUNTS: dict[str, Schema] = {
    "input_tokens": COUNT,
    "cache_creation_input_tokens": COUNT,
    "cache_read_input_tokens": COUNT,
    "output_tokens": COUNT,
}
_USAGE: dict[str, Schema] = {
    **_COUNTS,
    "cache_creation": closed(
        ephemeral_5m_input_tokens=COUNT, ephemeral_1h_input_tokens=COUNT
    ),
    "service_tier": one_of("standard"),
    "inference_geo": STRING,
}
_HEAD: dict[str, Schema] = {
    "id": matching("msg_01[A-Za-z0-9]{22}"),
    "type": one_of("message"),
    "role": one_of("assistant"),
    "model": STRING,
}
STARTS: dict[str, Schema] = {
    "text": closed(type=one_of("text"), text=one_of("")),
    "thinking": closed(
        type=one_of("thinking"), thinking=one_of(""), signature=one_of("")
    ),
    "tool": closed(
        type=one_of("tool_use"),
        id=TOOL_ID,
        name=STRING,
        input=closed(),
        caller=CALLER,
    ),
}
EVENTS: dict[str, Schema] = {
    "message_start": closed(
        type=one_of("message_start"),
        message=closed(
            **_HEAD,
            content=EMPTY,
            stop_reason=NULL,
            stop_sequence=NULL,
            stop_details=NULL,
            usage=closed(**_USAGE),
        ),
    ),
    "ping": closed(type=one_of("ping")),
    "content_block_start": closed(
        type=one_of("content_block_start"),
        index=COUNT,
        content_block={"oneOf": list(STARTS.values())},
    ),
    "content_block_delta": closed(
        type=one_of("content_block_delta"),
        index=COUNT,
        delta={
            "oneOf": [
                closed(type=one_of("text_delta"), text=STRING),
                closed(type=one_of("thinking_delta"), thinking=STRING),
                closed(type=one_of("signature_delta"), signature=SIGNATURE),
                closed(type=one_of("input_json_delta"), partial_json=STRING),
            ]
        },
    ),
    "content_block_stop": closed(type=one_of("content_block_stop"), index=COUNT),
    "message_delta": closed(
        type=one_of("message_delta"),
        delta=closed(
            stop_reason=STOP, stop_sequence=NULL, stop_details=nullable(DETAILS)
        ),
        usage=closed(**_COUNTS, output_tokens_details=OUTPUT_DETAILS),
    ),
    "message_stop": closed(type=one_of("message_stop")),
}
BODY = closed(
    **_HEAD,
    content={
        "type": "array",
        "items": {
            "oneOf": [
                closed(type=one_of("text"), text=STRING),
                closed(type=one_of("thinking"), thinking=STRING, signature=SIGNATURE),
                closed(
                    type=one_of("tool_use"),
                    id=TOOL_ID,
                    name=STRING,
                    input={"type": "object"},
                    caller=CALLER,
                ),
            ]
        },
    },
    stop_reason=STOP,
    stop_sequence=NULL,
    stop_details=nullable(DETAILS),
    usage=closed(**_USAGE, output_tokens_details=OUTPUT_DETAILS),
)
FIELDS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "input_json_delta": ("tool", "partial_json"),
}


class _Message:
    """What the events so far make of a message."""

    def __init__(self) -> None:
        self.started: Json | None = None
        self.ended: Json | None = None
        self.is_stopped = False
        self.pings = 0
        self.open: str | None = None
        self.is_signed = False
        self.parts: list[tuple[str, str, str]] = []

    def take(self, event: Json) -> None:
        kind = event["type"]
        assert not self.is_stopped, f"nothing follows message_stop, got {kind}"
        assert (self.started is None) == (kind == "message_start"), kind
        getattr(self, f"_take_{kind}")(event)

    def _take_message_start(self, event: Json) -> None:
        self.started = event["message"]

    def _take_ping(self, event: Json) -> None:
        self.pings += 1

    def _take_content_block_start(self, event: Json) -> None:
        assert self.open is None
        assert self.ended is None
        assert event["index"] == len(self.parts)
        block = event["content_block"]
        self.open = "tool" if block["type"] == "tool_use" else block["type"]
        self.is_signed = False
        self.parts.append((self.open or "", block.get("name", ""), ""))

    def _take_content_block_delta(self, event: Json) -> None:
        assert event["index"] == len(self.parts) - 1
        assert not self.is_signed
        delta = event["delta"]
        if delta["type"] == "signature_delta":
            assert self.open == "thinking"
            self.is_signed = True
            return
        kind, field = FIELDS[delta["type"]]
        assert kind == self.open
        _, name, text = self.parts.pop()
        self.parts.append((kind, name, text + delta[field]))

    def _take_content_block_stop(self, event: Json) -> None:
        assert event["index"] == len(self.parts) - 1
        assert self.open is not None
        assert self.is_signed == (self.open == "thinking")
        self.open = None

    def _take_message_delta(self, event: Json) -> None:
        assert self.open is None
        assert self.ended is None
        self.ended = event

    def _take_message_stop(self, event: Json) -> None:
        assert self.ended is not None
        self.is_stopped = True


def validate_stream(body: bytes) -> Told:
    """Judge a whole stream and return what it told."""
    message = _Message()
    for name, data in split_events(body):
        event = parse(data)
        assert event["type"] == name
        check(event, EVENTS[event["type"]])
        if name == "ping":
            assert data == '{"type": "ping"}'
        else:
            compact = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
            padding = len(data) - len(compact)
            assert data == f"{compact[:-1]}{' ' * padding}}}", data
        message.take(event)
    assert message.is_stopped
    assert message.started is not None
    assert message.ended is not None
    assert message.pings == (1 if message.parts else 0)
    before, after = message.started["usage"], message.ended["usage"]
    assert before["output_tokens"] <= after["output_tokens"], "counts are cumulative"
    assert all(
        before[name] == after[name] for name in _COUNTS if name != "output_tokens"
    )
    return _told(message.parts, message.ended["delta"], after)


def validate_body(body: bytes) -> Told:
    """Judge an answer in one piece and return what it told."""
    whole = parse(body.decode())
    check(whole, BODY)
    parts: list[tuple[str, str, str]] = []
    for block in whole["content"]:
        if block["type"] == "tool_use":
            parts.append(("tool", block["name"], json.dumps(block["input"])))
        else:
            parts.append((block["type"], "", block[block["type"]]))
    return _told(parts, whole, whole["usage"])


def validate_error(body: bytes) -> tuple[str, str]:
    """Judge the body of an HTTP error and return its type and message."""
    error = parse(body.decode())
    check(
        error,
        closed(
            type=one_of("error"),
            error=closed(type=STRING, message=STRING),
            request_id=matching("req_011C[A-Za-z0-9]{20}"),
        ),
    )
    return error["error"]["type"], error["error"]["message"]


def _told(parts: list[tuple[str, str, str]], stop: Json, usage: Json) -> Told:
    is_refusal = stop["stop_reason"] == "refusal"
    assert is_refusal == (stop["stop_details"] is not None)
    return Told(
        parts=join_same(parts),
        stop=stop["stop_reason"],
        input_tokens=usage["input_tokens"] + usage["cache_read_input_tokens"],
        output_tokens=usage["output_tokens"],
    )
