"""How many events a second the wire decoder reads, against two peers on the same bytes.

Must not judge: it prints and stores figures, and no test depends on them.

Every reader gets the same chunks, is first checked to find the same events, and then
takes its turn in each round, so that a slow moment of the machine hits all of them. The
figure is the median of the rounds.

- `streamproof`: `Decoder`, with spans, anomalies and line-end counts on, as always.
- `httpx-sse`: `EventSource.iter_sse` over an `httpx.Response` of these chunks, which is
  how the library is used; httpx's own share (body and text iteration) is part of it.
- `httpx-sse bare`: its line and event decoders fed from an incremental UTF-8 decoder,
  without httpx: the best one could get out of it.
- `sseclient-py`: `SSEClient.events` over the chunks.
"""

from __future__ import annotations

import argparse
import codecs
import json
import platform
import random
import statistics
import string
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from httpx_sse import EventSource
from httpx_sse._decoders import SSEDecoder, SSELineDecoder
from sseclient import SSEClient

from ...conformance.wire import Decoder, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

OURS = "streamproof"
PEER = "httpx-sse"
CHUNK_BYTES = {"per event": None, "4 KiB": 4096, "64 KiB": 65536}
EVENT_BYTES = {"120 B": 120, "1 KiB": 1024}
SEED = 20260


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One reader on one body: events per second, median of the rounds."""

    events: str
    chunks: str
    reader: str
    events_per_s: int
    ratio_to_peer: float


class _Body(httpx.SyncByteStream):
    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)


def read_streamproof(chunks: Sequence[bytes]) -> Iterator[str]:
    """Yield the data of each event."""
    decoder = Decoder()
    for chunk in chunks:
        for item in decoder.feed(chunk):
            if isinstance(item, Event):
                yield item.data
    decoder.close()


def read_httpx_sse(chunks: Sequence[bytes]) -> Iterator[str]:
    """Yield the data of each event."""
    headers = {"content-type": "text/event-stream"}
    response = httpx.Response(200, headers=headers, stream=_Body(chunks))
    for event in EventSource(response).iter_sse():
        yield event.data


def read_httpx_sse_bare(chunks: Sequence[bytes]) -> Iterator[str]:
    """Yield the data of each event."""
    decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
    lines, events = SSELineDecoder(), SSEDecoder()
    for chunk in chunks:
        for line in lines.decode(decode(chunk)):
            event = events.decode(line)
            if event is not None:
                yield event.data


def read_sseclient(chunks: Sequence[bytes]) -> Iterator[str]:
    """Yield the data of each event."""
    for event in SSEClient(iter(chunks)).events():
        yield event.data


READERS: dict[str, Callable[[Sequence[bytes]], Iterator[str]]] = {
    OURS: read_streamproof,
    PEER: read_httpx_sse,
    "httpx-sse bare": read_httpx_sse_bare,
    "sseclient-py": read_sseclient,
}


def make_events(count: int, size: int) -> list[bytes]:
    """Make events like an LLM's token stream, each of about `size` bytes in all."""
    rng = random.Random(SEED)
    events = []
    for n in range(count):
        payload = {"type": "token", "seq": n, "delta": ""}
        head = f"id: r7f3a-{n}\nevent: state_delta\ndata: "
        room = size - len(head) - len(json.dumps(payload)) - 2
        payload["delta"] = "".join(rng.choices(string.ascii_letters + "  ", k=room))
        events.append(f"{head}{json.dumps(payload)}\n\n".encode())
    return events


def cut(events: Sequence[bytes], size: int | None) -> list[bytes]:
    """Cut a body into chunks of `size` bytes, or leave one chunk per event."""
    if size is None:
        return list(events)
    body = b"".join(events)
    return [body[at : at + size] for at in range(0, len(body), size)]


def measure(chunks: Sequence[bytes], runs: int) -> dict[str, float]:
    """Return the median seconds each reader takes, after checking that they agree."""
    expected = list(read_streamproof(chunks))
    for name, read in READERS.items():
        if list(read(chunks)) != expected:
            raise SystemExit(f"expected {name} to find the same events as {OURS}")
    seconds: dict[str, list[float]] = {name: [] for name in READERS}
    for _ in range(runs):
        for name, read in READERS.items():
            started = time.perf_counter()
            for _data in read(chunks):
                pass
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def run(count: int, runs: int) -> list[Figure]:
    """Measure every reader on every body."""
    figures = []
    for events_name, event_bytes in EVENT_BYTES.items():
        events = make_events(count, event_bytes)
        for chunks_name, chunk_bytes in CHUNK_BYTES.items():
            medians = measure(cut(events, chunk_bytes), runs)
            figures += [
                Figure(
                    events=events_name,
                    chunks=chunks_name,
                    reader=name,
                    events_per_s=round(count / median),
                    ratio_to_peer=round(medians[PEER] / median, 2),
                )
                for name, median in medians.items()
            ]
    return figures


def print_table(figures: Sequence[Figure]) -> None:
    """Print one line per body and reader."""
    print(f"{'events':<8}{'chunks':<12}{'reader':<16}{'events/s':>10}{'x ' + PEER:>14}")
    for f in figures:
        speed = f"{f.events_per_s:>10,}{f.ratio_to_peer:>14.2f}"
        print(f"{f.events:<8}{f.chunks:<12}{f.reader:<16}{speed}")


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000, help="events per body")
    parser.add_argument("--runs", type=int, default=7, help="rounds per body")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    figures = run(options.events, options.runs)
    print_table(figures)
    if options.json is not None:
        peers = ("httpx", "httpx-sse", "sseclient-py")
        document = {
            "python": platform.python_version(),
            "versions": {name: version(name) for name in peers},
            "figures": [asdict(figure) for figure in figures],
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
