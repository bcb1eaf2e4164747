"""Judge of Gemini: every response by schema, their order by hand.

After the public reference (generate-content) and captured streams; shares no code
with the fake.
"""

from __future__ import annotations

import json

from tests.fakes.validators.frames import (
    COUNT,
    STRING,
    Json,
    Schema,
    Told,
    check,
    closed,
    join_same,
    matching,
    one_of,
    parse,
)

POSITIVE: Schema = {"type": "integer", "minimum": 1}
SIGNATURE = matching("[A-Za-z0-9+/]{200,}={0,2}")
FINISH = one_of(
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
)
BLOCKED = one_of("SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY")
PARTS: Schema = {
    "oneOf": [
        closed(text=STRING, thoughtSignature_=SIGNATURE),
        closed(text=STRING, thought=one_of(True)),  # noqa: FBT003 -- a value of JSON
        closed(
            functionCall=closed(name=STRING, args={"type": "object"}),
            thoughtSignature_=SIGNATURE,
        ),
    ]
}
USAGE = closed(
    promptTokenCount=COUNT,
    cachedContentTokenCount_=POSITIVE,
    candidatesTokenCount_=COUNT,
    thoughtsTokenCount_=COUNT,
    totalTokenCount=COUNT,
    promptTokensDetails={
        "type": "array",
        "minItems": 1,
        "maxItems": 1,
        "items": closed(modality=one_of("TEXT"), tokenCount=COUNT),
    },
)
_TAIL: dict[str, Schema] = {
    "usageMetadata": USAGE,
    "modelVersion": STRING,
    "createTime": matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"),
    "responseId": matching("[A-Za-z0-9_-]{23}"),
}
BLOCK = closed(promptFeedback=closed(blockReason=BLOCKED), **_TAIL)


def _response(*, is_last: bool, is_chunk: bool) -> Schema:
    most = {"maxItems": 1} if is_chunk else {}
    parts = {"type": "array", "minItems": 1, "items": PARTS, **most}
    end = {"finishReason": FINISH, "finishMessage_": STRING} if is_last else {}
    candidate = closed(
        content=closed(parts=parts, role=one_of("model")), index=one_of(0), **end
    )
    candidates = {"type": "array", "minItems": 1, "maxItems": 1, "items": candidate}
    return closed(candidates=candidates, **_TAIL)


def split_events(body: bytes) -> list[Json]:
    """Split a stream of events, each on one line, with both ends of a line."""
    text = body.decode()
    assert text.endswith("\r\n\r\n"), text[-80:]
    responses: list[Json] = []
    for event in text.removesuffix("\r\n\r\n").split("\r\n\r\n"):
        assert event.startswith("data: {"), event
        assert "\n" not in event
        responses.append(parse(event.removeprefix("data: ")))
    return responses


def split_array(body: bytes) -> list[Json]:
    """Split an array that is streamed, with commas on lines of their own."""
    text = body.decode()
    assert text.startswith("[{\n"), text[:20]
    assert text.endswith("\n}\n]\n"), text[-20:]
    elements = text.removeprefix("[").removesuffix("\n]\n").split("\n,\r\n")
    assert json.loads(text) == [json.loads(element) for element in elements]
    return [parse(element) for element in elements]


def validate_events(body: bytes) -> Told:
    """Judge a whole stream of events and return what it told."""
    return _validate(split_events(body))


def validate_array(body: bytes) -> Told:
    """Judge a whole streamed array and return what it told."""
    return _validate(split_array(body))


def validate_body(body: bytes) -> Told:
    """Judge an answer in one piece and return what it told."""
    assert body.startswith(b"{\n  ")
    assert body.endswith(b"\n}\n")
    whole = parse(body.decode())
    return _told([whole], is_chunk=False)


def validate_error(body: bytes) -> tuple[str, str]:
    """Judge the body of an error and return its status word and message."""
    error = parse(body.decode())
    detail = {
        "type": "object",
        "required": ["@type"],
        "properties": {"@type": matching(r"type\.googleapis\.com/google\.rpc\.\w+")},
    }
    shape = closed(
        code={"type": "integer", "minimum": 400, "maximum": 599},
        message=STRING,
        status=matching("[A-Z_]+"),
        details_={"type": "array", "minItems": 1, "items": detail},
    )
    check(error, closed(error=shape))
    return error["error"]["status"], error["error"]["message"]


def _validate(responses: list[Json]) -> Told:
    for name in ("responseId", "modelVersion", "createTime"):
        assert len({response[name] for response in responses}) == 1, name
    totals = [_sum(response) for response in responses]
    if "promptFeedback" not in responses[-1]:
        assert totals == sorted(totals), "counts are cumulative"
    return _told(responses, is_chunk=True)


def _told(responses: list[Json], *, is_chunk: bool) -> Told:
    parts: list[tuple[str, str, str]] = []
    signatures = 0
    for place, response in enumerate(responses):
        is_last = place == len(responses) - 1
        _sum(response)
        if "promptFeedback" in response:
            assert len(responses) == 1, "a blocked prompt has no other response"
            check(response, BLOCK)
            continue
        check(response, _response(is_last=is_last, is_chunk=is_chunk))
        for part in response["candidates"][0]["content"]["parts"]:
            signatures += "thoughtSignature" in part
            parts += _take(part)
    thinks = any(kind == "thinking" for kind, _, _ in parts)
    assert signatures == thinks, "thoughts are signed once"
    last = responses[-1]
    feedback = last.get("promptFeedback")
    usage = last["usageMetadata"]
    return Told(
        parts=join_same(parts),
        stop=feedback["blockReason"]
        if feedback
        else last["candidates"][0]["finishReason"],
        input_tokens=usage["promptTokenCount"],
        output_tokens=usage["totalTokenCount"] - usage["promptTokenCount"],
    )


def _take(part: Json) -> list[tuple[str, str, str]]:
    if "functionCall" in part:
        call = part["functionCall"]
        return [("tool", call["name"], json.dumps(call["args"]))]
    kind = "thinking" if "thought" in part else "text"
    return [(kind, "", part["text"])] if part["text"] else []


def _sum(response: Json) -> int:
    usage = response["usageMetadata"]
    names = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    total: int = sum(usage.get(name, 0) for name in names)
    assert usage["totalTokenCount"] == total
    assert usage["promptTokensDetails"][0]["tokenCount"] == usage["promptTokenCount"]
    return total
