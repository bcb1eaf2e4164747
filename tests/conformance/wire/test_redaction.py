"""Secrets leave an exchange before it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproof.conformance.wire import Chunk, Ending, EndingKind
from streamproof.conformance.wire.recording import Recording
from streamproof.conformance.wire.redaction import (
    MARKER,
    forms_of,
    is_credential_header,
    redact,
)


def exchange(
    *chunks: bytes,
    raw_head: bytes = b"",
    headers: tuple[tuple[str, str], ...] = (),
    reason: str = "",
    detail: str = "",
) -> Recording:
    return Recording(
        started_at=0.0,
        reason=reason,
        raw_head=raw_head,
        headers=headers,
        chunks=tuple(Chunk(at=float(n), data=data) for n, data in enumerate(chunks)),
        ending=Ending(kind=EndingKind.CLEAN, at=9.0, detail=detail),
    )


def bodies(found: Recording) -> list[bytes]:
    return [chunk.data for chunk in found.chunks]


def test_nothing_secret_means_nothing_changed() -> None:
    original = exchange(b"data: x\n\n", raw_head=b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n")

    assert redact(original, ["s3cret"]) == original
    assert redact(original, [""]) == original


def test_a_secret_inside_a_body_is_replaced_each_time() -> None:
    found = redact(exchange(b"a s3cret b s3crets3cret c"), ["s3cret"])

    assert bodies(found) == [b"a [redacted] b [redacted] c"]


def test_a_secret_over_two_chunks_goes_to_the_first() -> None:
    found = redact(exchange(b"a s3", b"cret b"), ["s3cret"])

    assert bodies(found) == [b"a [redacted]", b" b"]
    assert [chunk.at for chunk in found.chunks] == [0.0, 1.0]


def test_a_secret_over_many_chunks_leaves_empty_ones() -> None:
    found = redact(exchange(b"a s", b"3", b"", b"cre", b"t b s3cret"), ["s3cret"])

    assert bodies(found) == [b"a [redacted]", b"", b"", b"", b" b [redacted]"]


def test_secrets_that_overlap_are_replaced_as_one() -> None:
    found = redact(exchange(b"-abcdefghi-"), ["abcdef", "defghi", "cd"])

    assert bodies(found) == [b"-[redacted]-"]


def test_a_secret_that_overlaps_itself_leaves_no_rest() -> None:
    assert bodies(redact(exchange(b"-ababa-"), ["aba"])) == [b"-[redacted]-"]


def test_texts_around_the_body_are_searched_too() -> None:
    found = redact(
        exchange(
            raw_head=b"HTTP/1.1 200 s3cret\r\nX: s3cret\r\n\r\n",
            headers=(("X", "a s3cret"), ("s3cret", "b")),
            reason="s3cret",
            detail="refused s3cret",
        ),
        ["s3cret"],
    )

    assert found.raw_head == b"HTTP/1.1 200 [redacted]\r\nX: [redacted]\r\n\r\n"
    assert found.headers == (("X", "a [redacted]"), ("[redacted]", "b"))
    assert found.reason == MARKER
    assert found.ending.detail == "refused [redacted]"


def test_a_secret_beyond_ascii_is_found_as_utf8_and_as_header_text() -> None:
    found = redact(
        exchange("a p\u00e4ss".encode(), headers=(("X", "p\u00c3\u00a4ss"),)),
        ["p\u00e4ss"],
    )

    assert bodies(found) == [b"a [redacted]"]
    assert found.headers == (("X", MARKER),)


def test_a_secret_of_bytes_from_the_environment_is_found() -> None:
    assert bodies(redact(exchange(b"a \xffs b"), ["\udcffs"])) == [b"a [redacted] b"]


ODD = 'a"b\\c/d e+f<\u00e9\u2603\U0001f600'


@pytest.mark.parametrize(
    "written",
    [
        ODD,
        # JSON: to ASCII or not, with escaped slashes, hexadecimal digits either way.
        r"a\"b\\c/d e+f<\u00e9\u2603\ud83d\ude00",
        r"a\"b\\c/d e+f<\u00E9\u2603\uD83D\uDE00",
        r"a\"b\\c\/d e+f<\u00e9\u2603\ud83d\ude00",
        'a\\"b\\\\c/d e+f<\u00e9\u2603\U0001f600',
        'a\\"b\\\\c\\/d e+f<\u00e9\u2603\U0001f600',
        # JSON for HTML pages, as Go writes it.
        'a\\"b\\\\c/d e+f\\u003c\u00e9\u2603\U0001f600',
        # In a query, a path and a form.
        "a%22b%5Cc%2Fd%20e%2Bf%3C%C3%A9%E2%98%83%F0%9F%98%80",
        "a%22b%5cc%2fd%20e%2bf%3c%c3%a9%e2%98%83%f0%9f%98%80",
        "a%22b%5Cc/d%20e+f%3C%C3%A9%E2%98%83%F0%9F%98%80",
        "a%22b%5Cc%2Fd+e%2Bf%3C%C3%A9%E2%98%83%F0%9F%98%80",
    ],
)
def test_a_secret_is_found_however_it_is_written(written: str) -> None:
    found = redact(exchange(f"- {written} -".encode(), reason=written), [ODD])

    assert bodies(found) == [b"- [redacted] -"]
    assert found.reason == MARKER


def test_a_secret_without_odd_characters_has_one_form() -> None:
    assert forms_of("eyJ0.eyJ_-~") == {"eyJ0.eyJ_-~"}


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Proxy-Authorization",
        "Cookie",
        "Set-Cookie",
        "X-API-Key",
        "api-key",
        "X-Auth-Token",
        "Token",
    ],
)
def test_a_header_that_carries_credentials_loses_its_value(name: str) -> None:
    raw_head = f"HTTP/1.1 200 OK\r\n{name}:abc\r\nDate: x\r\n\r\n".encode()
    found = redact(exchange(raw_head=raw_head, headers=((name, "abc"),)), [])

    assert found.headers == ((name, MARKER),)
    expected = f"HTTP/1.1 200 OK\r\n{name}: [redacted]\r\nDate: x\r\n\r\n"
    assert found.raw_head == expected.encode()


@pytest.mark.parametrize(
    "name",
    ["Content-Type", "X-Ratelimit-Remaining-Tokens", "WWW-Authenticate", "ETag"],
)
def test_an_ordinary_header_keeps_its_value(name: str) -> None:
    assert not is_credential_header(name)


def test_a_folded_credential_loses_every_line_of_it() -> None:
    head = b"HTTP/1.1 200 OK\r\nSet-Cookie: a\r\n b\r\n\tc\nDate: x\r\n y\r\n\r\n"

    assert redact(exchange(raw_head=head), []).raw_head == (
        b"HTTP/1.1 200 OK\r\nSet-Cookie: [redacted]\r\n [redacted]\r\n\t[redacted]\n"
        b"Date: x\r\n y\r\n\r\n"
    )


@given(
    st.lists(st.text("abX", max_size=8).map(str.encode), max_size=12),
    st.lists(st.text("ab", min_size=2, max_size=5), max_size=3),
)
def test_no_secret_survives_and_nothing_else_is_lost(
    chunks: list[bytes], secrets: list[str]
) -> None:
    found = redact(exchange(*chunks), secrets)

    # The marker holds "a" and no "b", so it cannot make a secret of its own here.
    body = b"".join(bodies(found)).replace(MARKER.encode(), b"|")
    assert len(found.chunks) == len(chunks)
    assert not any(secret.encode() in body for secret in secrets)
    assert body.count(b"X") == b"".join(chunks).count(b"X")
    if b"|" not in body:
        assert bodies(found) == chunks
