"""Wrong servers as wrappers around the right one: pure ASGI, so nothing is buffered.

A wrapper changes what goes in or what comes out. It knows HTTP, the protocol's paths
and frames, and nothing of the suite.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import anyio
import jwt
from anyio.abc import TaskGroup
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tests.mutants.base import Base
from tests.mutants.frames import Splitter, document, kind, with_document
from tests.mutants.site import Site

Wrap = Callable[[ASGIApp, Site], ASGIApp]
Emit = Callable[[bytes], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


def get_header(headers: Headers, name: str) -> str | None:
    """Return the first header of that name, or None."""
    wanted = name.lower().encode()
    return next((v.decode("latin-1") for k, v in headers if k.lower() == wanted), None)


def set_header(headers: Headers, name: str, value: str | None) -> None:
    """Set a header in place; None removes it."""
    wanted = name.lower().encode()
    headers[:] = [(k, v) for k, v in headers if k.lower() != wanted]
    if value is not None:
        headers.append((wanted, value.encode("latin-1")))


@dataclass(slots=True)
class Request:
    """A request on its way in, to be changed in place."""

    base: Base
    method: str
    path: str
    query: str
    headers: Headers
    body: bytes

    @property
    def is_start(self) -> bool:
        """Tell whether this asks for a new stream."""
        is_there = (self.method, self.path) == (self.base.method, self.base.endpoint)
        return is_there and self.cursor is None

    @property
    def is_cancel(self) -> bool:
        """Tell whether this asks for the end of a stream."""
        return self.method == "DELETE"

    @property
    def cursor(self) -> str | None:
        """The Last-Event-ID, or None."""
        return get_header(self.headers, "last-event-id")

    @cursor.setter
    def cursor(self, value: str | None) -> None:
        set_header(self.headers, "last-event-id", value)

    @property
    def stream(self) -> str:
        """The stream that is resumed or cancelled; "" for any other request."""
        if self.cursor:
            return self.cursor.rpartition("-")[0]
        return self.path.removeprefix(self.base.endpoint).strip("/")

    @property
    def credential(self) -> str | None:
        """The Authorization header, or None."""
        return get_header(self.headers, "authorization")

    @credential.setter
    def credential(self, value: str | None) -> None:
        set_header(self.headers, "authorization", value)

    @property
    def claims(self) -> dict[str, Any]:
        """What the token says of itself, believed without proof; {} if unreadable."""
        token = (self.credential or "").rpartition(" ")[2]
        try:
            found: dict[str, Any] = jwt.decode(
                token, options={"verify_signature": False}
            )
        except jwt.InvalidTokenError:
            return {}
        return found

    @property
    def user(self) -> str:
        """Whom the token names; "" if it is unreadable."""
        return str(self.claims.get("sub", ""))

    @property
    def prompt(self) -> str:
        """The user text in the body; "" if there is none."""
        try:
            body = json.loads(self.body)
        except ValueError:
            return ""
        prompt = body.get(self.base.prompt) if isinstance(body, dict) else None
        return prompt if isinstance(prompt, str) else ""


@dataclass(slots=True)
class Answer:
    """A response that is no stream, to be changed in place."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""

    @property
    def document(self) -> Any:  # noqa: ANN401 -- any JSON value
        """The JSON body."""
        return json.loads(self.body)

    @document.setter
    def document(self, value: object) -> None:
        self.body = json.dumps(value).encode()

    def get(self, name: str) -> str | None:
        """Return a header, or None."""
        return get_header(self.headers, name)

    def set(self, name: str, value: str | None) -> None:
        """Set a header; None removes it."""
        set_header(self.headers, name, value)

    async def send(self, send: Send) -> None:
        """Send it whole."""
        if self.status != 204:
            self.set("content-length", str(len(self.body)))
        start = {"status": self.status, "headers": self.headers}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": self.body})


def refusal(status: int, code: str, **headers: str) -> Answer:
    """Return a refusal of the protocol's shape; `_` in header names stands for `-`."""
    answer = Answer(status)
    answer.document = {"error": {"code": code, "message": "refused", "details": None}}
    answer.set("content-type", "application/json")
    for name, value in headers.items():
        answer.set(name.replace("_", "-"), value)
    return answer


@dataclass(slots=True)
class Reply:
    """A stream on its way out; a mutation may keep state in `memory`."""

    request: Request
    status: int
    headers: Headers
    frames: int = 0
    is_ended: bool = False
    memory: dict[str, Any] = field(default_factory=dict)

    def set(self, name: str, value: str | None) -> None:
        """Set a response header; None removes it."""
        set_header(self.headers, name, value)


OnRequest = Callable[[Request, Site], Awaitable[Answer | None]]
OnAnswer = Callable[[Answer, Request], None]
OnReply = Callable[[Reply, Emit], Coroutine[Any, Any, None]]


async def _pass(_request: Request, _site: Site) -> Answer | None:
    return None


