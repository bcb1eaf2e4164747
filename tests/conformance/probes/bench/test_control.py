"""The control API's client: its clock, its answers, and answers not as agreed."""

import json
from collections.abc import Callable

import httpx
import pytest

from streamproof.conformance.errors import ControlError
from streamproof.conformance.model import CallEvent, UpstreamCall
from streamproof.conformance.probes.bench.control import Control

CALL = {
    "key": "k",
    "turn": 1,
    "ordinal": 17,
    "outcome": "completed",
    "fault": None,
    "peer": None,
    "tokens": {"generated": 2, "sent": 1, "after_peer_gone": 0},
    "events": [
        {"at": 10.0, "name": "accepted"},
        {"at": 10.5, "name": "token_sent", "n": 1},
    ],
    "events_left_out": 0,
}


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def control(
    answer: Callable[[httpx.Request], httpx.Response], clock: Clock | None = None
) -> Control:
    client = httpx.AsyncClient(
        base_url="http://fakes/", transport=httpx.MockTransport(answer)
    )
    return Control(client=client, clock=clock or Clock())


def saying(body: object, status: int = 200) -> Callable[..., httpx.Response]:
    return lambda _: httpx.Response(status, json=body)


async def test_the_fastest_reading_of_its_clock_decides() -> None:
    clock = Clock()
    trips = iter([0.5, 0.2, 0.02, 0.1, 0.3, 0.3, 0.3])

    def answer(_: httpx.Request) -> httpx.Response:
        trip = next(trips)
        clock.now += trip
        # Late on the way there: wrong by half the trip, most in slow readings.
        return httpx.Response(200, json={"status": "ok", "clock": clock.now - 60.0})

    fakes = control(answer, clock)
    await fakes.calibrate()

    assert fakes.offset_s == pytest.approx(60.0 - 0.01)


async def test_calls_come_back_with_times_of_our_clock() -> None:
    fakes = control(saying({"clock": 11.0, "calls": [CALL]}))
    fakes.offset_s = 5.0

    assert await fakes.calls("k") == (
        UpstreamCall(
            key="k",
            turn=1,
            outcome="completed",
            fault=None,
            peer=None,
            generated=2,
            sent=1,
            after_peer_gone=0,
            events=(
                CallEvent(name="accepted", at=15.0),
                CallEvent(name="token_sent", at=15.5, n=1),
            ),
        ),
    )


async def test_a_wait_asks_for_the_state_and_the_time() -> None:
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(200, json={"reached": True, "clock": 1.0, "call": CALL})

    assert await control(answer).wait("k", 2, "token:3", 1.5)
    assert asked[0].path == "/_fakes/calls/k/2/wait"
    assert dict(asked[0].params) == {"state": "token:3", "timeout_ms": "1500"}


async def test_a_long_wait_is_asked_for_in_parts() -> None:
    clock = Clock()
    asked: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        timeout_ms = int(request.url.params["timeout_ms"])
        asked.append(timeout_ms)
        clock.now += timeout_ms / 1000
        return httpx.Response(200, json={"reached": False, "clock": 1.0, "call": None})

    assert not await control(answer, clock).wait("k", 1, "ended", 130)
    assert asked == [60_000, 60_000, 10_000]


async def test_an_early_no_is_final() -> None:
    answers = iter([{"reached": False, "clock": 1.0, "call": CALL}])

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=next(answers))

    assert not await control(answer).wait("k", 1, "held", 130)


async def test_gates_are_released_by_key() -> None:
    asked: list[tuple[str, str, object]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        asked.append((request.method, request.url.path, body))
        return httpx.Response(200, json={"released": 1})

    fakes = control(answer)
    await fakes.release("k")

    assert asked == [("POST", "/_fakes/gates/k/release", {})]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"calls": [{**CALL, "turn": "x"}]}, "calls.0.turn: Input should be a valid"),
        ({"calls": [{**CALL, "tokens": {}}]}, "calls.0.tokens.generated"),
        ({}, "calls: Field required"),
        ([], "the body"),
    ],
)
async def test_an_answer_not_as_agreed_names_what_is_wrong(
    body: object, message: str
) -> None:
    with pytest.raises(ControlError) as raised:
        await control(saying(body)).calls("k")

    assert message in str(raised.value)


async def test_a_refusal_shows_the_providers_words() -> None:
    fakes = control(saying({"error": "expected one of"}, status=404))

    with pytest.raises(ControlError, match=r"got 404: .*expected one of"):
        await fakes.calls("k")


async def test_a_provider_that_is_not_there_says_what_to_start() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("All connection attempts failed")

    with pytest.raises(ControlError, match="all connection attempts failed; is `stre"):
        await control(answer).calibrate()


async def test_the_client_is_closed_at_the_end() -> None:
    async with Control.at("http://127.0.0.1:1", Clock()) as fakes:
        pass

    assert fakes.client.is_closed


async def test_a_script_is_put_under_its_key() -> None:
    asked: list[tuple[str, str, object]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        asked.append((request.method, request.url.path, body))
        return httpx.Response(200, json={"key": "k"})

    await control(answer).put_script("k", [{"say": [{"tokens": 2}]}])

    assert asked == [("PUT", "/_fakes/scripts/k", [{"say": [{"tokens": 2}]}])]
