"""`providers.gemini`: requests, refusals, and what only this service says."""

from __future__ import annotations

import json

import pytest
from tests.fakes.providers.forms import GEMINI_FORMS
from tests.fakes.validators.frames import Json
from tests.fakes.validators.gemini import split_array, split_events, validate_error

from streamproof.fakes.content import Answer, Omission, StopReason
from streamproof.fakes.errors import RequestError
from streamproof.fakes.providers.gemini import (
    ContentReply,
    ContentRequest,
    Gemini,
    Shape,
    parse_request,
)
from streamproof.fakes.providers.provider import Received
from streamproof.fakes.script import (
    Cost,
    Fail,
    InStreamError,
    Refuse,
    Script,
    Stop,
    Think,
    Tool,
)

EVENTS, ARRAY, WHOLE = GEMINI_FORMS
STREAM_PATH = "/v1beta/models/gemini-2.5-pro:streamGenerateContent"
KEY = {"x-goog-api-key": "any"}
HELLO: Json = {"contents": [{"parts": [{"text": "hi"}]}]}


def received(
    body: object = HELLO,
    *,
    path: str = STREAM_PATH,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Received:
    return Received(
        path=path,
        params={"model": "gemini-2.5-pro"},
        query=query or {},
        headers=KEY if headers is None else headers,
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        fingerprint="f",
    )


NOTHING = Answer()


def reply(shape: Shape = Shape.EVENTS, answer: Answer = NOTHING) -> ContentReply:
    request = ContentRequest(
        model="m", shape=shape, texts=("hi",), max_tokens=None, fingerprint="f"
    )
    return ContentReply(request=request, answer=answer, seed=0)


@pytest.mark.parametrize(
    ("path", "query", "shape"),
    [
        (STREAM_PATH, {"alt": "sse"}, Shape.EVENTS),
        (STREAM_PATH, {}, Shape.ARRAY),
        (STREAM_PATH, {"alt": "json"}, Shape.ARRAY),
        (STREAM_PATH.replace("streamG", "g"), {"alt": "json"}, Shape.WHOLE),
    ],
)
def test_path_and_alt_say_in_which_shape_the_answer_is_wanted(
    path: str, query: dict[str, str], shape: Shape
) -> None:
    assert parse_request(received(path=path, query=query)).shape is shape


def test_another_alt_is_refused() -> None:
    with pytest.raises(RequestError, match="expected json or sse, got 'proto'"):
        parse_request(received(query={"alt": "proto"}))


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        (KEY, {}),
        ({}, {"key": "any"}),
        ({"authorization": "Bearer any"}, {}),
    ],
)
def test_a_key_is_taken_in_each_of_its_places(
    headers: dict[str, str], query: dict[str, str]
) -> None:
    assert parse_request(received(headers=headers, query=query)).texts == ("hi",)


@pytest.mark.parametrize(
    "headers", [{}, {"x-goog-api-key": " "}, {"authorization": "Basic any"}]
)
def test_a_request_without_a_key_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(RequestError, match="unregistered callers") as caught:
        parse_request(received(headers=headers))

    assert caught.value.status == 403


def test_every_text_of_the_prompt_is_found_in_either_case_and_in_short_form() -> None:
    body = {
        "system_instruction": {"parts": {"text": "be kind"}},
        "contents": [
            {"role": "user", "parts": [{"text": "one two"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
            {
                "role": "user",
                "parts": {
                    "functionResponse": {"name": "f", "response": {"a": "ok", "n": 1}}
                },
            },
        ],
        "generationConfig": {"maxOutputTokens": 7},
        "tools": [{"functionDeclarations": []}],
    }
    request = parse_request(received(body))

    assert request.texts == ("be kind", "one two", "ok")
    assert (request.prompt_tokens, request.max_tokens) == (8, 7)


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        (b"{", "Invalid JSON payload received", None),
        ({}, r"GenerateContentRequest.contents: contents is not", "contents"),
        ({"contents": []}, "Invalid value at 'contents'", "contents"),
        (
            {"contents": [{"parts": [{"text": 1}]}]},
            r"Invalid value at 'contents\[0\].parts\[0\].text'",
            "contents[0].parts[0].text",
        ),
        ({"contents": [{"role": "x"}]}, "role", "contents[0].role"),
        (
            {**HELLO, "generationConfig": {"candidateCount": 2}},
            "candidateCount",
            "generationConfig.candidateCount",
        ),
    ],
)
def test_a_malformed_request_is_refused_by_field(
    body: object, message: str, param: str | None
) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        parse_request(received(body))

    assert (caught.value.status, caught.value.param) == (400, param)


def test_a_refusal_has_the_status_word_of_its_code_and_the_field_at_fault() -> None:
    error = RequestError("expected less", param="contents")
    headers, body = Gemini().refuse(error, seed=0, fingerprint="f")
    _, missing = Gemini().refuse(
        RequestError("no", status=404), seed=0, fingerprint="f"
    )

    assert ("content-type", "application/json; charset=UTF-8") in headers
    assert validate_error(body) == ("INVALID_ARGUMENT", "expected less")
    assert json.loads(body)["error"]["details"][0]["fieldViolations"] == [
        {"field": "contents", "description": "expected less"}
    ]
    assert validate_error(missing) == ("NOT_FOUND", "no")


@pytest.mark.parametrize(
    ("status", "word"),
    [(429, "RESOURCE_EXHAUSTED"), (503, "UNAVAILABLE"), (418, "INVALID_ARGUMENT")],
)
def test_a_scripted_failure_has_the_status_word_of_its_code(
    status: int, word: str
) -> None:
    _, body = reply().failure(Fail(status=status))

    assert validate_error(body)[0] == word
    assert json.loads(body)["error"]["code"] == status


def test_a_failure_says_when_to_retry_in_header_and_details() -> None:
    fail = Fail(status=429, retry_after_s=1.5, message="slow down")
    headers, body = reply().failure(fail)

    assert ("retry-after", "1.5") in headers
    assert json.loads(body)["error"]["details"] == [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}
    ]


