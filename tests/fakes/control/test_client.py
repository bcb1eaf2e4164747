"""`control.client`: fakes steered and questioned from Python, over a real server."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.fakes.raw_client import RawClient, chat_request

from streamproof.fakes import ThreadServer
from streamproof.fakes.calls.call import Outcome
from streamproof.fakes.control.client import AsyncClient, Client
from streamproof.fakes.control.records import EventRecord, Tokens
from streamproof.fakes.errors import ScriptError
from streamproof.fakes.inprocess import InProcess
from streamproof.fakes.net.link import Peer
from streamproof.fakes.script import Fail, Library, Match, Rule, Say, Script, Think

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from streamproof.fakes import Server

BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
KEY = {"authorization": "Bearer any"}


@pytest.fixture(scope="module")
def thread() -> Iterator[ThreadServer]:
    with ThreadServer() as server:
        yield server


@pytest.fixture
def fakes(thread: ThreadServer, request: pytest.FixtureRequest) -> Iterator[Client]:
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[-64:]
    with Client(f"{thread.url}/_ns/{name}/") as client:
        yield client


@pytest.fixture
async def waiting(server: Server) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(server.url) as client:
        yield client


def ask(fakes: Client, prompt: str = "hi") -> httpx.Response:
    body = {**BODY, "messages": [{"role": "user", "content": prompt}]}
    url = f"{fakes.url}/v1/chat/completions"
    return httpx.post(url, json=body, headers=KEY, trust_env=False)


def said(response: httpx.Response) -> str:
    return str(response.json()["choices"][0]["message"]["content"])


def test_a_script_or_a_sequence_is_put_for_a_key(fakes: Client) -> None:
    prompt = "[[fake:say call=k]]"
    fakes.put_script("k", Script(say=(Think(text="so"), Say(text="one"))))
    one = ask(fakes, prompt)
    fakes.forget("k")
    fakes.put_script(
        "k", (Script(fail=Fail(status=503)), Script(say=(Say(text="then"),)))
    )
    answers = [ask(fakes, prompt) for _ in range(3)]

    assert said(one) == "one"
    assert [answer.status_code for answer in answers] == [503, 200, 200]
    assert said(answers[2]) == "then"
    assert [call.script for call in fakes.calls("k")] == ["put"] * 3


def test_a_library_is_put_and_its_rules_are_followed(fakes: Client) -> None:
    fakes.put_library(
        Library(
            scripts={"busy": Script(fail=Fail(status=429))},
            rules=(
                Rule(match=Match(ordinal=1), scripts=("busy",)),
                Rule(scripts=(Script(say=(Say(text="ok"),)),)),
            ),
        )
    )

    assert ask(fakes).status_code == 429
    assert said(ask(fakes)) == "ok"
    assert [call.script for call in fakes.calls()] == ["rules.0:busy", "rules.1"]


def test_records_are_read_by_attribute(fakes: Client) -> None:
    before = fakes.clock()
    ask(fakes, '[[fake:say text="a b" call=k]] [[fake:fail status=418 turn=2]]')
    ask(fakes, "[[fake:nonsense]]")
    [call, refused] = fakes.calls(events=True)

    assert (call.key, call.turn, call.ordinal, call.stream) == ("k", 1, 1, False)
    assert (call.outcome, call.status, call.peer) == (Outcome.COMPLETED, 200, None)
    assert call.tokens == Tokens(generated=2, sent=2, after_peer_gone=0)
    accepted = call.time_of("accepted")
    assert accepted is not None
    assert before < accepted < fakes.clock()
    assert EventRecord(at=accepted, name="accepted") in call.events
    assert call.time_of("token_sent", 3) is None
    assert str(call) == (
        "call 1 (turn 1 of k) openai_chat m: 200 completed, 2 of 2 tokens sent"
    )
    assert refused.refusal is not None
    assert str(refused).startswith("call 2 openai_chat None: 400 refused, 0 of 0 ")
    assert str(refused).endswith(f": {refused.refusal}")
    assert fakes.calls()[0].events == ()


@pytest.mark.slow
def test_more_events_than_one_answer_holds_are_read_page_by_page(
    fakes: Client,
) -> None:
    for _ in range(4):
        ask(fakes, "[[fake:say tokens=9000 call=k]]")
    page = httpx.get(f"{fakes.url}/_fakes/calls?key=k", trust_env=False).json()
    calls = fakes.calls("k")

    assert len(page["calls"]) == page["next"] == 2
    assert [call.turn for call in calls] == [1, 2, 3, 4]
    assert all(len(call.events) > 18_000 for call in calls)


def test_waiting_is_for_a_key_or_for_the_nth_call(fakes: Client) -> None:
    ask(fakes, "[[fake:say call=k]]")
    ask(fakes)

    assert fakes.wait_for("k").ordinal == 1
    assert fakes.wait_for("k", "token:8").key == "k"
    assert fakes.wait_for().ordinal == 1
    assert fakes.wait_for(ordinal=2).key is None


def test_what_is_waited_for_in_vain_is_said(fakes: Client) -> None:
    ask(fakes)

    with pytest.raises(AssertionError, match="call 1 in the namespace to reach held"):
        fakes.wait_for(state="held")
    with pytest.raises(AssertionError, match=r"within 0.001 s, got no such call"):
        fakes.wait_for("k", turn=2, timeout_s=0.001)
    with pytest.raises(ScriptError, match="expected key or ordinal"):
        fakes.wait_for("k", ordinal=2)


def test_a_reset_forgets_the_namespace(fakes: Client) -> None:
    ask(fakes, "[[fake:say call=k]]")
    ask(fakes)

    assert fakes.reset() == 2
    assert fakes.calls() == []
    ask(fakes)
    assert fakes.wait_for().ordinal == 1


def test_a_refusal_is_raised_in_the_words_of_the_fakes(
    fakes: Client, thread: ThreadServer
) -> None:
    with pytest.raises(ScriptError, match="expected state to be one of accepted"):
        fakes.wait_for("k", "begun")
    with (
        Client(f"{thread.url}/elsewhere") as lost,
        pytest.raises(ScriptError, match="Invalid URL"),
    ):
        lost.calls()


def test_fakes_in_this_process_are_reached_by_a_transport() -> None:
    in_process = InProcess()
    with Client("http://fakes/_ns/a", transport=in_process.transport()) as client:
        client.put_library(Library(scripts={"default": Script(say=(Say(text="in"),))}))
        with httpx.Client(transport=in_process.transport()) as http:
            answer = http.post(
                "http://fakes/_ns/a/v1/chat/completions", json=BODY, headers=KEY
            )
        call = client.wait_for()
        client.assert_no_leaked_calls()

    assert said(answer) == "in"
    assert (call.ordinal, call.script) == (1, "default")


def test_another_server_is_not_taken_for_the_fakes() -> None:
    other = httpx.MockTransport(lambda _: httpx.Response(200, text="<p>hello"))
    with (
        Client("http://other", transport=other) as client,
        pytest.raises(ScriptError, match="expected the fakes' control API at /_fakes"),
    ):
        client.calls()


def test_assertions_hold_in_silence_and_fail_in_words(fakes: Client) -> None:
    fakes.assert_no_leaked_calls()
    ask(fakes, "[[fake:say call=k]]")
    ask(fakes, "[[fake:say call=k]]")

    fakes.assert_not_cancelled("k")
    fakes.assert_no_leaked_calls()
    fakes.assert_max_concurrency(1)
    fakes.assert_retry_spacing("k", at_most_ms=59_999.5)
    with pytest.raises(AssertionError) as caught:
        fakes.assert_retry_spacing("k", at_least_ms=60_000)
    assert str(caught.value).startswith(
        "expected the calls of key 'k' to follow each other after at least 60000 ms, "
        "got call 2 after "
    )
    assert str(caught.value).endswith(" ms (calls: 2)")
    with pytest.raises(AssertionError, match=r"call 2 of key 'k' not .* got no call$"):
        fakes.assert_not_cancelled("k", turn=2, ordinal=7)
    with pytest.raises(ScriptError, match="expected key beside turn"):
        fakes.assert_cancelled(turn=1)


async def test_a_cancel_is_waited_for(server: Server, waiting: AsyncClient) -> None:
    with await RawClient.connect(server.url) as raw:
        await raw.send(chat_request("[[fake:stall after=2 call=k]]"))
        await waiting.wait_for("k", "token:2")
        await waiting.assert_not_cancelled("k")
        asked = asyncio.create_task(
            waiting.assert_cancelled("k", within_ms=60_000, since="token:2")
        )
        await waiting.clock()
        raw.leave("rst")
        await asked

    since = await waiting.clock()
    await waiting.assert_cancelled("k", within_ms=0.125, since=since)
    await waiting.assert_cancelled(ordinal=1)
    await waiting.assert_no_leaked_calls("k")
    (call,) = await waiting.calls("k")
    assert call.peer is Peer.RST
    assert str(call).endswith("tokens sent, peer left by rst")
    with pytest.raises(AssertionError, match="not to be cancelled, got call 1 cancel"):
        await waiting.assert_not_cancelled("k")


async def test_a_question_whose_asker_left_leaves_nothing_behind(
    server: Server, waiting: AsyncClient
) -> None:
    with (
        await RawClient.connect(server.url) as held,
        await RawClient.connect(server.url) as asker,
    ):
        await held.send(chat_request("[[fake:hold at=headers call=k]]"))
        await waiting.wait_for("k", "held")
        await asker.send(
            b"GET /_fakes/assert/no_leaked_calls HTTP/1.1\r\nhost: x\r\n\r\n"
        )
        await waiting.clock()
        asker.leave("fin")
        assert await waiting.release("k") == 1
        await waiting.wait_for("k")
    await waiting.clock()

    assert not server.journal.is_busy


async def test_what_never_holds_is_answered_when_the_time_is_over(
    server: Server,
) -> None:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        with await RawClient.connect(server.url) as held:
            await held.send(chat_request("[[fake:hold at=headers call=k]]"))
            await http.get("/_fakes/calls/k/1/wait?state=held")
            answer = await http.get("/_fakes/assert/no_leaked_calls?timeout_ms=1")

    assert answer.json() == {
        "holds": False,
        "expected": "all calls to have ended, without tokens generated after the "
        "peer left",
        "got": "call 1 still running",
        "calls": [1],
    }


async def test_all_of_it_can_be_asked_without_holding_up_the_loop(
    server: Server, waiting: AsyncClient
) -> None:
    script = Script(say=(Say(text="put"),))
    await waiting.put_script("k", script)
    await waiting.put_library(Library(scripts={"default": script}))
    for prompt in ("[[fake:say call=k]]", "hi"):
        with await RawClient.connect(server.url) as raw:
            await raw.send(chat_request(prompt))
            await raw.read_until(b"0\r\n\r\n")

    assert [call.script for call in await waiting.calls()] == ["put", "default"]
    await waiting.assert_max_concurrency(1, counted_from="headers_sent")
    await waiting.assert_retry_spacing(at_least_ms=0)
    assert await waiting.forget("k") == 1
    assert await waiting.reset() == 1


def test_both_clients_have_the_same_methods() -> None:
    def signatures(client: type) -> dict[str, str]:
        return {
            name: str(inspect.signature(method))
            for name, method in vars(client).items()
            if not name.startswith("_")
        }

    assert signatures(AsyncClient) == signatures(Client)


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("assert/canceled", 404, "expected one of cancelled, "),
        ("assert/cancelled?within=5", 400, "expected the parameters key, turn, "),
        ("assert/cancelled?within_ms=soon", 400, "expected within_ms to be millisec"),
        ("assert/cancelled?since=begun", 400, "expected state to be one of "),
        ("assert/cancelled?key=a%20b", 400, "expected key to be 1 to 64 of "),
        ("assert/max_concurrency", 400, "expected n, the number of calls"),
        ("assert/max_concurrency?n=0", 400, "expected n to be a number from 1"),
        ("wait?ordinal=x&state=ended", 400, "expected ordinal to be a number from 1"),
        ("wait?turn=1&state=ended", 400, "expected the parameters ordinal, state, "),
        (
            "calls?evnts=1",
            400,
            "expected the parameters key, events, requests, after, got 'ev",
        ),
        ("calls?events=yes", 400, "expected events to be 0 or 1, got 'yes'"),
    ],
)
async def test_a_wrong_question_is_told_what_is_right(
    path: str, status: int, message: str, server: Server
) -> None:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        answer = await http.get(f"/_fakes/{path}")

    assert answer.status_code == status
    assert message in answer.json()["error"]
