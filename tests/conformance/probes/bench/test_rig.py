"""Probes are bounded, cleaned up after, and kept apart."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import pytest
from tests.conformance.probes.raw_server import CHUNKED, HEAD, Serve, sending

from streamproof.conformance import profiles
from streamproof.conformance.errors import ControlError
from streamproof.conformance.model import Evidence
from streamproof.conformance.probes import (
    PROBES,
    Fixed,
    Minted,
    MissingError,
    Probe,
    Rig,
    Surroundings,
    Target,
    rigged,
)
from streamproof.conformance.probes.bench.context import PLAIN_PROMPT, Context
from streamproof.conformance.probes.bench.control import Control
from streamproof.conformance.probes.bench.lag import LoopLag
from streamproof.conformance.probes.bench.tokens import Credentials
from streamproof.conformance.probes.credentials import credentials as credentials_probe
from streamproof.conformance.profiles import Profile
from streamproof.conformance.steering import hold_after, say, stall
from streamproof.conformance.wire import EndingKind

NOWHERE = Target(scheme="http", host="127.0.0.1", port=1)
FAST = (
    "heartbeat.interval_s=0.01",
    "heartbeat.tolerance_s=0.01",
    "cancel.grace_s=0.0",
    "cancel.within_s=0.01",
    "errors.timeout_s=0.01",
    "terminal.close_within_s=0.01",
)
PROFILE = profiles.load("pipeline", FAST)
TOY = Path(__file__).parents[3] / "mutants/bases/toy/toy.toml"
EVERYTHING = profiles.load(str(TOY), FAST)
"""A profile that declares what any probe needs."""


def silent_provider(
    released: list[str],
    put: dict[str, object] | None = None,
    states: list[str] | None = None,
    forgotten: list[str] | None = None,
) -> Control:
    """Return a provider whose models are never called."""

    async def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "PUT" and put is not None:
            key = path.split("/")[3]
            put[key] = json.loads(request.content)
            return httpx.Response(200, json={"key": key})
        if request.method == "DELETE":
            if forgotten is not None:
                forgotten.append(path.split("/")[3])
            return httpx.Response(200, json={"forgotten": 0})
        if path.endswith("/release"):
            released.append(path.split("/")[3])
            return httpx.Response(200, json={"released": 0})
        if path.endswith("/wait"):
            if states is not None:
                states.append(request.url.params["state"])
            timeout_s = int(request.url.params["timeout_ms"]) / 1000
            await anyio.sleep(min(timeout_s, 1.0))
            return httpx.Response(200, json={"reached": False, "call": None})
        return httpx.Response(200, json={"calls": []})

    client = httpx.AsyncClient(
        base_url="http://fakes", transport=httpx.MockTransport(answer)
    )
    return Control(client=client, clock=time.monotonic)


def rig(  # noqa: PLR0913 -- one parameter per thing that tests vary
    run: Callable[[Context], Awaitable[None]],
    *,
    target: Target = NOWHERE,
    control: Control | None = None,
    credentials: Credentials | None = None,
    needs: tuple[str, ...] = (),
    seconds: float = 0.0,
    profile: Profile = PROFILE,
) -> Rig:
    probe = Probe(name="p", needs=needs, seconds=lambda _: seconds, run=run)
    surroundings = Surroundings(
        profile=profile,
        target=target,
        control=control,
        credentials=credentials or Minted("secret", wall_clock=time.time),
        clock=time.monotonic,
        wall_clock=time.time,
        patience_s=0.05,
    )
    lag = LoopLag(clock=time.monotonic, sleep=anyio.sleep)
    return Rig(surroundings=surroundings, probes={"p": probe}, seed=1, lag=lag)


async def nothing(_: Context) -> None:
    """Do nothing."""


async def test_every_key_is_forgotten_before_its_first_request_and_only_then() -> None:
    forgotten: list[str] = []
    seen: list[list[str]] = []

    async def starts(ctx: Context) -> None:
        one, other = ctx.script(part="one"), ctx.script(part="other")
        for label in ("a", "b"):
            await ctx.start(label, one)
            seen.append(forgotten.copy())
        await ctx.start("c", other)

    control = silent_provider([], forgotten=forgotten)
    await rig(starts, control=control).run("p")

    keys = [key.rpartition("-")[2] for key in forgotten]
    assert keys == ["one", "other"]
    assert [len(each) for each in seen] == [2, 2]


async def test_a_probe_that_needs_steering_lacks_a_provider() -> None:
    evidence = await rig(nothing, needs=("steering",)).run("p")

    assert evidence.missing == "no control URL of a fake provider was given"


async def test_a_missing_prerequisite_becomes_evidence() -> None:
    async def lacks(_: Context) -> None:
        raise MissingError("no second user")

    assert await rig(lacks).run("p") == Evidence(probe="p", missing="no second user")


async def test_a_probe_that_ends_by_itself_is_not_cut() -> None:
    assert not (await rig(nothing).run("p")).is_cut


async def test_a_defect_of_a_probe_comes_out_as_it_is() -> None:
    async def breaks(_: Context) -> None:
        raise ControlError("not as agreed")

    with pytest.raises(ControlError, match="not as agreed"):
        await rig(breaks).run("p")


async def test_a_probe_that_does_not_end_is_given_up_with_what_it_has() -> None:
    async def hangs(ctx: Context) -> None:
        ctx.mark("began")
        await asyncio.Event().wait()

    evidence = await rig(hangs, control=silent_provider([])).run("p")

    assert list(evidence.marks) == ["began"]
    assert evidence.is_cut
    assert not evidence.error


async def test_what_is_still_open_at_the_end_is_closed_by_us(serve: Serve) -> None:
    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await sending(CHUNKED)(reader, writer)
        await reader.read()

    async def opens(ctx: Context) -> None:
        stream = await ctx.start("stream", ctx.script())
        await stream.answered()

    evidence = await rig(opens, target=await serve(handle)).run("p")

    exchange = evidence.exchange("stream")
    assert exchange.transcript.ending.kind is EndingKind.CLOSED_BY_US
    assert ("Authorization", "Bearer $TOKEN") in exchange.request.headers


async def test_gates_that_a_probe_left_shut_are_opened() -> None:
    released: list[str] = []

    async def forgets(ctx: Context) -> None:
        script = ctx.script(hold_after(1), part="held")
        other = ctx.script(hold_after(1), part="let-go")
        await ctx.release(other)
        assert ctx.prompt(script) == script.text()

    await rig(forgets, control=silent_provider(released)).run("p")

    assert [key.partition("-")[2][9:] for key in released] == ["let-go", "held"]


async def test_where_the_prompt_has_no_room_the_script_is_put_before_the_request() -> (
    None
):
    put: dict[str, object] = {}
    known: list[set[str]] = []

    async def asks(ctx: Context) -> None:
        script = ctx.script(stall(after=1), part="a")
        assert ctx.prompt(script) == script.marker()
        await ctx.start("a", script)
        known.append(set(put))
        other = ctx.script(part="b")
        await ctx.send("b", ctx.request(other))

    profile = profiles.load("pipeline", [*FAST, "steering.mode=key"])
    one = rig(asks, control=silent_provider([], put), profile=profile)
    evidence = await one.run("p")

    [first], second = known[0], set(put)
    assert first.endswith("-a")
    assert len(second) == 2
    assert evidence.facts["scripts"] == put
    request = evidence.exchange("a").request
    assert f"[[fake:say call={first}]]" in request.body.decode()


@pytest.mark.parametrize(
    ("shown", "waits"), [("all", False), ("none", True)], ids=["shown", "hidden"]
)
async def test_a_hidden_call_is_waited_for_at_the_provider(
    serve: Serve, shown: str, *, waits: bool
) -> None:
    event = b'data: {"type": "node-enter"}\n\n'
    states: list[str] = []

    async def reads(ctx: Context) -> None:
        script = ctx.script(say(tokens=4), stall(after=2))
        stream = await ctx.start("stream", script)
        await ctx.shows(stream, script, 2, within_s=0.05)
        assert stream.tokens == 0

    control = silent_provider([], states=states)
    steering = f"steering={{mode='prompt', shown='{shown}'}}"
    if shown == "all":
        steering = "steering.shown=all"
    profile = profiles.load("pipeline", [*FAST, steering])
    target = await serve(sending(HEAD + b"\r\n" + event))
    await rig(reads, target=target, control=control, profile=profile).run("p")

    assert ("token:2" in states) is waits


async def test_without_a_provider_the_prompt_is_a_plain_one() -> None:
    prompts: list[str] = []

    async def asks(ctx: Context) -> None:
        prompts.append(ctx.prompt(ctx.script()))

    await rig(asks).run("p")

    assert prompts == [PLAIN_PROMPT]


async def test_without_a_secret_no_token_can_be_minted() -> None:
    async def forges(ctx: Context) -> None:
        ctx.surroundings.mint("someone", expires=0)

    evidence = await rig(forges, credentials=Fixed("token")).run("p")

    assert evidence.missing == "no secret to mint tokens from was given"


async def test_a_credential_that_is_none_is_told_in_words_and_not_as_it_is() -> None:
    evidence = await rig(credentials_probe).run("p")

    told = {each.label: each.token for each in evidence.exchanges if each.token}
    assert told == {
        "malformed": "no credential but the word not-a-token",
        "alg-none": "forged: the claims of a good one as an unsecured JWT (RFC 7519, "
        "section 6), which has the algorithm none and no signature",
        "bad-signature": "forged: the claims of a good one, signed with HS256 and a "
        "secret that is not the target's",
        "wrong-algorithm": "forged: a good one but for its algorithm, HS512 with the "
        "target's own secret",
        "expired": "expired: a good one until 60 s before the request",
    }
    assert "eyJ" not in repr(evidence.exchanges)


async def test_what_was_left_out_is_told_with_its_reason() -> None:
    async def needs_two(ctx: Context) -> None:
        assert not ctx.can_be_another("foreign")

    evidence = await rig(needs_two, credentials=Fixed("token")).run("p")

    assert evidence.facts["left_out"] == {
        "foreign": "there is only one user: give a secret or a command"
    }


async def test_a_stream_that_told_no_id_is_not_cancelled() -> None:
    async def cancels(ctx: Context) -> None:
        stream = await ctx.start("stream", ctx.script())
        await stream.over()
        assert await ctx.cancel("cancel", stream) is None

    evidence = await rig(cancels).run("p")

    why = "the stream has not told what the cancel must name"
    assert evidence.facts["left_out"] == {"cancel": why}


async def test_a_cancel_of_no_stream_names_one_like_the_real_one() -> None:
    async def cancels(ctx: Context) -> None:
        stream = await ctx.start("stream", ctx.script())
        await stream.over()
        await ctx.cancel("real", stream, form=1)
        await ctx.cancel("unknown", stream, form=1, is_unknown=True)

    evidence = await rig(cancels, profile=EVERYTHING).run("p")

    real, unknown = (evidence.exchange(each).request for each in ("real", "unknown"))
    assert real.method == unknown.method == "POST"
    assert real.body == unknown.body == b'{"reason": "timeout"}'
    assert real.path != unknown.path
    assert len(real.path) == len(unknown.path)


async def test_a_resume_must_be_able_to_name_its_stream() -> None:
    async def resumes(ctx: Context) -> None:
        stream = await ctx.start("stream", ctx.script())
        await stream.over()
        await ctx.resume("resumed", stream, "s-1")

    elsewhere = profiles.load("pipeline", [*FAST, "resume.path=/r/{stream}"])
    evidence = await rig(resumes, profile=elsewhere).run("p")

    assert evidence.missing == "the stream has not told the value of {stream}"


async def test_a_stream_that_was_refused_is_not_waited_for(serve: Serve) -> None:
    refusal = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    reached: list[bool] = []

    async def waits(ctx: Context) -> None:
        script = ctx.script()
        stream = await ctx.start("stream", script)
        reached.append(await ctx.reaches_for(stream, script, "held"))

    one = rig(waits, target=await serve(sending(refusal)), control=silent_provider([]))
    await one.run("p")

    assert reached == [False]


async def test_every_attempt_has_users_and_keys_of_its_own() -> None:
    seen: list[tuple[str, str]] = []

    async def looks(ctx: Context) -> None:
        seen.append((ctx.user("a"), ctx.script().key))

    one = rig(looks)
    await one.run("p")
    await one.run("p")
    await rig(looks).run("p")

    assert seen[0] != seen[1]
    assert seen[0] == seen[2]
    assert all(len(key) <= 64 for _, key in seen)


async def test_probes_of_one_user_take_turns() -> None:
    running = 0
    together: list[int] = []

    async def counts(_: Context) -> None:
        nonlocal running
        running += 1
        together.append(running)
        await asyncio.sleep(0)
        running -= 1

    one = rig(counts, credentials=Fixed("token"))
    async with anyio.create_task_group() as group:
        group.start_soon(one.run, "p")
        group.start_soon(one.run, "p")

    assert not one.runs_side_by_side
    assert together == [1, 1]


async def test_the_worst_lateness_of_a_probe_is_in_its_evidence() -> None:
    one = rig(nothing)
    one.lag._noted.append((time.monotonic() + 3600, 7200.0))

    assert (await one.run("p")).late_s == 7200.0


async def test_a_callers_deadline_leaves_time_to_clean_up() -> None:
    steered = rig(nothing, seconds=3, control=silent_provider([]))
    unsteered = rig(nothing, seconds=3)

    assert steered.deadline_s("p") == pytest.approx(3 + 2 * 0.05 + 5)
    assert unsteered.deadline_s("p") == pytest.approx(3 + 2 * (0.05 + 60) + 5)


async def test_a_rig_reaches_the_provider_and_measures_itself(serve: Serve) -> None:
    body = b'{"status": "ok", "clock": 1.5, "version": "0"}'
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    provider = await serve(sending(head % len(body) + body))
    plain = rig(nothing).surroundings

    async with rigged(
        plain, probes={}, control_url=f"http://{provider.authority}", seed=1
    ) as made:
        control = made.surroundings.control

        assert control is not None
        assert control.offset_s == pytest.approx(time.monotonic() - 1.5, abs=1)


async def test_what_is_raised_beside_a_rig_comes_out_as_it_is() -> None:
    plain = rig(nothing).surroundings

    with pytest.raises(KeyError, match="mine"):
        async with rigged(plain, probes={}, control_url=None, seed=1):
            raise KeyError("mine")


def test_every_probe_is_registered_by_its_name_and_needs_what_exists() -> None:
    for name, probe in PROBES.items():
        assert probe.name == name
        assert set(probe.needs) <= profiles.CAPABILITIES
        assert probe.seconds(EVERYTHING) > 0


@asynccontextmanager
async def every_probe_against(
    target: Target, *, patience_s: float = 0.2
) -> AsyncIterator[dict[str, Evidence]]:
    """Run all probes at once against a target that is none, on a clock that runs."""
    surroundings = Surroundings(
        profile=EVERYTHING,
        target=target,
        control=silent_provider([]),
        credentials=Minted("secret", wall_clock=time.time),
        # A hundred times as fast: what is tried again for a time ends soon.
        clock=lambda: time.monotonic() * 100,
        wall_clock=time.time,
        patience_s=patience_s,
    )
    found: dict[str, Evidence] = {}

    async def run(name: str) -> None:
        found[name] = await made.run(name)

    async with rigged(surroundings, probes=PROBES, control_url=None, seed=1) as made:
        async with anyio.create_task_group() as group:
            for name in PROBES:
                group.start_soon(run, name)
        yield found


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00 garbage\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>",
        CHUNKED + b"2\r\n\n\n\r\n0\r\n\r\n",
        CHUNKED + b"12\r\nid: a-1\ndata: {}\n\n\r\n0\r\n\r\n",
    ],
    ids=["closes", "garbage", "500", "html", "empty stream", "one event"],
)
async def test_every_probe_brings_evidence_of_a_target_that_is_none(
    serve: Serve, answer: bytes
) -> None:
    async with every_probe_against(await serve(sending(answer))) as found:
        assert set(found) == set(PROBES)
        assert [e for e in found.values() if e.missing or e.error] == []
        assert [e.probe for e in found.values() if not e.exchanges] == []


@pytest.mark.slow
async def test_every_probe_brings_evidence_of_a_target_that_is_not_there() -> None:
    # Nothing is waited for where nobody listens, however patient the suite is.
    async with every_probe_against(NOWHERE, patience_s=10) as found:
        others = [
            (evidence.probe, exchange.label, exchange.transcript.ending)
            for evidence in found.values()
            for exchange in evidence.exchanges
            if exchange.transcript.ending.kind is not EndingKind.NOT_CONNECTED
        ]

        assert others == []
