"""Requests as the profile describes them, the credential as `$TOKEN`."""

import json

import pytest
from pydantic import JsonValue

from streamproof.conformance import profiles
from streamproof.conformance.errors import UsageError
from streamproof.conformance.model import Request
from streamproof.conformance.profiles import Profile
from streamproof.conformance.profiles.requests import (
    cancel_request,
    invalid_request,
    resume_request,
    side_request,
    start_request,
    to_nowhere,
    unfilled,
    with_credential,
    with_other_method,
    with_query,
)
from streamproof.conformance.profiles.schema import AuthForm, ExplicitCancel

POST = profiles.load("pipeline")


def profile(text: str) -> Profile:
    return profiles.parse(
        f"""
        name = "p"
        title = "P"
        source = "tests"
        framing = {{ type = {{ location = "event-field" }} }}
        terminal = {{ form = "eof" }}
        {text}
        """,
        origin="tests",
    )


GET = profile(
    """
    endpoint = { path = "/s/{prompt}", query = { q = "{prompt}", v = "1" } }
    """
)


def explicit(profile: Profile) -> ExplicitCancel:
    assert profile.cancel is not None
    return profile.cancel.explicit[0]


def header(request: Request, name: str) -> str | None:
    return next((value for key, value in request.headers if key == name), None)


def test_a_prompt_goes_into_the_body_behind_the_targets_prefix() -> None:
    request = start_request(POST, "/base", {"prompt": 'say "x"'})

    assert request.method == "POST"
    assert request.path == "/base/api/generation/stream"
    assert json.loads(request.body) == {"prompt": 'say "x"'}
    assert header(request, "Accept") == "text/event-stream"
    assert header(request, "Content-Type") == "application/json"


def test_a_prompt_goes_into_path_and_query_encoded() -> None:
    request = start_request(GET, "", {"prompt": "a b/c&d"})

    assert request.path == "/s/a%20b%2Fc%26d?q=a%20b%2Fc%26d&v=1"
    assert request.body == b""
    assert header(request, "Content-Type") is None


@pytest.mark.parametrize("side", ["setup", "follow_up"])
def test_a_stream_that_takes_more_requests_is_not_started(side: str) -> None:
    other = profile(f'endpoint = {{ path = "/s", {side} = [{{ path = "/t" }}] }}')

    with pytest.raises(UsageError, match="a profile whose stream takes one request"):
        start_request(other, "", {"prompt": "x"})


def test_a_resume_is_the_same_request_with_the_id_and_no_body() -> None:
    start = start_request(POST, "", {"prompt": "x"})

    request = resume_request(POST, "", start, {"cursor": "s-1"})

    assert (request.method, request.path, request.body) == (
        "POST",
        "/api/generation/stream",
        b"",
    )
    assert header(request, "Last-Event-ID") == "s-1"
    assert header(request, "Content-Type") is None


def test_a_resume_may_have_a_path_a_method_and_the_body() -> None:
    other = profile(
        """
        endpoint = { method = "POST", path = "/s", body = { p = "{prompt}" } }
        resume = { form = "last-event-id", method = "GET", path = "/r", sends_body=true}
        """
    )

    start = start_request(other, "/base", {"prompt": "x"})

    request = resume_request(other, "/base", start, {"cursor": "7"})

    assert (request.method, request.path) == ("GET", "/base/r")
    assert json.loads(request.body) == {"p": "x"}


def test_a_cancel_names_the_stream() -> None:
    request = cancel_request(explicit(POST), "/base", {"stream": "a/b"})

    assert request.method == "DELETE"
    assert request.path == "/base/api/generation/stream/a%2Fb"
    assert request.body == b""


def test_a_cancel_may_name_the_stream_in_its_body() -> None:
    other = profile(
        """
        endpoint = { path = "/s" }
        response = { stream_id_header = "X-Stream-Id" }
        [[cancel.explicit]]
        method = "POST"
        path = "/cancel"
        body = { ids = ["{stream}"], hard = true }
        """
    )

    request = cancel_request(explicit(other), "", {"stream": "s1"})

    assert request.path == "/cancel"
    assert json.loads(request.body) == {"ids": ["s1"], "hard": True}


INVALID = {each.name: each for each in POST.endpoint.invalid}


def invalid(name: str) -> Request:
    return invalid_request(POST, "/base", INVALID[name], {"prompt": "steered"})


def test_an_invalid_body_keeps_what_makes_it_invalid() -> None:
    assert json.loads(invalid("prompt is missing").body) == {}
    assert json.loads(invalid("prompt is empty").body) == {"prompt": ""}
    assert json.loads(invalid("prompt is a number").body) == {"prompt": 7}