def test_a_failure_of_an_array_is_its_only_element() -> None:
    _, body = reply(Shape.ARRAY).failure(Fail(status=500))
    (error,) = json.loads(body)

    assert validate_error(json.dumps(error).encode())[0] == "INTERNAL"


def test_an_error_between_events_stands_bare() -> None:
    said = reply().stream_error(InStreamError(after=0, message="broke off"))

    assert said.startswith(b'{\n  "error"')
    assert validate_error(said) == ("UNAVAILABLE", "broke off")


def test_an_error_in_an_array_is_its_last_element() -> None:
    said = reply(Shape.ARRAY).stream_error(InStreamError(after=0))

    assert [validate_error(json.dumps(error).encode()) for error in json.loads(said)]


@pytest.mark.parametrize(
    ("kind", "code"), [(None, 503), ("RESOURCE_EXHAUSTED", 429), ("odd", 500)]
)
def test_the_type_of_an_error_chooses_its_code(kind: str | None, code: int) -> None:
    status, body = reply().body_error(InStreamError(after=0, type=kind))

    assert status == json.loads(body)["error"]["code"] == code


@pytest.mark.parametrize(
    ("category", "reason"), [(None, "SAFETY"), ("other", "OTHER"), ("spii", "SAFETY")]
)
def test_a_refusal_without_a_word_is_a_blocked_prompt(
    category: str | None, reason: str
) -> None:
    script = Script(say=(Refuse(text="", category=category),))
    (blocked,) = split_events(EVENTS.say(script))

    assert blocked["promptFeedback"] == {"blockReason": reason}
    assert "candidates" not in blocked
    assert EVENTS.judge(EVENTS.say(script)).stop == reason
    assert WHOLE.judge(WHOLE.say(script)).stop == reason


def test_a_refusal_with_words_ends_for_its_category_and_says_why() -> None:
    refuse = Refuse(text="no", category="spii", explanation="policy")
    last = split_events(EVENTS.say(Script(say=(refuse,))))[-1]["candidates"][0]

    assert (last["finishReason"], last["finishMessage"]) == ("SPII", "policy")


def test_a_scripted_stop_is_stronger_than_a_category() -> None:
    refuse = Refuse(text="no", category="spii")
    script = Script(say=(refuse,), stop=Stop(reason=StopReason.LENGTH))

    assert EVENTS.judge(EVENTS.say(script)).stop == "MAX_TOKENS"


def test_thoughts_are_counted_apart_and_signed_with_the_first_call() -> None:
    script = Script(
        say=(Think(tokens=2), Tool(name="f"), Tool(name="g")),
        usage=Cost(input_tokens=9, cached_tokens=4),
    )
    responses = split_array(ARRAY.say(script))
    parts = [r["candidates"][0]["content"]["parts"][0] for r in responses]
    usage = responses[-1]["usageMetadata"]

    signed = [bool(part.get("thoughtSignature")) for part in parts]

    assert signed == [False, False, True, False, False]
    assert (usage["thoughtsTokenCount"], usage["candidatesTokenCount"]) == (2, 2)
    assert (usage["totalTokenCount"], usage["cachedContentTokenCount"]) == (13, 4)
    assert "candidatesTokenCount" not in responses[0]["usageMetadata"]


def test_every_answer_says_how_long_it_took_and_no_event_stream_is_shown() -> None:
    headers = dict(reply().stream_headers())

    assert headers["server-timing"].startswith("gfet4t7; dur=")
    assert headers["content-disposition"] == "attachment"
    assert reply(Shape.ARRAY).stream_headers() == reply(Shape.WHOLE).body_headers()


def test_the_last_chunk_can_lack_its_parts() -> None:
    (plain,) = split_events(reply().terminator())
    (bare,) = split_events(
        reply(answer=Answer(omitted=frozenset({Omission.PARTS}))).terminator()
    )
    content = plain["candidates"][0].pop("content")

    assert content == {"parts": [{"text": ""}], "role": "model"}
    assert bare["candidates"][0].pop("content") == {"role": "model"}
    assert bare == plain


def test_the_finish_reason_can_be_any_text() -> None:
    (chunk,) = split_events(reply(answer=Answer(stop_literal="ODD")).terminator())

    assert chunk["candidates"][0]["finishReason"] == "ODD"
