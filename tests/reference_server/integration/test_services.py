"""Services behind the seam, in front of the fakes over real sockets.

`test_promises` asks all of OpenAI's chat completions; here is what the others spell in
their own way: answers, failures, and how a cancel looks to them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from tests.reference_server.integration.processes import Program, running
from tests.reference_server.integration.stack import PATIENT, Stack, server_command
from tests.reference_server.integration.wire import (
    PATH,
    SECRET,
    Response,
    ask,
    bearer,
)

pytestmark = pytest.mark.slow

OPENAI_RESPONSES = "openai_responses"
ANTHROPIC = "anthropic"
SERVICES = (OPENAI_RESPONSES, ANTHROPIC)
NODES = 14
_keys = itertools.count(1)

# What a model may do without its answer being any the worse for it.
HARMLESS = [
    "think tokens=2",
    "wire newline=cr bom=true",
    "wire newline=crlf comment=hi",
    "wire split=1",
    "wire coalesce=9",
    "wire space=false ids=true remark=hi",
    "wire framing=close",
    "wire type=TEXT/Event-Stream;charset=GBK",
    "garble at=2 how=empty",
    "garble at=2 how=unknown",
    "omit what=usage",
    "keepalive each=1",
]
# Tokens that reach the reader before the failure.
FAILURES = {
    "fail status=500": 0,
    "fail status=400": 0,
    "fail status=503": 0,
    "fail status=529": 0,
    "page status=200 type=text/html text=hello": 0,
    "error after=2": 2,
    "drop after=2 how=fin": 2,
    "drop after=2 how=rst": 2,
    "truncate after=2": 2,
    "garble at=3 how=bad_json": 2,
    "omit what=finish": 4,
    "omit what=terminator": 4,
    "stop reason=length": 4,
    "stop reason=content_filter": 4,
    "tool name=f": 4,
}
FAILURES_OF = {
    OPENAI_RESPONSES: {
        "error after=2 shape=flat": 2,
        "error after=2 type=response.failed": 2,
        'stop reason=length literal=""': 4,
        "stop reason=length literal=tired": 4,
        "refuse text=no": 4,
    },
    ANTHROPIC: {
        "error after=2 type=api_error": 2,
        'stop literal=""': 4,
        "stop literal=tired": 4,
        # A refusal is told in text, and called one at the end.
        "refuse text=no": 5,
    },
}
PHASES = {
    "before headers": ("hold at=headers", "held", "cancelled_before_headers"),
    "before the first token": (
        "stall after=0",
        "headers_sent",
        "cancelled_before_first_token",
    ),
    "between tokens": ("stall after=3", "token:3", "cancelled_midstream"),
    "before the terminator": ("hold at=end", "held", "cancelled_midstream"),
}


@pytest.fixture(scope="module")
def servers(fakes: Program) -> Iterator[dict[str, Program]]:
    secret = {"STREAMPROOF_SERVER_JWT_SECRET": SECRET}
    commands = {
        name: server_command(fakes, *PATIENT, "--upstream-provider", name)
        for name in SERVICES
    }
    with (
        running(commands[OPENAI_RESPONSES], secret) as responses,
        running(commands[ANTHROPIC], secret) as anthropic,
    ):
        yield {OPENAI_RESPONSES: responses, ANTHROPIC: anthropic}


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    name = request.param
    assert isinstance(name, str)
    return name


@pytest.fixture
def stack(fakes: Program, servers: dict[str, Program], service: str) -> Stack:
    key = f"service-{service}-{next(_keys)}"
    return Stack(server=servers[service], fakes=fakes, key=key)


def codes(response: Response) -> list[str]:
    return [d["delta"]["code"] for _, d in response.events if d["type"] == "error"]


def kinds(response: Response) -> list[str]:
    return [document["type"] for _, document in response.events]


async def test_a_complete_run_asks_the_service_and_closes_no_call_early(
    stack: Stack, service: str
) -> None:
    response = await (await stack.start("say tokens=5")).read_all()

    assert kinds(response) == [
        *["node-enter", *["token-stream"] * 5, "node-complete"] * NODES
    ]
    calls = await stack.calls()
    assert [call["provider"] for call in calls] == [service] * NODES
    assert [call["outcome"] for call in calls] == ["completed"] * NODES
    assert [call["tokens"]["sent"] for call in calls] == [5] * NODES


@pytest.mark.parametrize("directive", HARMLESS)
async def test_what_is_no_failure_is_none(stack: Stack, directive: str) -> None:
    response = await (await stack.start('say text="a b ü 💥"', directive)).read_all()

    assert codes(response) == []
    outputs = [
        document["delta"]["output"]
        for _, document in response.events
        if document["type"] == "node-complete"
    ]
    assert outputs == ["a b ü 💥"] * NODES


async def test_what_is_said_twice_is_passed_on_twice(stack: Stack) -> None:
    response = await (
        await stack.start('say text="a b"', "garble at=2 how=duplicate")
    ).read_all()

    assert codes(response) == []
    assert kinds(response).count("token-stream") == 3 * NODES


@pytest.mark.parametrize(
    ("service", "directive", "tokens"),
    [
        (service, directive, tokens)
        for service in SERVICES
        for directive, tokens in {**FAILURES, **FAILURES_OF[service]}.items()
    ],
    indirect=["service"],
)
async def test_a_failing_model_is_one_terminal_error(
    stack: Stack, directive: str, tokens: int
) -> None:
    marker = "INTERNAL-MARKER"
    if directive.startswith(("fail", "error")):
        directive += f' message="{marker}"'

    response = await (await stack.start("say tokens=4", directive)).read_all()

    assert kinds(response) == ["node-enter", *["token-stream"] * tokens, "error"]
    assert codes(response) == ["UPSTREAM_ERROR"]
    assert response.is_complete
    assert marker.encode() not in response.body
    assert marker not in stack.server.log
    assert stack.fakes.url.encode() not in response.body
    assert (await stack.observe(response.stream))["slots"] == 0


@pytest.mark.parametrize("status", [429, 503, 529])
async def test_an_overloaded_model_is_asked_again(stack: Stack, status: int) -> None:
    response = await stack.start(f"fail status={status} retry_after=0.2 turn=1")
    await response.read_all()

    assert codes(response) == []
    calls = await stack.calls()
    assert len(calls) == NODES + 1
    assert calls[1]["events"][0]["at"] - calls[0]["events"][0]["at"] >= 0.2


async def test_a_rate_limit_to_the_last_attempt_is_told(stack: Stack) -> None:
    response = await (await stack.start("fail status=429")).read_all()

    assert codes(response) == ["UPSTREAM_RATE_LIMITED"]
    assert len(await stack.calls()) == 3


@pytest.mark.parametrize("phase", PHASES)
async def test_a_cancel_reaches_the_model_in_every_phase(
    stack: Stack, phase: str
) -> None:
    directive, state, outcome = PHASES[phase]
    response = await stack.start("say tokens=9", directive)
    await stack.wait_call(state)

    path = f"{PATH}/{response.stream}"
    answer = await ask(stack.server, "DELETE", path, bearer(stack.key))
    await response.read_all()

    assert (answer.status, answer.json["status"]) == (202, "cancelled")
    assert codes(response) == ["CANCELLED"]
    call = await stack.wait_call("ended")
    assert call["outcome"] == outcome
    assert call["tokens"]["after_peer_gone"] == 0
    assert (await stack.observe(response.stream))["slots"] == 0


async def test_a_cancel_ends_a_retry_pause(stack: Stack) -> None:
    response = await stack.start("fail status=529 retry_after=20")
    await stack.wait_call("ended")

    await ask(stack.server, "DELETE", f"{PATH}/{response.stream}", bearer(stack.key))
    await response.read_all()

    assert codes(response) == ["CANCELLED"]
    assert len(await stack.calls()) == 1


async def test_a_model_that_only_keeps_the_connection_open_is_a_timeout(
    new_stack: Callable[..., Stack], service: str
) -> None:
    own = new_stack(
        *("--upstream-provider", service, "--upstream-first-token-timeout-s", "0.3")
    )
    response = await (await own.start("stall after=0", "keepalive each=50")).read_all()

    assert codes(response) == ["UPSTREAM_TIMEOUT"]
    assert (await own.wait_call("ended"))["outcome"] == "cancelled_before_first_token"