def test_an_invalid_body_with_a_prompt_is_steered() -> None:
    request = invalid("options is a string")

    assert json.loads(request.body) == {"prompt": "steered", "options": "fast"}
    assert header(request, "Content-Type") == "application/json"


def test_a_raw_body_is_sent_as_it_is_with_its_type() -> None:
    request = invalid("body is no JSON type")

    assert request.body == b"prompt=hello"
    assert header(request, "Content-Type") == "application/x-www-form-urlencoded"


def test_a_request_of_another_method_has_no_body() -> None:
    request = invalid("GET on a POST endpoint")

    assert (request.method, request.body) == ("GET", b"")
    assert header(request, "Content-Type") is None


def test_what_an_invalid_request_leaves_out_is_valid() -> None:
    other = profile(
        """
        [endpoint]
        path = "/s"
        method = "POST"
        body = { p = ["{prompt}"] }
        invalid = [
            { name = "path", path = "/t", status = 404 },
            { name = "type", content_type = "text/plain", status = 415 },
            { name = "list", body = { p = ["x", "y"] }, status = 422 },
        ]
        """
    )
    by_path, by_type, by_list = (
        invalid_request(other, "/base", each, {"prompt": "steered"})
        for each in other.endpoint.invalid
    )

    assert by_path.path == "/base/t"
    assert json.loads(by_path.body) == {"p": ["steered"]}
    assert header(by_type, "Content-Type") == "text/plain"
    assert json.loads(by_list.body) == {"p": ["steered", "y"]}


@pytest.mark.parametrize(
    ("auth", "path", "name", "value"),
    [
        ('forms = ["bearer"]', "/s", "Authorization", "Bearer $TOKEN"),
        ('forms = ["header"], names = { header = "X-Key" }', "/s", "X-Key", "$TOKEN"),
        ('forms = ["cookie", "query"]', "/s", "Cookie", "access_token=$TOKEN"),
        ('forms = ["query"]', "/s?token=$TOKEN", "", None),
        ('forms = ["none"]', "/s", "", None),
    ],
)
def test_the_credential_goes_where_the_profile_says(
    auth: str, path: str, name: str, value: str | None
) -> None:
    other = profile(f'endpoint = {{ path = "/s" }}\nauth = {{ {auth} }}')

    request = with_credential(other, start_request(other, "", {"prompt": "x"}))

    assert request.path == path
    assert header(request, name) == value


def test_a_query_parameter_joins_those_that_are_there() -> None:
    request = with_query(Request(method="GET", path="/s?a=1"), "token", "t")

    assert request.path == "/s?a=1&token=t"
    assert with_credential(GET, request) == request


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("/s", "/s?token=t"),
        ("/s?token=old", "/s?token=t"),
        ("/s?token=old&a=1&tokens=2&token", "/s?a=1&tokens=2&token=t"),
    ],
)
def test_a_query_parameter_takes_the_place_of_its_like(path: str, changed: str) -> None:
    assert with_query(Request(method="GET", path=path), "token", "t").path == changed


def invalid_in(values: str) -> Request:
    """Make the one invalid request of a profile like the pipeline's."""
    other = profile(
        f"""
        [endpoint]
        path = "/s"
        method = "POST"
        body = {{ prompt = "{{prompt}}", options = {{ note = "n" }} }}
        invalid = [{{ name = "x", status = 400, {values} }}]
        """
    )
    (wrong,) = other.endpoint.invalid
    return invalid_request(other, "", wrong, {"prompt": "steered"})


@pytest.mark.parametrize(
    ("values", "content_type", "body"),
    [
        ('raw_body = ""', None, b""),
        ('raw_body = "", content_type = "a/b"', "a/b", b""),
        ('raw_body = "x"', "application/json", b"x"),
        ('raw_body = "x", content_type = ""', None, b"x"),
    ],
)
def test_a_type_may_be_left_out_and_may_stand_without_a_body(
    values: str, content_type: str | None, body: bytes
) -> None:
    request = invalid_in(values)

    assert header(request, "Content-Type") == content_type
    assert request.body == body


def test_headers_come_beside_or_in_the_place_of_its_own() -> None:
    request = invalid_in('headers = { Content-Encoding = "gzip", Accept = "a/b" }')

    assert header(request, "Content-Encoding") == "gzip"
    assert header(request, "Accept") == "a/b"
    assert json.loads(request.body)["prompt"] == "steered"


