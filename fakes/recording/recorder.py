"""The recorder: passes calls on to a service, and writes down what it says.

Every read of the response goes on to the client at once, and every byte of it, as it
came off the upstream's socket, once its head is whole (until then the client may still
be told that the upstream talks nonsense). A call is on the cassette before its last
bytes go on. The client may leave whenever it likes: the recorder reads on to the end.

Bounds: requests as in `http1`, a response of `MAX_RESPONSE_BYTES`, `CONNECT_S` to
reach the upstream, and a deadline for the whole response.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from ..errors import RequestError
from ..http1 import encode_response
from ..providers import DEFAULT, provider_at
from .cassette import Asked, End, Read, Recording, in_ms
from .errors import CassetteError, UpstreamError
from .forwarding import check, encode_request, forwarded_fields
from .redaction import Secrets
from .response import Progress, ResponseReader
from .upstream import Arrival, Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..call import Peer
    from ..http1 import Request
    from ..link import Link
    from .response import Head
    from .tape import Tape
    from .upstream import Upstream, UpstreamConnection

__all__ = ["Desk", "Recorder"]

# An answer of 100 000 tokens, an event each, is about 30 MB.
MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024
CONNECT_S: Final = 10.0
# How long the rest of a response may take whose client is gone.
AFTER_LEAVING_S: Final = 60.0
BAD_GATEWAY: Final = 502


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What every call of one recorder shares.

    Args:
        secret_fields: names (in lower case) of header fields that are secret, beside
            those that everybody knows.
        deadline_s: how long a response may take, from its request on.
        report: told a line about every call.
    """

    upstream: Upstream
    tape: Tape
    secret_fields: frozenset[str]
    deadline_s: float
    report: Callable[[str], None]


class Recorder:
    """Takes the requests of clients."""

    def __init__(self, desk: Desk, tasks: asyncio.TaskGroup) -> None:
        """Number calls from where the cassette ends."""
        self._desk = desk
        self._group = tasks
        self._calls = desk.tape.calls
        self._running: set[asyncio.Task[None]] = set()

    def handle(self, request: Request, link: Link) -> None:
        """Attach the call that brings the answer, or refuse."""
        try:
            check(request)
        except RequestError as error:
            _send_error(error, request, link)
            return
        self._calls += 1
        call = _Call(self._desk, self._calls, request, link)
        link.attach(call)
        task = self._group.create_task(call.run())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def refuse(self, error: RequestError, link: Link) -> None:
        """Answer what is no request at all, then hang up."""
        headers, body = DEFAULT.refuse(error, seed=0, fingerprint="")
        link.write(encode_response(error.status, headers, body, keep_alive=False))
        link.finish(keep_alive=False)

    def stop(self) -> None:
        """Give up every call that is still running."""
        for task in self._running:
            task.cancel()


