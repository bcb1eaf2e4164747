"""`recording.matching`: the same question, the next answer, the nearest one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from itertools import islice

import pytest

from streamproof.fakes.net.http1 import Request
from streamproof.fakes.recording.cassette import Asked
from streamproof.fakes.recording.difference import Text, leaves_of
from streamproof.fakes.recording.matching import (
    MAX_COMMAS,
    Chooser,
    Kind,
    kind_of_asked,
    kind_of_request,
)

CHAT = "/v1/chat/completions"
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "top_p": 1.0}


def asked(body: object = BODY, *, target: str = CHAT, method: str = "POST") -> Kind:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return kind_of_asked(Asked(method=method, target=target, headers=(), body=data))


def request(
    body: object = BODY,
    *,
    path: str = CHAT,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Kind:
    return kind_of_request(
        Request(
            method="POST",
            path=path,
            query=query or {},
            headers=headers or {},
            body=body if isinstance(body, bytes) else json.dumps(body).encode(),
            http_version="1.1",
            keep_alive=True,
        )
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"top_p":1,"messages":[{"content":"hi","role":"user"}],"model":"m"}',
        (
            b'{"top_p": 1.0, "model": "\\u006d", '
            b'"messages": [{"role": "user", "content": "hi"}]}\n'
        ),
        (
            b'{"top_p": 1e0, "model": "x", "model": "m", '
            b'"messages": [{"role": "user", "content": "hi"}]}'
        ),
    ],
)
def test_json_is_compared_as_a_value(body: bytes) -> None:
    assert request(body) == asked()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": True}, {"a": 1}),
        ({"a": None}, {}),
        ({"a": []}, {"a": {}}),
        ({"a": ["x"]}, {"a": {"0": "x"}}),
        ({"a": ["x"]}, {"a[0]": "x"}),
        ({"a": {"b": 1}}, {"a.b": 1}),
        ({"a": "1"}, {"a": 1}),
        ({"a": 0.5}, {"a": 0.25}),
        ([1, 2], [2, 1]),
        (b"text", b"text "),
        (b'"a"', b"a"),
        (b"", b"{}"),
        (b"\xff", b"\xfe"),
    ],
)
def test_what_differs_is_another_kind(one: object, other: object) -> None:
    assert request(one) != asked(other)
    assert request(one) == asked(one)


def test_method_path_and_query_count_and_headers_do_not() -> None:
    assert request(path="/v1/responses") != asked()
    assert request() != asked(method="PUT")
    assert request(query={"alt": "sse"}) != asked()
    assert request(query={"alt": "sse"}) == asked(target=f"{CHAT}?alt=sse")
    assert request(path="/v1/a b") == asked(target="/v1/a%20b")
    assert request(headers={"user-agent": "x"}) == asked()


def test_secrets_are_equal_to_each_other() -> None:
    told = {"key": "my-own-secret-key", "note": "my-own-secret-key"}

    assert request(query={"key": "any"}) == asked(target=f"{CHAT}?key=REDACTED")
    assert request(
        {"user": "my-own-secret-key"},
        path="/v1/my-own-secret-key",
        query=told,
        headers={"authorization": "Bearer my-own-secret-key"},
    ) == asked({"user": "REDACTED"}, target="/v1/REDACTED?key=REDACTED&note=REDACTED")


def test_a_body_nested_too_deep_for_json_is_compared_as_text() -> None:
    body = b"[" * 200_000

    assert request(body) == asked(body)


def test_the_nth_request_gets_the_nth_recording_and_stays_with_the_last() -> None:
    chooser = Chooser([asked(), asked({"a": 1}), asked()])

    count: Counter[Kind] = Counter()

    assert [chooser.choose(request(), count) for _ in range(4)] == [0, 2, 2, 2]
    assert [chooser.choose(request({"a": 1}), count) for _ in range(2)] == [1, 1]
    assert chooser.choose(request({"a": 2}), count) is None
    # What was not recorded is not counted: it may be anything, and as much of it.
    assert len(count) == 2
    assert chooser.choose(request(), Counter()) == 0


@pytest.mark.parametrize(
    ("kind", "nearest"),
    [
        (
            request({**BODY, "model": "n"}),
            (0, 'body.model: expected "m", got "n"'),
        ),
        (
            request({**BODY, "seed": 1}),
            (0, "body.seed: expected nothing, got 1"),
        ),
        (
            request({key: BODY[key] for key in ("model", "messages")}),
            (0, "body.top_p: expected 1, got nothing"),
        ),
        (
            request({**BODY, "messages": [{"role": "user", "content": "x" * 99}]}),
            (
                0,
                'body.messages[0].content: expected "hi", got "' + "x" * 79 + "…",
            ),
        ),
        (
            request(path="/v1/chat/completion"),
            (
                0,
                'path: expected "/v1/chat/completions", got "/v1/chat/completion"',
            ),
        ),
        (
            request({"a": 2, "b": 3}, path="/v1/other"),
            (1, "body.a: expected 1, got 2"),
        ),
        (
            request(b"plain", path="/v1/other"),
            (1, 'body: expected {"a": 1, "b": 3}, got text "plain"'),
        ),
        (
            request({"a": True, "b": 3}, path="/v1/other"),
            (1, "body.a: expected 1, got true"),
        ),
        (
            request({"a": 1, "b": 3}, path="/v1/other", query={"q": ""}),
            (1, 'query.q: expected nothing, got ""'),
        ),
    ],
)
def test_the_nearest_recording_is_named_with_the_first_difference(
    kind: Kind, nearest: tuple[int, str]
) -> None:
    chooser = Chooser([asked(), asked({"a": 1, "b": 3}, target="/v1/other")])

    assert chooser.nearest(kind) == nearest


def test_a_difference_that_is_only_json_s_is_found() -> None:
    many = {"n": [0] * 20_000, "z": [1, {"b": 1, "a": 2}]}
    chooser = Chooser([asked({"n": [1, 0]}), asked(many, target="/v1/many")])

    assert chooser.nearest(request({"n": [True, 0]})) == (
        0,
        "body.n[0]: expected 1, got true",
    )
    far = {"z": [1, {"a": 2, "b": True}], "n": [0] * 20_000}
    assert chooser.nearest(request(far, path="/v1/many")) == (
        1,
        "a value far behind the first ones",
    )


@pytest.mark.parametrize(
    "body", [b"[" + b"1," * (MAX_COMMAS + 1) + b"1]", b"[" + b"1" * 200 + b"]"]
)
def test_a_body_that_takes_long_to_read_is_compared_as_it_stands(body: bytes) -> None:
    chooser = Chooser([asked(body)])

    assert request(body) == asked(body)
    assert request(body + b" ") != asked(body)
    assert chooser.nearest(request(body + b" ")) is not None
    assert isinstance(request(body).body, Text)


def test_only_so_many_values_are_looked_at_for_the_nearest() -> None:
    taken = 0

    class Watched(dict[str, object]):
        def __getitem__(self, key: str) -> object:
            nonlocal taken
            taken += 1
            return super().__getitem__(key)

    list(islice(leaves_of(Watched.fromkeys(map(str, range(5000)), 1)), 7))

    assert taken == 7


@pytest.mark.parametrize(
    "body",
    [
        {"x" * 100_000: [1, 2]},
        {"a": [[["x" * 100_000]], 1]},
        [[[[1] * 90] * 90] * 9],
    ],
)
def test_a_refusal_stays_short_whatever_was_asked(body: object) -> None:
    near = Chooser([asked()]).nearest(request(body))

    assert near is not None
    assert len(near[1]) < 400


def test_a_value_too_deep_to_walk_is_one_piece() -> None:
    known, wanted = b"[" * 100 + b"1", b"[" * 100 + b"2"
    near = Chooser([asked(known + b"]" * 100)]).nearest(request(wanted + b"]" * 100))

    assert near is not None
    assert near[1].startswith(f"body{'[0]' * 31}: expected [[[")


def test_what_is_counted_keeps_no_request() -> None:
    recorded, count = asked(), Counter[Kind]()
    chooser = Chooser([recorded])
    chooser.choose(request(), count)

    assert next(iter(count)) is recorded


def test_without_recordings_none_is_nearest() -> None:
    assert Chooser([]).nearest(request()) is None
