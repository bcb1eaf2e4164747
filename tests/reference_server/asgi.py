"""An ASGI client for tests: the application without sockets, with exact times.

It plays the HTTP server: hands over requests, keeps every message with its time, and
leaves when told to.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Any, Self

import jwt
from starlette.applications import Starlette
from starlette.types import Message
from tests.reference_server.model import ScriptedModel

from streamproof.reference_server.app import Environment, create_app
from streamproof.reference_server.dialects import DIALECTS, DialectMaker
from streamproof.reference_server.settings import Settings
from streamproof.reference_server.streams.runs import Runs

SECRET = "a secret that is long enough for HS256"
PATH = "/api/generation/stream"
OBSERVER = {"authorization": "Bearer watcher"}
# Wall-clock time at virtual time 0.
EPOCH = 1_800_000_000.0


def make_settings(**changes: object) -> Settings:
    """Settings for tests; the environment has no say in them."""
    defaults = {
        "jwt_secret": SECRET,
        "observe_token": "watcher",
        "database_url": "sqlite://",
    }
    return Settings.model_validate({**defaults, **changes})


def bearer(user: str = "ada", *, lifetime_s: float = 3600.0) -> dict[str, str]:
    """Credential of a user from virtual time 0 on."""
    claims = {"sub": user, "exp": EPOCH + lifetime_s}
    return {"authorization": f"Bearer {jwt.encode(claims, SECRET)}"}


@dataclass(frozen=True, slots=True)
class Event:
    """A block as a client would read it."""

    at: float
    block: bytes

    def field(self, name: str) -> str | None:
        for line in self.block.decode().split("\n"):
            key, _, value = line.partition(": ")
            if key == name:
                return value
        return None

    @property
    def data(self) -> dict[str, Any]:
        document = json.loads(self.field("data") or "null")
        assert isinstance(document, dict)
        return document

    @property
    def id(self) -> str | None:
        return self.field("id")


@dataclass
class Exchange:
    """One request and what came back so far."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    blocks: list[Event] = field(default_factory=list)
    is_complete: bool = False
    aborted: bool = False
    # While cleared, the socket takes nothing.
    writable: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def body(self) -> bytes:
        return b"".join(event.block for event in self.blocks)

    @property
    def json(self) -> dict[str, Any]:
        document = json.loads(self.body)
        assert isinstance(document, dict)
        return document

    @property
    def events(self) -> list[Event]:
        return [event for event in self.blocks if event.id is not None]

    @property
    def heartbeats(self) -> list[Event]:
        return [e for e in self.blocks if e.field("event") == "heartbeat"]

    @property
    def types(self) -> list[str]:
        return [event.data["type"] for event in self.events]

    @property
    def stream(self) -> str:
        return self.headers["x-stream-id"]

    def leave(self) -> None:
        """Disconnect."""
        self.gone.set()
        self.writable.set()

    async def wait(self, condition: Callable[[Exchange], object]) -> None:
        while not condition(self):
            self.changed.clear()
            await self.changed.wait()

    async def wait_events(self, number: int) -> None:
        await self.wait(lambda exchange: len(exchange.events) >= number)

    async def finish(self) -> Exchange:
        assert self.task is not None
        await self.task
        return self


class Client:
    """Sends requests to one application; ends everything at exit."""

    def __init__(
        self,
        model: ScriptedModel,
        dialects: Iterable[DialectMaker] = DIALECTS,
        **settings: object,
    ) -> None:
        self.model = model
        self._dialects = tuple(dialects)
        self._settings = settings
        self._ids = count(1)
        self._exchanges: list[Exchange] = []
        self._lifespans = AsyncExitStack()
        self.app: Starlette

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        await self.restart(**self._settings)
        assert loop.time() >= 0
        return self

    async def restart(self, **settings: object) -> None:
        """Put an application with these settings in place."""
        loop = asyncio.get_running_loop()
        environment = Environment(
            clock=loop.time,
            wall_clock=lambda: EPOCH + loop.time(),
            new_stream_id=lambda: f"stream{next(self._ids)}",
            random=lambda: 0.5,
            transport=self.model,
        )
        self.app = create_app(
            make_settings(**settings), environment, dialects=self._dialects
        )
        lifespan = self.app.router.lifespan_context(self.app)
        await self._lifespans.enter_async_context(lifespan)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for exchange in self._exchanges:
            exchange.leave()
        self.runs.hurry()
        await self.runs.drain()
        self.runs.forget_all()
        for exchange in self._exchanges:
            assert exchange.task is not None
            with suppress(asyncio.CancelledError):
                await exchange.task
        await self._lifespans.aclose()

    @property
    def runs(self) -> Runs:
        runs = self.app.state.runs
        assert isinstance(runs, Runs)
        return runs

    def request(
        self,
        method: str = "POST",
        path: str = PATH,
        *,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        http_version: str = "1.1",
    ) -> Exchange:
        """Send a request and return at once."""
        exchange = Exchange()
        exchange.writable.set()
        self._exchanges.append(exchange)
        scope = _scope(method, path, headers or {}, http_version)

        def abort() -> None:
            exchange.aborted = True
            exchange.leave()

        scope["state"] = {"abort_connection": abort}
        coroutine = self._exchange(scope, exchange, body)
        exchange.task = asyncio.get_running_loop().create_task(coroutine)
        return exchange

    def open(
        self,
        prompt: str = "hello",
        user: str = "ada",
        *,
        headers: dict[str, str] | None = None,
        http_version: str = "1.1",
    ) -> Exchange:
        """Start a stream."""
        all_headers = {**bearer(user), "content-type": "application/json"}
        return self.request(
            headers={**all_headers, **(headers or {})},
            body=json.dumps({"prompt": prompt}).encode(),
            http_version=http_version,
        )

    def resume(
        self,
        last_event_id: str,
        user: str = "ada",
        *,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Exchange:
        """Ask for the rest of a stream."""
        all_headers = {**bearer(user), "last-event-id": last_event_id}
        return self.request(headers={**all_headers, **(headers or {})}, body=body)

    def cancel(self, stream: str, user: str = "ada") -> Exchange:
        """Ask for a stream's end."""
        return self.request("DELETE", f"{PATH}/{stream}", headers=bearer(user))

    async def observe(self) -> dict[str, Any]:
        """Return what the observation endpoint shows."""
        return (await self.request("GET", "/observe", headers=OBSERVER).finish()).json

    async def _exchange(
        self, scope: dict[str, Any], exchange: Exchange, body: bytes
    ) -> None:
        loop = asyncio.get_running_loop()
        requests: Iterator[Message] = iter(
            [{"type": "http.request", "body": body, "more_body": False}]
        )

        async def receive() -> Message:
            for message in requests:
                return message
            await exchange.gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            await exchange.writable.wait()
            if exchange.gone.is_set():
                return
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                for name, value in message["headers"]:
                    exchange.headers[name.decode()] = value.decode()
            else:
                if message.get("body"):
                    exchange.blocks.append(Event(loop.time(), message["body"]))
                exchange.is_complete = not message.get("more_body", False)
            exchange.changed.set()

        await self.app(scope, receive, send)


def _scope(
    method: str, path: str, headers: dict[str, str], http_version: str
) -> dict[str, Any]:
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": http_version,
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (name.lower().encode(), value.encode("latin-1"))
            for name, value in headers.items()
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
