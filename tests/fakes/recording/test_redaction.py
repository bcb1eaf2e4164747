"""`recording.redaction`: a secret is nowhere, and all else is as it was."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproof.fakes.recording.redaction import Secrets
from streamproof.fakes.recording.response import ResponseReader, body_ranges

KEY = "sk-proj/abc+DEF=123"
BEARER = [("Authorization", f"Bearer {KEY}")]


def mask(secrets: Secrets, response: bytes) -> bytes:
    reader = ResponseReader("POST")
    reader.feed(response)
    assert reader.head is not None
    return secrets.mask_response(response, reader.head)


def answer(body: bytes, *fields: bytes) -> bytes:
    head = [b"HTTP/1.1 200 OK", b"content-length: %d" % len(body), *fields]
    return b"\r\n".join([*head, b"", body])


def in_chunks(body: bytes, size: int) -> bytes:
    parts = [body[place : place + size] for place in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + chunks + b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("name", "value", "redacted"),
    [
        ("Authorization", "Bearer abc", "Bearer REDACTED"),
        ("authorization", "abc", "REDACTED"),
        ("Proxy-Authorization", "Basic YTpi", "Basic REDACTED"),
        ("x-api-key", "k", "REDACTED"),
        ("X-Goog-Api-Key", "k", "REDACTED"),
        ("api-key", "k", "REDACTED"),
        ("Cookie", "a=1; b=2", "REDACTED"),
        ("x-mine", "k", "REDACTED"),
        ("user-agent", "OpenAI/Python", "OpenAI/Python"),
    ],
)
def test_a_secret_field_is_redacted_whatever_its_length(
    name: str, value: str, redacted: str
) -> None:
    secrets = Secrets([(name, value)], [], more_fields=frozenset({"x-mine"}))

    assert secrets.redact_fields([(name, value)]) == ((name, redacted),)


def test_a_key_in_the_query_is_redacted_however_it_is_spelled() -> None:
    secrets = Secrets([], [("key", "a b"), ("alt", "sse")])
    target = "/v1beta/models/m:generateContent?alt=sse&k%65y=a%20b&KEY=c&monkey=d"

    assert secrets.redact_target(target) == (
        "/v1beta/models/m:generateContent?alt=sse&k%65y=REDACTED&KEY=REDACTED&monkey=d"
    )


@pytest.mark.parametrize(
    "spelling",
    [
        KEY,
        "sk-proj%2Fabc%2BDEF%3D123",
        "sk-proj%2fabc%2bDEF%3d123",
        "sk-proj/abc%2BDEF%3D123",
        "sk-proj\\/abc+DEF=123",
        KEY.upper(),
        base64.b64encode(KEY.encode()).decode(),
    ],
)
def test_a_secret_is_found_in_every_spelling(spelling: str) -> None:
    secrets = Secrets(BEARER, [])
    body = f'{{"error": "bad key {spelling}"}}'.encode()

    masked = mask(secrets, answer(body, b"x-echo: " + spelling.encode()))

    assert spelling.encode() not in masked
    assert masked.count(b"REDACTED") == 2
    assert len(masked) == len(answer(body, b"x-echo: " + spelling.encode()))
    assert secrets.redact_body(body).startswith(b'{"error": "bad key REDACTED')
    assert secrets.redact_text(f"a {spelling} b").startswith("a REDACTED")


def test_a_mask_is_as_long_as_its_secret() -> None:
    secrets = Secrets([("x-api-key", "0123456789ab")], [])

    masked = mask(secrets, answer(b"<0123456789ab>"))

    assert masked.endswith(b"\r\n\r\n<REDACTED****>")


@given(size=st.integers(min_value=1, max_value=40))
def test_a_secret_across_chunks_is_masked_and_the_framing_is_not(size: int) -> None:
    secrets = Secrets(BEARER, [])
    body = f"before {KEY} between {KEY} behind".encode()
    response = in_chunks(body, size)

    masked = mask(secrets, response)

    reader = ResponseReader("POST")
    assert reader.feed(masked) == masked
    assert reader.head is not None
    masked_body = b"".join(masked[a:b] for a, b in body_ranges(masked, reader.head))
    assert masked_body == body.replace(KEY.encode(), b"REDACTED".ljust(len(KEY), b"*"))
    assert len(masked) == len(response)


def test_cookies_are_secrets_in_both_directions() -> None:
    secrets = Secrets([("cookie", "sid=session-of-mine; theme=dark")], [])
    response = answer(
        b"you are session-of-mine, now fresh-session, dark",
        b"Set-Cookie: sid=fresh-session; Path=/; Secure",
    )

    masked = mask(secrets, response)

    assert b"session-of-mine" not in masked
    assert b"fresh-session" not in masked
    assert b"Set-Cookie: REDACTED" in masked
    # Attributes are no secrets, nor are values that ordinary words may have.
    assert masked.endswith(b", dark")


@pytest.mark.parametrize("body", [b"", b"hello"])
def test_a_secret_field_behind_the_last_chunk_is_masked(body: bytes) -> None:
    told = in_chunks(body, 3)[:-2] + b"Authorization: abc\r\nserver-timing: abc\r\n\r\n"
    masked = mask(Secrets([], []), told)

    assert masked == told.replace(b"Authorization: abc", b"Authorization: RED")


@pytest.mark.parametrize("lost", [1, 5, 9])
def test_a_body_without_its_last_chunk_has_no_fields_behind_it(lost: int) -> None:
    told = in_chunks(b"api-key: abc\r\napi-key: abc\r\n", 8)[:-lost]

    assert mask(Secrets([], []), told) == told


def test_what_looks_like_a_last_chunk_in_a_whole_body_is_none() -> None:
    told = answer(b"0\r\napi-key: abc\r\n\r\n")

    assert mask(Secrets([], []), told) == told


def test_a_basic_password_is_a_secret_too() -> None:
    pair = base64.b64encode(b"user:open sesame").decode()
    secrets = Secrets([("authorization", f"Basic {pair}")], [])

    assert secrets.redact_body(b"open sesame! user:open sesame") == (
        b"REDACTED! REDACTED"
    )
    assert secrets.redact_text(pair) == "REDACTED"


@pytest.mark.parametrize("value", ["Basic ?", "Basic /w==", "Basic", ""])
def test_a_strange_authorization_is_no_error(value: str) -> None:
    secrets = Secrets([("authorization", value)], [])

    assert secrets.redact_body(b"some text") == b"some text"


def test_a_short_secret_is_not_looked_for_in_words() -> None:
    secrets = Secrets([("authorization", "Bearer any")], [])

    assert secrets.redact_body(b"in any case, many") == b"in any case, many"
    assert mask(secrets, answer(b"many")) == answer(b"many")


def test_without_secrets_nothing_changes() -> None:
    secrets = Secrets([("user-agent", "x")], [("alt", "sse")])
    response = in_chunks(b"data: {}\n\n", 3)

    assert mask(secrets, response) == response
    assert secrets.redact_target("/v1?alt=sse&x") == "/v1?alt=sse&x"
    assert secrets.redact_body(b"\xff") == b"\xff"