@pytest.mark.parametrize(
    ("lengths", "prompt", "note"),
    [
        ('{ "/prompt" = 9 }', "steeredxx", "n"),
        ('{ "/prompt" = 3 }', "ste", "n"),
        ('{ "/options/note" = 3 }', "steered", "nxx"),
        ('{ "/prompt" = 0, "/options/note" = 0 }', "", ""),
    ],
)
def test_a_text_is_made_so_long(lengths: str, prompt: str, note: str) -> None:
    body = '{ prompt = "hello", options = { note = "n" } }'

    request = invalid_in(f"body = {body}, lengths = {lengths}")

    assert json.loads(request.body) == {"prompt": prompt, "options": {"note": note}}


FORMS = profile(
    """
    [endpoint]
    path = "/s/{session}"
    query = { q = "{prompt}" }
    headers = { X-Request-Id = "{uuid}" }
    [auth]
    forms = ["bearer", "query", "cookie", "header"]
    names = { query = "t", cookie = "c", header = "X-Key" }
    [[sides]]
    name = "notes"
    [[sides.requests]]
    name = "list"
    method = "GET"
    path = "/notes"
    expect = { status = 200 }
    captures = { version = { pointer = "/version" } }
    [[sides.requests]]
    name = "change one"
    method = "PATCH"
    path = "/notes/{session}"
    query = { v = "{version}" }
    headers = { If-Match = "{version}" }
    body = { version = "{version}", of = "note {version}" }
    expect = { status = 200 }
    """
)
VALUES: dict[str, JsonValue] = {
    "prompt": "a b",
    "session": "s/1",
    "uuid": "u1",
    "version": 2,
}


def test_placeholders_are_filled_in_path_query_and_headers_of_a_start() -> None:
    request = start_request(FORMS, "/base", VALUES)

    assert request.path == "/base/s/s%2F1?q=a%20b"
    assert header(request, "X-Request-Id") == "u1"


def test_a_side_request_takes_the_values_of_answers_before() -> None:
    listing, change = FORMS.sides[0].requests
    request = side_request(change, "/base", VALUES)

    assert request.method == "PATCH"
    assert request.path == "/base/notes/s%2F1?v=2"
    assert header(request, "If-Match") == "2"
    assert header(request, "Accept") == "application/json"
    assert header(request, "Content-Type") == "application/json"
    assert json.loads(request.body) == {"version": 2, "of": "note 2"}
    assert header(side_request(listing, "", VALUES), "Content-Type") is None


def test_what_has_no_value_is_told() -> None:
    assert unfilled(["/{a}", {"b": "{b}{uuid}"}], {"uuid": ""}) == ["a", "b"]


@pytest.mark.parametrize(
    ("form", "path", "name", "value"),
    [
        (None, "/s", "Authorization", "Bearer $TOKEN"),
        ("query", "/s?t=$TOKEN", "", None),
        ("cookie", "/s", "Cookie", "c=$TOKEN"),
        ("header", "/s", "X-Key", "$TOKEN"),
    ],
)
def test_a_credential_goes_into_each_declared_form(
    form: AuthForm | None, path: str, name: str, value: str | None
) -> None:
    request = with_credential(FORMS, Request(method="GET", path="/s"), form)

    assert request.path == path
    assert header(request, name) == value


def test_a_bad_credential_can_stand_beside_a_good_one() -> None:
    good = with_credential(FORMS, Request(method="GET", path="/s"), "query")
    both = with_credential(FORMS, good, "cookie", "bad")

    assert both.path == "/s?t=$TOKEN"
    assert header(both, "Cookie") == "c=bad"


def test_nowhere_is_below_the_path_and_keeps_the_query() -> None:
    there = Request(method="GET", path="/s?a=1")

    assert to_nowhere(there).path == "/s/no-such/path?a=1"


def test_another_method_is_one_that_is_not_served() -> None:
    there = Request(method="GET", path="/s")

    assert with_other_method(there, ["GET"]).method == "PUT"
    assert with_other_method(there, ["GET", "PUT", "PATCH"]).method == "DELETE"
    assert with_other_method(there, ["PUT", "PATCH", "DELETE"]).method == "REPORT"


def test_an_invalid_request_may_have_another_query() -> None:
    other = profile(
        """
        [endpoint]
        path = "/s"
        query = { q = "{prompt}", n = "1" }
        invalid = [
            { name = "n", query = { q = "{prompt}", n = "0" }, status = 422 },
            { name = "path", path = "/t", status = 404 },
        ]
        """
    )
    by_query, by_path = (
        invalid_request(other, "/base", each, VALUES) for each in other.endpoint.invalid
    )

    assert by_query.path == "/base/s?q=a%20b&n=0"
    assert by_path.path == "/base/t"
