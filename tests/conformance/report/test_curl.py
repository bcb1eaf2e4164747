"""A printed curl command, run by a real shell, sends the very bytes of the request."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproof.conformance.model import Request
from streamproof.conformance.report.curl import (
    curl_command,
    needs_credential,
    steering_notes,
)

TARGET = "http://127.0.0.1:8000"

# Stands in for curl: its arguments, then its standard input, each ended by a NUL.
CURL = """curl() {
    for argument in "$@"; do printf '%s\\0' "$argument"; done
    case "$*" in *@-*) cat;; esac
}
TOKEN=my.own.token
"""


def run(request: Request) -> list[bytes]:
    """Return the arguments that a shell hands to curl, and what it pipes in."""
    script = CURL + curl_command(request, TARGET)
    done = subprocess.run(
        ["/bin/bash", "-c", script], check=True, capture_output=True, timeout=10
    )
    return done.stdout.split(b"\0")


def body_of(arguments: list[bytes]) -> bytes:
    return arguments[arguments.index(b"--data-raw") + 1]


def test_a_post_is_shown_one_option_a_line() -> None:
    request = Request(
        method="POST",
        path="/stream",
        headers=(
            ("Host", "127.0.0.1:8000"),
            ("Authorization", "Bearer $TOKEN"),
            ("Content-Type", "application/json"),
            ("Content-Length", "17"),
        ),
        body=b'{"prompt": "it\'s"}',
    )

    assert curl_command(request, TARGET) == (
        "curl -sSiN http://127.0.0.1:8000/stream \\\n"
        '  -H "Authorization: Bearer $TOKEN" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        """  --data-raw '{"prompt": "it'"'"'s"}'"""
    )


def test_a_get_needs_no_method() -> None:
    assert curl_command(Request(method="GET", path="/s"), TARGET) == (
        "curl -sSiN http://127.0.0.1:8000/s"
    )


@pytest.mark.parametrize(
    ("method", "body", "option"),
    [
        ("DELETE", b"", "-X DELETE"),
        ("GET", b"{}", "-X GET"),
        ("POST", b"", "-X POST"),
        ("HEAD", b"", "--head"),
    ],
)
def test_a_method_that_curl_would_not_choose_is_named(
    method: str, body: bytes, option: str
) -> None:
    command = curl_command(Request(method=method, path="/s", body=body), TARGET)

    assert command.startswith(f"curl -sSiN {option} {TARGET}/s")


def test_the_shell_puts_the_credential_in_and_nothing_else() -> None:
    request = Request(
        method="GET",
        path="/s?token=$TOKEN",
        headers=(("X-A", '`id` $HOME "$TOKEN" \\'),),
    )

    arguments = run(request)

    assert arguments[1] == b"http://127.0.0.1:8000/s?token=my.own.token"
    assert arguments[3] == b'X-A: `id` $HOME "my.own.token" \\'


def test_a_header_with_control_characters_is_quoted_and_still_exact() -> None:
    request = Request(
        method="GET", path="/s", headers=(("Last-Event-ID", "'\x1b[2J $TOKEN\\\x01"),)
    )

    assert run(request)[3] == b"Last-Event-ID: '\x1b[2J my.own.token\\\x01"
    assert curl_command(request, TARGET).replace("\n", "").isprintable()


def test_an_empty_header_is_sent_and_a_missing_content_type_is_not_invented() -> None:
    request = Request(method="POST", path="/s", headers=(("X-A", ""),), body=b"x")

    assert run(request)[3:7:2] == [b"X-A;", b"Content-Type:"]


def test_braces_in_a_url_are_not_expanded_by_curl() -> None:
    command = curl_command(Request(method="GET", path="/s/{1,2}[3-4]"), TARGET)

    assert command == "curl -sSiN --globoff 'http://127.0.0.1:8000/s/{1,2}[3-4]'"


def test_a_body_with_a_nul_is_piped_in() -> None:
    request = Request(method="POST", path="/s", body=b"100%\0 it's \\n \xff\n")

    arguments = run(request)

    assert arguments[-3:] == [b"@-", b"100%", b" it's \\n \xff\n"]


@given(st.binary(min_size=1).filter(lambda body: b"\0" not in body))
@settings(max_examples=40, deadline=None)
def test_any_body_without_a_nul_reaches_curl_unchanged(body: bytes) -> None:
    request = Request(method="POST", path="/s", body=body)

    assert body_of(run(request)) == body


@given(st.text(min_size=1).filter(lambda text: "\0" not in text))
@settings(max_examples=40, deadline=None)
def test_a_command_shows_nothing_that_steers_a_terminal(text: str) -> None:
    body = text.encode("utf-8", "surrogatepass")
    request = Request(method="POST", path="/s", body=body, headers=(("X", text),))

    shown = curl_command(request, TARGET)

    assert shown.replace(" \\\n", "").isprintable()


def test_a_credential_is_asked_for_only_where_the_request_has_one() -> None:
    header = Request(method="GET", path="/", headers=(("A", "Bearer $TOKEN"),))

    assert needs_credential(header)
    assert needs_credential(Request(method="GET", path="/?t=$TOKEN"))
    assert not needs_credential(Request(method="GET", path="/", body=b"$TOKEN"))


def test_a_directive_in_the_body_is_explained() -> None:
    request = Request(
        method="POST",
        path="/",
        body=b'{"p": "[[fake:say tokens=2]][[fake:hold at=headers call=K-1]]"}',
    )

    steered, counted, held = steering_notes(request, {})
    assert (
        steered == "the [[fake:...]] directive in the prompt steers the fake provider"
    )
    assert counted.endswith("send DELETE /_fakes/calls/K-1 to the fake provider")
    assert held.startswith("the model waits until POST /_fakes/gates/K-1/release")


def test_a_directive_in_the_query_is_found_too() -> None:
    request = Request(method="GET", path="/?q=%5B%5Bfake:say+tokens=2+call=K%5D%5D")

    assert len(steering_notes(request, {})) == 2


def test_a_request_without_a_directive_needs_no_explanation() -> None:
    assert steering_notes(Request(method="GET", path="/"), {}) == []


def test_a_script_that_was_put_is_shown() -> None:
    request = Request(method="GET", path="/?q=%5B%5Bfake:say+call=K%5D%5D")
    script = [{"hold": [{"at": "headers"}]}, {"say": [{"tokens": 2}]}]

    _, _, put, held = steering_notes(request, {"K": script})

    assert put == (
        "the script is put with PUT /_fakes/scripts/K and "
        '[{"hold": [{"at": "headers"}]}, {"say": [{"tokens": 2}]}]'
    )
    assert "/_fakes/gates/K/release" in held
