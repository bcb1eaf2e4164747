"""Rate limits as each service tells them: header fields, and the body of a 429."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.fakes.providers.forms import GEMINI_FORMS
from tests.fakes.providers.streams import STREAMS
from tests.fakes.validators import gemini, ollama
from tests.fakes.validators.anthropic import validate_error as validate_anthropic
from tests.fakes.validators.openai_chat import validate_error as validate_openai

from streamproof.fakes.content import Answer, Limits, Quantity
from streamproof.fakes.providers.openai_service import spell_duration
from streamproof.fakes.providers.provider import Reply
from streamproof.fakes.script import Fail, Script

QUOTA = Limits(
    requests=3, requests_left=0, tokens=900, tokens_left=25, reset_ms=20_500.5
)
TOO_MUCH = Fail(status=429, retry_after_s=20.5)
BY_NAME = {stream.name: stream for stream in STREAMS}
OPENAI = ["openai_chat", "openai_responses"]
GEMINI = ["gemini events", "gemini array"]
OLLAMA = ["ollama chat lines", "ollama generate lines"]


def reply_with(name: str, limits: Limits) -> Reply:
    """Make a reply of one service to an answer with these limits."""
    ask = BY_NAME[name].ask({})
    return ask.reply(replace(Answer(), limits=limits), 0)


def limits_in(headers: list[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in headers if "ratelimit" in name}


@pytest.mark.parametrize("name", OPENAI)
def test_openai_tells_limits_with_durations(name: str) -> None:
    reply = reply_with(name, QUOTA)

    assert limits_in(reply.stream_headers()) == {
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-limit-tokens": "900",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-remaining-tokens": "25",
        "x-ratelimit-reset-requests": "20.501s",
        "x-ratelimit-reset-tokens": "20.501s",
    }
    assert limits_in(reply.body_headers()) == limits_in(reply.stream_headers())
    assert limits_in(reply.failure(TOO_MUCH)[0]) == limits_in(reply.stream_headers())


@pytest.mark.parametrize("name", OPENAI)
def test_openai_tells_what_there_is_no_quota_of_as_ever(name: str) -> None:
    usual = limits_in(reply_with(name, Limits()).stream_headers())
    quota = Limits(requests=3, reset_ms=90_000)
    told = limits_in(reply_with(name, quota).stream_headers())

    assert told == {
        **usual,
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "2",
        "x-ratelimit-reset-requests": "1m30s",
    }


@pytest.mark.parametrize(
    ("ms", "spelled"),
    [
        (0, "0ms"),
        (6, "6ms"),
        (5.2, "6ms"),
        (999.5, "1s"),
        (1000, "1s"),
        (12_500, "12.5s"),
        (60_000, "1m0s"),
        (360_001, "6m0.001s"),
        (86_400_000, "24h0m0s"),
    ],
)
def test_a_duration_is_spelled_as_the_service_spells_it(
    ms: float, spelled: str
) -> None:
    assert spell_duration(ms) == spelled


def test_anthropic_tells_limits_with_dates() -> None:
    usual = limits_in(reply_with("anthropic", Limits()).stream_headers())
    told = limits_in(reply_with("anthropic", QUOTA).stream_headers())

    assert set(usual.values()) >= {"2023-11-14T22:13:20Z", "4000", "3999"}
    assert told == {
        **usual,
        "anthropic-ratelimit-requests-limit": "3",
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2023-11-14T22:13:41Z",
        "anthropic-ratelimit-tokens-limit": "900",
        "anthropic-ratelimit-tokens-remaining": "25",
        "anthropic-ratelimit-tokens-reset": "2023-11-14T22:13:41Z",
    }


@pytest.mark.parametrize("name", [*GEMINI, *OLLAMA])
def test_google_and_ollama_tell_no_limits_in_header_fields(name: str) -> None:
    assert (
        reply_with(name, QUOTA).stream_headers()
        == reply_with(name, Limits()).stream_headers()
    )


@pytest.mark.parametrize("name", OPENAI)
@pytest.mark.parametrize(
    ("quantity", "kind", "message"),
    [
        (
            Quantity.REQUESTS,
            "requests",
            "requests per min (RPM): Limit 3. Please try again in 20.501s.",
        ),
        (
            Quantity.TOKENS,
            "tokens",
            "tokens per min (TPM): Limit 900. Please try again in 20.501s.",
        ),
        (
            Quantity.CONCURRENCY,
            "requests",
            "concurrent requests.",
        ),
    ],
)
def test_openai_says_what_there_was_too_much_of(
    quantity: Quantity, kind: str, message: str, name: str
) -> None:
    reply = reply_with(name, replace(QUOTA, exceeded=quantity))
    headers, body = reply.failure(TOO_MUCH)

    assert validate_openai(body) == (kind, f"Rate limit reached for m on {message}")
    assert json.loads(body)["error"]["code"] == "rate_limit_exceeded"
    assert dict(headers)["retry-after"] == "20.5"


@pytest.mark.parametrize(
    ("quantity", "said"),
    [
        (Quantity.REQUESTS, "rate limit of 3 requests per minute."),
        (Quantity.TOKENS, "rate limit of 900 tokens per minute."),
        (Quantity.CONCURRENCY, "concurrent connections"),
    ],
)
def test_anthropic_says_what_there_was_too_much_of(
    quantity: Quantity, said: str
) -> None:
    reply = reply_with("anthropic", replace(QUOTA, exceeded=quantity))
    headers, body = reply.failure(TOO_MUCH)
    kind, message = validate_anthropic(body)

    assert kind == "rate_limit_error"
    assert said in message
    assert dict(headers)["retry-after"] == "20.5"


@pytest.mark.parametrize("name", GEMINI)
@pytest.mark.parametrize(
    ("quantity", "metric", "identifier", "value"),
    [
        (Quantity.REQUESTS, "requests", "RequestsPerMinute", "3"),
        (Quantity.TOKENS, "input_token_count", "InputTokensPerMinute", "900"),
        (Quantity.CONCURRENCY, "concurrent_requests", "ConcurrentRequests", None),
    ],
)
def test_google_says_it_in_details(
    quantity: Quantity, metric: str, identifier: str, value: str | None, name: str
) -> None:
    reply = reply_with(name, replace(QUOTA, exceeded=quantity))
    headers, body = reply.failure(TOO_MUCH)
    text = body.decode().removeprefix("[").removesuffix("]\n")
    status, message = gemini.validate_error(text.encode())
    quota, learn_more, retry = json.loads(text)["error"]["details"]
    (violation,) = quota["violations"]

    assert status == "RESOURCE_EXHAUSTED"
    assert violation["quotaMetric"] in message
    assert violation.pop("quotaMetric") == (
        f"generativelanguage.googleapis.com/generate_content_{metric}"
    )
    assert violation == {
        "quotaId": f"GenerateContent{identifier}PerProjectPerModel",
        "quotaDimensions": {"location": "global", "model": "gemini-2.5-pro"},
        **({} if value is None else {"quotaValue": value}),
    }
    assert learn_more["@type"] == "type.googleapis.com/google.rpc.Help"
    assert retry == {
        "@type": "type.googleapis.com/google.rpc.RetryInfo",
        "retryDelay": "20.5s",
    }
    assert dict(headers)["retry-after"] == "20.5"


@pytest.mark.parametrize("name", OLLAMA)
def test_ollama_says_no_more_than_too_many(name: str) -> None:
    reply = reply_with(name, replace(QUOTA, exceeded=Quantity.REQUESTS))

    assert ollama.validate_error(reply.failure(TOO_MUCH)[1]) == "too many requests"


def test_one_body_asked_of_two_models_of_gemini_has_two_answers() -> None:
    form = GEMINI_FORMS[2]
    other = replace(form, path=form.path.replace("gemini-2.5-pro", "other"))
    said = [
        [json.loads(each.say(Script()))["responseId"] for each in (one, one)]
        for one in (form, other)
    ]

    assert [len(set(ids)) for ids in said] == [1, 1]
    assert said[0] != said[1]
