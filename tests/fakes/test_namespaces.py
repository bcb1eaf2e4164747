"""`namespaces`: what is apart, what is bounded; and over a real server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from streamproof.fakes.calls.call import Call, Outcome, State
from streamproof.fakes.control.client import AsyncClient
from streamproof.fakes.errors import RequestError
from streamproof.fakes.namespaces import CALL_BYTES, Namespaces
from streamproof.fakes.script import Library, Match, Rule, Say, Script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fakes.raw_client import ControlClient

    from streamproof.fakes import Server
    from streamproof.fakes.namespaces import Namespace

CHAT = "/v1/chat/completions"
KEY = {"authorization": "Bearer any"}


def begin(space: Namespace, key: str | None = None) -> Call:
    return space.journal.begin(key=key, provider="p", model="m", stream=True, at=1.0)


def at(spaces: Namespaces, name: str) -> Namespace:
    return spaces.find(f"/_ns/{name}/x")[0]


def everything_in(spaces: Namespaces) -> list[Namespace]:
    return [spaces.root, *spaces._named.values()]


def test_a_path_is_the_root_s_unless_it_names_another() -> None:
    spaces = Namespaces(Library())

    assert spaces.find("/v1/x") == (spaces.root, "/v1/x")
    assert spaces.find("/_nsx/v1") == (spaces.root, "/_nsx/v1")
    space, path = spaces.find("/_ns/a-1_B/_fakes/calls")
    assert path == "/_fakes/calls"
    assert space is at(spaces, "a-1_B") is not spaces.root
    assert everything_in(spaces) == [spaces.root, space]


@pytest.mark.parametrize("path", ["/_ns/", "/_ns//v1", f"/_ns/{'a' * 65}/v1"])
def test_a_prefix_without_name_and_path_is_refused(path: str) -> None:
    with pytest.raises(RequestError, match=r"^expected /_ns/\{name\}/…") as caught:
        Namespaces(Library()).find(path)

    assert caught.value.status == 404


def test_the_one_used_longest_ago_leaves() -> None:
    spaces = Namespaces(Library(), most=2)
    first, second = at(spaces, "a"), at(spaces, "b")
    assert at(spaces, "a") is first
    third = at(spaces, "c")

    assert everything_in(spaces) == [spaces.root, first, third]
    assert at(spaces, "b") is not second


def test_one_with_running_calls_or_waits_never_leaves() -> None:
    spaces = Namespaces(Library(), most=1)
    running = at(spaces, "running")
    call = begin(running)
    waited = at(spaces, "waited")
    watch = waited.journal.watch((None, 1), State.parse("ended"), lambda *_: None)
    at(spaces, "new")
    assert [running, waited] == everything_in(spaces)[1:3]

    call.end(Outcome.COMPLETED, 2.0)
    watch.cancel()
    last = at(spaces, "last")
    assert everything_in(spaces) == [spaces.root, last]


def test_what_they_hold_together_is_bounded() -> None:
    spaces = Namespaces(Library(), max_bytes=3 * CALL_BYTES)
    full = at(spaces, "full")
    for _ in range(3):
        begin(full).end(Outcome.COMPLETED, 2.0)
    other = at(spaces, "other")
    begin(other).end(Outcome.COMPLETED, 2.0)

    assert at(spaces, "other") is other
    assert everything_in(spaces) == [spaces.root, other]


def test_put_scripts_and_libraries_count_as_held() -> None:
    space = at(Namespaces(Library()), "a")
    empty = space.size
    space.keys.put_scripts("k", (Script(),))
    scripted = space.size
    space.put_library(Library())

    assert empty == 0 < scripted < space.size
    space.reset()
    assert space.size == 0


def test_a_reset_forgets_everything_and_lets_held_calls_go() -> None:
    space = Namespaces(Library()).root
    gone = list[int]()
    running = begin(space, "k")
    begin(space).end(Outcome.COMPLETED, 2.0)
    space.keys.gates("k").hold(1, lambda: gone.append(1))
    space.keys.put_scripts("k", (Script(),))
    waits = list[bool]()
    for number in (1, 9):
        space.journal.watch(
            ("k", number),
            State.parse("ended"),
            lambda _, reached: waits.append(reached),
        )

    assert space.reset() == 2
    assert gone == [1]
    assert waits == [False, False]
    assert space.journal.calls() == []
    assert space.keys.script("k", 1) is None
    assert space.is_busy
    running.end(Outcome.COMPLETED, 3.0)
    assert not space.is_busy
    again = begin(space, "k")
    assert (again.ordinal, again.turn) == (1, 1)


@pytest.fixture
async def spaces(server: Server) -> AsyncIterator[tuple[AsyncClient, AsyncClient]]:
    async with (
        AsyncClient(f"{server.url}/_ns/one") as one,
        AsyncClient(f"{server.url}/_ns/two") as two,
    ):
        yield one, two


async def post(url: str, prompt: str) -> Any:  # noqa: ANN401 -- JSON
    body = {"model": "m", "messages": [{"role": "user", "content": prompt}]}
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.post(f"{url}{CHAT}", json=body, headers=KEY)).json()


def said(answer: Any) -> str:  # noqa: ANN401 -- JSON
    return str(answer["choices"][0]["message"]["content"])


async def test_the_same_key_is_another_one_in_another_namespace(
    spaces: tuple[AsyncClient, AsyncClient], control: ControlClient
) -> None:
    one, two = spaces
    prompt = "[[fake:hold at=headers call=k]]"
    await one.put_script("k", Script(say=(Say(text="one"),)))
    first = await post(one.url, prompt)
    second = asyncio.create_task(post(two.url, prompt))
    held = await two.wait_for("k", "held")
    await one.release("k")
    assert await two.reset() == 1
    await second

    assert said(first) == "one"
    assert (held.turn, held.ordinal, held.script) == (1, 1, "directives")
    (call,) = await one.calls()
    assert (call.outcome, call.script) == (Outcome.COMPLETED, "put")
    assert await two.calls() == []
    assert await control.calls() == []


async def test_bytes_do_not_depend_on_the_namespace(
    spaces: tuple[AsyncClient, AsyncClient], server: Server
) -> None:
    answers = [await post(url, "hi") for url in (server.url, *(s.url for s in spaces))]

    assert answers[0] == answers[1] == answers[2]


async def test_rules_of_one_namespace_are_not_those_of_another(
    spaces: tuple[AsyncClient, AsyncClient],
) -> None:
    one, two = spaces
    rule = Rule(match=Match(prompt="hi"), scripts=(Script(say=(Say(text="ruled"),)),))
    await one.put_library(Library(rules=(rule,)))

    assert said(await post(one.url, "hi")) == "ruled"
    refused = await post(one.url, "ho")
    assert said(await post(two.url, "ho")) != "ruled"
    assert refused["error"]["code"] == "no_rule_fits"
    assert "expected prompt to contain 'hi', got 'ho'" in refused["error"]["message"]
    assert [call.script for call in await one.calls()] == ["rules.0", None]
    await one.reset()
    assert said(await post(one.url, "ho")) != "ruled"


async def test_a_bad_prefix_is_refused(control: ControlClient) -> None:
    answer = await control.http.get("/_ns/a b/_fakes/calls")

    assert answer.status_code == 404
    assert answer.json()["error"].startswith("expected /_ns/{name}/…")
