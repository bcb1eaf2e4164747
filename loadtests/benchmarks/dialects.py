"""The targets that the page of each dialect names, at the load it names them for.

One server, its SQLite in memory, and one fake model on this machine, which paces its
tokens; each case has the streams of its page at once. When the model sent a token is
what its journal says, when an event came is what the client saw; both read
CLOCK_MONOTONIC. Must not judge: it prints what was wanted beside what was measured.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from rich.console import Console
from rich.table import Table

from ...conformance.wire import Decoder, Event
from .figures import percentile
from .procfs import cpu_s, peak_mib, resident_mib
from .stack import Stack, running

KB: Final = "00000000-0000-4000-8000-000000000001"
STREAMS_PER_USER: Final = 3
PATIENCE_S: Final = 90.0
PROGRAMME: Final = (
    r'[[fake:say text="{\"exercises\": [{\"name\": \"Wall slide\", \"sets\": 3, '
    r'\"reps\": 10}], \"notes\": \"Stop where it hurts, and rest for a day.\"}" '
    "call={key}]]"
)

_keys = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Came:
    """One event, and when it came, seconds of the monotonic clock."""

    at: float
    data: dict[str, Any]

    @property
    def kind(self) -> str:
        """What the dialect calls it."""
        names = ("event", "type", "stage")
        return next((str(self.data[n]) for n in names if n in self.data), "")


@dataclass(slots=True)
class Talk:
    """One stream from its request on."""

    key: str
    asked_at: float = 0.0
    status: int = 0
    first_byte_at: float = 0.0
    has_begun: asyncio.Event = field(default_factory=asyncio.Event)
    has_failed: bool = False
    events: list[Came] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)

    def of(self, *kinds: str) -> list[Came]:
        """Return the events of some kinds."""
        return [each for each in self.events if each.kind in kinds]

    def sent(self, turn: int) -> list[float]:
        """Return when the model sent each token of a call."""
        events = self.calls[turn - 1]["events"]
        return [float(each["at"]) for each in events if each["name"] == "token_sent"]


@dataclass(frozen=True, slots=True)
class Row:
    """One target."""

    target: str
    wanted: str
    measured: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One dialect under the load of its page.

    Attributes:
        name: of the case.
        streams: at once; the one behind them is refused where `is_full`.
        method: of the request.
        path: of it.
        parameters: makes body or query out of the user's own text.
        prompt: that text; `{key}` is the key of the model's calls.
        rows: what is said of the streams.
        is_full: whether one more is refused.
        may_fail: whether an error is a result and not the end of the benchmark.
    """

    name: str
    streams: int
    method: str = "POST"
    path: str
    parameters: Callable[[str], Mapping[str, object]]
    prompt: str
    rows: Callable[[Sequence[Talk]], Iterable[Row]]
    is_full: bool = False
    may_fail: bool = False


def seconds(values: Iterable[float], percent: float = 100) -> str:
    """Show a percentile of some times."""
    return f"{percentile(list(values), percent):.3f} s"


def ms(values: Iterable[float], percent: float = 99) -> str:
    """Show a percentile of some times."""
    return f"{percentile(list(values), percent) * 1000:.1f} ms"


def first_events(talks: Sequence[Talk]) -> Iterable[Row]:
    """Judge nothing but the first event."""
    first = [talk.first_byte_at - talk.asked_at for talk in talks]
    yield Row("first event, the latest", "< 0.5 s", seconds(first))