class _Call:
    """One call on its way: an exchange for the client, a reader for the upstream."""

    def __init__(self, desk: Desk, number: int, request: Request, link: Link) -> None:
        self._desk = desk
        self._number = number
        self._request = request
        # The client's connection; None once it is gone or has all it gets.
        self._link: Link | None = link
        self._reader = ResponseReader(request.method)
        self._deadline: asyncio.Timeout | None = None
        self._sent_at = 0.0
        self._reads: list[Read] = []
        self._size = 0
        # Reads that the client has.
        self._passed = 0

    # What the client's connection tells us.

    def writable(self) -> None:
        """Nothing waits for this: what the client does not take is bounded."""

    def peer_left(self, peer: Peer) -> None:  # noqa: ARG002 -- however it left
        """Read on without the client, but not for ever."""
        self._link = None
        deadline = self._deadline
        if deadline is not None and not deadline.expired():
            soon = asyncio.get_running_loop().time() + AFTER_LEAVING_S
            deadline.reschedule(min(soon, deadline.when() or soon))

    def shut_down(self) -> None:
        """The recorder stops; `run` is cancelled."""
        self._link = None

    # The call.

    async def run(self) -> None:
        """Bring the answer, and write it down."""
        try:
            async with asyncio.timeout(self._desk.deadline_s) as self._deadline:
                await self._relay()
        except TimeoutError:
            self._give_up()
        except UpstreamError as error:
            self._fail(str(error))
        except asyncio.CancelledError:
            self._report("not recorded, the recorder was stopped")
            raise

    async def _relay(self) -> None:
        upstream = self._desk.upstream
        connection = await self._connect()
        try:
            fields = forwarded_fields(self._request, upstream.authority)
            data = encode_request(self._request, fields, upstream.prefix)
            self._sent_at = await connection.send(data)
            while not self._take(await connection.take()):
                pass
        finally:
            connection.close()

    async def _connect(self) -> UpstreamConnection:
        try:
            async with asyncio.timeout(CONNECT_S):
                return await self._desk.upstream.connect()
        except TimeoutError:
            raise UpstreamError(
                f"cannot reach {self._desk.upstream.url} within {CONNECT_S:g} s"
            ) from None

    def _take(self, came: Arrival | Ending) -> bool:
        """Take what came from the upstream; True if it was the last of it.

        Raises:
            UpstreamError: it is no response, or too much of one.
        """
        at_ms = in_ms(came.at - self._sent_at)
        match came:
            case Arrival(data=data):
                self._add(at_ms, data)
                if self._reader.progress is Progress.COMPLETE:
                    self._record(End.COMPLETE, at_ms)
                    self._pass_on()
                    self._finish(keep_alive=self._reader.keeps_alive)
                    return True
                self._pass_on()
                return False
            case Ending(how=how):
                self._end(how, at_ms)
                return True

    def _add(self, at_ms: float, data: bytes) -> None:
        self._size += len(data)
        if self._size > MAX_RESPONSE_BYTES:
            raise UpstreamError(
                f"expected a response of at most {MAX_RESPONSE_BYTES} bytes, got more"
            )
        self._reads.append(Read(at_ms, self._reader.feed(data)))

    def _pass_on(self) -> None:
        """Let the client have what it has not yet, a write per read."""
        if self._reader.head is None:
            return
        for read in self._reads[self._passed :]:
            if self._link is not None:
                self._link.write(read.data)
        self._passed = len(self._reads)

    def _end(self, how: End, at_ms: float) -> None:
        """Take the connection's end: it may be the body's, or come too early."""
        if how is End.RST and self._reader.head is None:
            raise UpstreamError("expected a response, got a reset connection")
        if how is End.FIN and self._reader.close():
            self._record(End.CLOSE, at_ms)
            self._finish(keep_alive=False)
            return
        self._record(how, at_ms)
        self._cut(how)

    def _give_up(self) -> None:
        """Write down what came before the deadline, and nothing after it."""
        if self._reader.head is None:
            self._fail("expected a response before the deadline, got none")
            return
        self._record(End.SILENCE, self._reads[-1].at_ms)
        self._cut(End.FIN)

    def _fail(self, reason: str) -> None:
        """Tell the client, if it can be told, and whoever runs the recorder."""
        self._report(f"not recorded: {reason}")
        link, self._link = self._link, None
        if link is None:
            return
        if self._passed:
            link.cut("fin")
            return
        _send_error(
            RequestError(f"the recorder got no answer: {reason}", status=BAD_GATEWAY),
            self._request,
            link,
        )

    def _finish(self, *, keep_alive: bool) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.finish(keep_alive=keep_alive and self._request.keep_alive)

    def _cut(self, how: End) -> None:
        link, self._link = self._link, None
        if link is None:
            return
        if how is End.RST:
            # A reset throws away what is still on its way.
            link.when_delivered(lambda: link.cut("rst"))
        else:
            link.cut("fin")

    # The record.

    def _record(self, end: End, end_ms: float) -> None:
        """Put the call on the cassette, without its secrets."""
        head = self._reader.head
        if head is None:  # pragma: no cover -- every caller has seen one
            return
        if head.field("content-encoding").lower() not in {"", "identity"}:
            self._report(
                "not recorded: expected a body that is not compressed, as was asked "
                f"for, got {head.field('content-encoding')}, in which no secret could "
                "be found"
            )
            return
        try:
            self._desk.tape.write(self._recording(head, end, end_ms))
        except CassetteError as error:
            self._report(f"not recorded: {error}")
        else:
            self._report(
                f"recorded, {head.status}, {len(self._reads)} reads, {self._size} "
                f"bytes, {end_ms:.0f} ms, {end}"
            )

    def _recording(self, head: Head, end: End, end_ms: float) -> Recording:
        request = self._request
        fields = forwarded_fields(request, self._desk.upstream.authority)
        query = parse_qsl(urlsplit(request.target).query)
        secrets = Secrets(request.fields, query, more_fields=self._desk.secret_fields)
        response = b"".join(read.data for read in self._reads)
        masked = secrets.mask_response(response, head)
        reads, place = [], 0
        for read in self._reads:
            data = masked[place : place + len(read.data)]
            reads.append(Read(read.at_ms, data))
            place += len(read.data)
        return Recording(
            call=self._number,
            asked=Asked(
                method=request.method,
                target=secrets.redact_target(request.target),
                headers=secrets.redact_fields(fields),
                body=secrets.redact_body(request.body),
            ),
            reads=tuple(reads),
            end=end,
            end_ms=end_ms,
        )

    def _report(self, line: str) -> None:
        # Without the query: there may be a key in it.
        self._desk.report(
            f"call {self._number}: {self._request.method} {self._request.path}: {line}"
        )


def _send_error(error: RequestError, request: Request, link: Link) -> None:
    """Answer in the shape of the provider that the client thinks it talks to."""
    headers, body = provider_at(request.path).refuse(error, seed=0, fingerprint="")
    keep = request.keep_alive
    link.write(encode_response(error.status, headers, body, keep_alive=keep))
    link.finish(keep_alive=keep)