async def _end(_reply: Reply, _emit: Emit) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """What a wrapper changes of that which passes through it.

    Attributes:
        request: edits the request in place, or answers it itself.
        answer: edits a response that is no stream.
        head: edits the head of a stream.
        frame: returns what is sent instead of one frame of a stream.
        last: may send more when the body of a stream is over, before its end.
        beside: runs while a stream is open.
        gone: told of every request whose client left before the end of the response.
        is_deaf: the server never learns that its reader has left.
    """

    request: OnRequest = _pass
    answer: OnAnswer = lambda _answer, _request: None
    head: Callable[[Reply], None] = lambda _reply: None
    frame: Callable[[bytes, Reply], bytes] = lambda frame, _reply: frame
    last: OnReply = _end
    beside: OnReply | None = None
    gone: Callable[[Request], None] = lambda _request: None
    is_deaf: bool = False

    def __call__(self, app: ASGIApp, site: Site) -> ASGIApp:
        """Wrap the right server, which makes it wrong."""

        async def wrong(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            asked, is_complete = await _read(scope, receive, site.base)
            if not is_complete:
                self.gone(asked)
                return
            if own := await self.request(asked, site):
                await own.send(send)
                return
            heard = _replay(asked.body, receive, is_deaf=self.is_deaf)
            async with anyio.create_task_group() as group:
                changer = _Changer(self, asked, send, group)
                await app(_scope(scope, asked), heard, changer)
                if not changer.is_over:
                    self.gone(asked)
                group.cancel_scope.cancel()

        return wrong


def in_events(kind_: str, change: Callable[[Any], object]) -> Wrap:
    """Change the JSON of every event of one type in place."""

    def frame(frame: bytes, _reply: Reply) -> bytes:
        if kind(frame) != kind_:
            return frame
        event = document(frame)
        change(event)
        return with_document(frame, event)

    return Mutation(frame=frame)


class _Changer:
    """The `send` of one response on its way through a mutation."""

    def __init__(
        self, mutation: Mutation, request: Request, send: Send, group: TaskGroup
    ) -> None:
        self._mutation = mutation
        self._request = request
        self._send = send
        self._group = group
        self._splitter = Splitter()
        self._reply: Reply | None = None
        self._answer: Answer | None = None
        self.is_over = False

    async def __call__(self, message: Message) -> None:
        is_start = message["type"] == "http.response.start"
        self.is_over = not is_start and not message.get("more_body", False)
        if is_start:
            await self._start(message["status"], list(message.get("headers", [])))
        elif self._reply is not None:
            await self._pass_frames(self._reply, message)
        elif self._answer is not None:
            self._answer.body += message.get("body", b"")
            if self.is_over:
                self._mutation.answer(self._answer, self._request)
                await self._answer.send(self._send)

    async def _start(self, status: int, headers: Headers) -> None:
        if "text/event-stream" not in (get_header(headers, "content-type") or ""):
            self._answer = Answer(status, headers)
            return
        self._reply = reply = Reply(self._request, status, headers)
        self._mutation.head(reply)
        start = {"status": reply.status, "headers": reply.headers}
        await self._send({"type": "http.response.start", **start})
        if self._mutation.beside is not None:
            self._group.start_soon(self._mutation.beside, reply, self._emit)

    async def _pass_frames(self, reply: Reply, message: Message) -> None:
        body = b""
        for frame in self._splitter.feed(message.get("body", b"")):
            body += self._mutation.frame(frame, reply)
            reply.frames += 1
            reply.is_ended = reply.is_ended or self._request.base.is_terminal(frame)
        if body:
            await self._emit(body)
        if self.is_over:
            await self._mutation.last(reply, self._emit)
            await self._send({"type": "http.response.body", "body": b""})

    async def _emit(self, body: bytes) -> None:
        message = {"type": "http.response.body", "body": body, "more_body": True}
        await self._send(message)


async def _read(scope: Scope, receive: Receive, base: Base) -> tuple[Request, bool]:
    """Return the request, and whether all of its body came."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    request = Request(
        base=base,
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=list(scope["headers"]),
        body=body,
    )
    return request, message["type"] == "http.request"


def _scope(scope: Scope, request: Request) -> Scope:
    set_header(request.headers, "content-length", str(len(request.body)))
    return {
        **scope,
        "method": request.method,
        "path": request.path,
        "raw_path": request.path.encode(),
        "query_string": request.query.encode("latin-1"),
        "headers": request.headers,
    }


def _replay(body: bytes, receive: Receive, *, is_deaf: bool) -> Receive:
    """Return a `receive` that gives the body again, then what really comes."""
    is_read = False

    async def receive_again() -> Message:
        nonlocal is_read
        if not is_read:
            is_read = True
            return {"type": "http.request", "body": body, "more_body": False}
        if is_deaf:
            await anyio.sleep_forever()
        return await receive()

    return receive_again