def draft_rows(talks: Sequence[Talk]) -> Iterable[Row]:
    """Return what the page of `draft` promises."""
    sources = [t.of("sources_retrieved")[0].at - t.asked_at for t in talks]
    chunks = [t.of("content_chunk") for t in talks]
    first = [c[0].at - t.asked_at for t, c in zip(talks, chunks, strict=True)]
    rates = [(len(c) - 1) / (c[-1].at - c[0].at) for c in chunks]
    # The marker is the token behind the first half of the words.
    markers = [t.sent(1)[len(t.sent(1)) // 2] for t in talks]
    cited = [t.of("citation")[0].at for t in talks]
    ends = [t.of("generation_complete") for t in talks]
    words = [end[0].data["word_count"] for end in ends]
    model = [(len(t.sent(1)) - 1) / (t.sent(1)[-1] - t.sent(1)[0]) for t in talks]
    yield Row("model, tokens/s", "50 to 100", f"{min(model):.0f} to {max(model):.0f}")
    yield Row("sources_retrieved, the latest", "< 2 s", seconds(sources))
    yield Row("first content_chunk, the latest", "< 3 s", seconds(first))
    yield Row("content_chunk/s", "10 to 20", f"{min(rates):.1f} to {max(rates):.1f}")
    delays = [at - sent for at, sent in zip(cited, markers, strict=True)]
    yield Row("citation after its marker, max", "< 500 ms", ms(delays, 100))
    whole = [e[0].at - t.asked_at for t, e in zip(talks, ends, strict=True)]
    limit = "< 30 s" if max(words) < 1000 else "< 60 s"  # noqa: PLR2004 -- 500 or 2000
    yield Row(f"{min(words)} words, the latest", limit, seconds(whole))


def chat_rows(talks: Sequence[Talk]) -> Iterable[Row]:
    """Return what the page of `chat` promises."""
    tokens = [t.of("token") for t in talks]
    first = [c[0].at - t.asked_at for t, c in zip(talks, tokens, strict=True)]
    yield Row("first token, the latest", "< 1 s", seconds(first))
    routed = [_ended(t, 1) for t in talks]
    stages = [
        t.of("retrieval_start")[0].at - at for t, at in zip(talks, routed, strict=True)
    ]
    yield Row("first stage after the supervisor, max", "< 200 ms", ms(stages, 100))
    rest = [
        t.of("reranking_complete")[0].at - t.of("retrieval_start")[0].at for t in talks
    ]
    yield Row("all four stages, max", "< 200 ms", ms(rest, 100))
    delays = [
        came.at - sent
        for t, c in zip(talks, tokens, strict=True)
        for came, sent in zip(c, t.sent(2), strict=True)
    ]
    yield Row("token, model to client, p99", "< 50 ms", ms(delays))


def fault_rows(talks: Sequence[Talk]) -> Iterable[Row]:
    """Return how many streams end well though their model is overloaded at times."""
    calls = sum(len(talk.calls) for talk in talks)
    good = sum(not talk.has_failed for talk in talks)
    yield Row("model calls a stream", "", f"{calls / len(talks):.1f}")
    yield Row("streams that end well", ">= 95 %", f"{good * 100 / len(talks):.0f} %")


def _ended(talk: Talk, turn: int) -> float:
    events = talk.calls[turn - 1]["events"]
    return next(float(each["at"]) for each in events if each["name"] == "ended")


def draft(name: str, streams: int, half: int) -> Case:
    """Return a draft with a marker in its middle."""
    # Of two words of a script that are the same the second counts for nothing.
    first, second = (f"[[fake:say tokens={n} call={{key}}]]" for n in (half, half - 1))
    return Case(
        name=name,
        streams=streams,
        path="/api/v1/generate",
        parameters=lambda text: {
            "kb_id": KB,
            "document_type": "rfp_response",
            "context": text,
        },
        prompt=f'{first} [[fake:say text="[1] " call={{key}}]] {second} '
        "[[fake:delay first=300 each=13 call={key}]]",
        rows=draft_rows,
    )


CASES: Final = (
    Case(
        name="pipeline",
        streams=50,
        path="/api/generation/stream",
        parameters=lambda text: {"prompt": text},
        prompt="[[fake:say tokens=20 call={key}]] [[fake:delay each=20 call={key}]]",
        rows=first_events,
    ),
    Case(
        name="exercise",
        streams=50,
        path="/api/generate-stream",
        parameters=lambda text: {"prompt": f"a stiff shoulder {text}"},
        prompt=PROGRAMME + " [[fake:delay first=300 each=20 call={key}]]",
        rows=first_events,
    ),
    draft("draft, 500 words", 5, 250),
    draft("draft, 2000 words", 5, 1000),
    Case(
        name="chat",
        streams=10,
        path="/chat/stream",
        parameters=lambda text: {"message": text},
        prompt='[[fake:say text="retrieval" call={key} turn=1]] '
        "[[fake:say tokens=200 call={key} turn=2]] "
        "[[fake:delay first=200 each=20 call={key}]]",
        rows=chat_rows,
    ),
    Case(
        name="chat, faults",
        streams=100,
        path="/chat/stream",
        parameters=lambda text: {"message": text},
        # Each of the two calls is refused twice, which leaves one attempt of three.
        prompt="[[fake:fail status=503 call={key} turn=1]] "
        "[[fake:fail status=529 call={key} turn=2]] "
        "[[fake:fail status=429 call={key} turn=4-5]] "
        '[[fake:say text="retrieval" call={key} turn=3]] '
        "[[fake:say tokens=50 call={key} turn=6]]",
        rows=fault_rows,
        may_fail=True,
    ),
    Case(
        name="story",
        streams=100,
        method="GET",
        path="/api/v1/stories/generate/stream",
        parameters=lambda text: {"child_id": 7, "theme": text},
        prompt="[[fake:say tokens=120 call={key} turn=1]] "
        "[[fake:delay first=300 each=20 call={key}]]",
        rows=first_events,
        is_full=True,
    ),
)


async def measure(stack: Stack, case: Case) -> list[Row]:
    """Run the streams of a case at once; return its rows, and what they cost."""
    talks = [Talk(f"dialects{next(_keys)}") for _ in range(case.streams)]
    pid = stack.server_pid
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=PATIENCE_S, limits=limits) as http:
        idle_mib, idle_s = resident_mib(pid), cpu_s(pid)
        extra: list[Row] = []
        async with asyncio.TaskGroup() as group:
            for number, talk in enumerate(talks):
                user = f"{case.name} {number // STREAMS_PER_USER}"
                group.create_task(_talk(http, stack, case, talk, user))
            if case.is_full:
                extra.append(await _refused(http, stack, case, talks))
        used_s = cpu_s(pid) - idle_s
        for talk in talks:
            answer = await http.get(
                f"{stack.fakes}/_fakes/calls", params={"key": talk.key}
            )
            talk.calls = answer.json()["calls"]
    tokens = sum(call["tokens"]["sent"] for t in talks for call in t.calls)
    grown_mib = (peak_mib(pid) - idle_mib) / case.streams
    return [
        *case.rows(talks),
        *extra,
        Row("memory a stream, at most", "< 10 MB", f"{grown_mib:.2f} MiB"),
        Row("server CPU a model token", "", f"{used_s / tokens * 1e6:.0f} µs"),
    ]


async def _talk(
    http: httpx.AsyncClient, stack: Stack, case: Case, talk: Talk, user: str
) -> None:
    async with _ask(http, stack, case, talk.key, user) as (asked_at, response):
        talk.asked_at, talk.status = asked_at, response.status_code
        if not response.is_success:
            raise RuntimeError(f"{case.name}: expected a stream, got {talk.status}")
        decoder = Decoder()
        async for data in response.aiter_raw():
            at = time.monotonic()
            talk.first_byte_at = talk.first_byte_at or at
            talk.has_begun.set()
            talk.events += [
                Came(at, json.loads(item.data))
                for item in decoder.feed(data)
                if isinstance(item, Event)
            ]
    last = talk.events[-1]
    talk.has_failed = "error" in last.data or last.kind == "error"
    if talk.has_failed and not case.may_fail:
        raise RuntimeError(f"{case.name}: expected a good end, got {last.data}")


async def _refused(
    http: httpx.AsyncClient, stack: Stack, case: Case, talks: Sequence[Talk]
) -> Row:
    """Ask for one more when all are there."""
    await asyncio.gather(*(talk.has_begun.wait() for talk in talks))
    async with _ask(http, stack, case, "one-more", "one more") as (_, response):
        number = case.streams + 1
        return Row(f"stream {number}", "503", str(response.status_code))


@contextlib.asynccontextmanager
async def _ask(
    http: httpx.AsyncClient, stack: Stack, case: Case, key: str, user: str
) -> AsyncIterator[tuple[float, httpx.Response]]:
    """Send one request; yield when, and the response whose head has come."""
    parameters = case.parameters(case.prompt.replace("{key}", key))
    is_get = case.method == "GET"
    request = http.build_request(
        case.method,
        stack.server + case.path,
        params={k: str(v) for k, v in parameters.items()} if is_get else None,
        json=None if is_get else parameters,
        headers=stack.bearer(user),
    )
    asked_at = time.monotonic()
    response = await http.send(request, stream=True)
    try:
        yield asked_at, response
    finally:
        await response.aclose()


def main() -> None:
    """Run the cases, and print a table of each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--case", action="append", help="a case; may be repeated")
    chosen = parser.parse_args().case
    with running() as stack:
        for case in CASES:
            if chosen is None or case.name in chosen:
                rows = asyncio.run(measure(stack, case))
                table = Table(
                    "target", "wanted", "measured", title=f"{case.name}: {case.streams}"
                )
                for row in rows:
                    table.add_row(row.target, row.wanted, row.measured)
                Console().print(table)


if __name__ == "__main__":
    main()
