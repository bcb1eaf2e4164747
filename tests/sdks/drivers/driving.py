"""What every driver shares: cells come in over stdin, what was seen leaves on stdout.

A driver runs in an environment that holds one SDK and nothing of ours, so this module
imports the standard library alone. It expects nothing of a cell and judges nothing.

It is started with the URL of a server. A first line of JSON on stdout says what is
installed and which surfaces there are. It is told what to ask in one line of JSON on
stdin, `[[Cell, …], …]`: waves, whose cells run side by side and which themselves run
one after the other. Each cell is answered with one line of JSON on stdout, in the order
in which they end. The driver then keeps its clients open until stdin is closed: a
connection that is gone before was closed by the SDK, not by the end of the process.
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.metadata
import json
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

Client = TypeVar("Client")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One question to one surface of an SDK.

    Args:
        id: What the answer is to be called.
        surface: The way of asking.
        prompt: The text to send, directives included.
        timeout_s: The read timeout that the client is given.
        offers_tools: Whether the request says which tools there are.
    """

    id: str
    surface: str
    prompt: str
    timeout_s: float
    offers_tools: bool


@dataclasses.dataclass(slots=True, kw_only=True)
class Seen:
    """What a client has been told so far; what came before an error stays.

    Args:
        text: The visible text.
        text_pieces: How many pieces the text came in.
        thoughts: Reasoning, where the SDK has a place for it.
        refusal: The text of a refusal, where it is told apart from other text.
        tools: Name and arguments (JSON) of each call, in order.
        tool_pieces: How many pieces the arguments of all calls came in.
        stop: Why the answer ended, in the SDK's word.
        usage: Token counts under our names: input, output, cached, thinking.
        error: What was raised, or told as an error.
    """

    text: str = ""
    text_pieces: int = 0
    thoughts: str = ""
    refusal: str = ""
    tools: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    tool_pieces: int = 0
    stop: str | None = None
    usage: dict[str, int] = dataclasses.field(default_factory=dict)
    error: dict[str, Any] | None = None

    def add_text(self, piece: str | None) -> None:
        if piece:
            self.text += piece
            self.text_pieces += 1

    def add_tool(self, name: str, arguments: object) -> None:
        """Add a call that was told whole; arguments are JSON or what it stands for."""
        as_json = arguments if isinstance(arguments, str) else json.dumps(arguments)
        self.tools.append((name, as_json))

    def open_tool(self, name: str) -> None:
        """Begin a call whose arguments come in pieces."""
        self.tools.append((name, ""))

    def extend_tool(self, position: int, piece: str | None) -> None:
        if piece:
            name, arguments = self.tools[position]
            self.tools[position] = (name, arguments + piece)
            self.tool_pieces += 1

    def count(self, **counts: int | None) -> None:
        self.usage.update({k: v for k, v in counts.items() if v is not None})


Ask = Callable[[Cell, Seen], Awaitable[None]]
"""Asks what the cell says and writes down what the SDK tells."""

Surfaces = Callable[[str], Mapping[str, Ask]]
"""Makes the ways of asking that an SDK has, for the URL of a server."""


def in_thread(ask: Callable[[Cell, Seen], None]) -> Ask:
    """Let a client that blocks run beside the others."""

    async def run(cell: Cell, seen: Seen) -> None:
        await asyncio.to_thread(ask, cell, seen)

    return run


def kept(make: Callable[[float], Client]) -> Callable[[float], Client]:
    """Make one client per timeout and keep it, whichever thread asks for it.

    `functools.cache` may make two and drop one, and some SDKs close the connections of
    a client that is dropped.
    """
    clients: dict[float, Client] = {}
    lock = threading.Lock()

    def get(timeout_s: float) -> Client:
        with lock:
            if timeout_s not in clients:
                clients[timeout_s] = make(timeout_s)
            return clients[timeout_s]

    return get


def named(error: BaseException) -> str:
    package = type(error).__module__.partition(".")[0]
    name = type(error).__name__
    return name if package == "builtins" else f"{package}.{name}"


def described(error: BaseException) -> dict[str, Any]:
    """Say of an error what a program could tell it by."""
    status = getattr(error, "status_code", getattr(error, "code", None))
    return {
        "type": named(error),
        "cause": named(error.__cause__) if error.__cause__ else None,
        "status": status if isinstance(status, int) else None,
        "message": str(error),
    }


def write(value: object) -> None:
    sys.stdout.write(f"{json.dumps(value)}\n")
    sys.stdout.flush()


async def run_cell(cell: Cell, surfaces: Mapping[str, Ask]) -> None:
    seen = Seen()
    try:
        await surfaces[cell.surface](cell, seen)
    except Exception as error:  # noqa: BLE001 -- whatever an SDK raises is the finding
        seen.error = described(error)
    write({"id": cell.id, "seen": dataclasses.asdict(seen)})


def installed() -> dict[str, str]:
    distributions = importlib.metadata.distributions()
    return {found.name: found.version for found in distributions}


async def run(surfaces: Mapping[str, Ask]) -> None:
    write({"installed": installed(), "surfaces": list(surfaces)})
    for wave in json.loads(await asyncio.to_thread(sys.stdin.readline)):
        await asyncio.gather(*(run_cell(Cell(**cell), surfaces) for cell in wave))
    await asyncio.to_thread(sys.stdin.read)


def main(make: Surfaces) -> None:
    asyncio.run(run(make(sys.argv[1])))
