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

from ..errors import RequestError
from ..net.http1 import encode_response
from ..providers import DEFAULT, provider_at
from .cassette import Asked, End, Read, Recording, encode_recording, in_ms
from .errors import CassetteError, UpstreamError
from .forwarding import check, encode_request, forwarded_fields
from .redaction import redact
from .response import Progress, ResponseReader
from .upstream import Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..net.http1 import Request
    from ..net.link import Link, Peer
    from .tape import Tape
    from .upstream import Arrival, Upstream, UpstreamConnection

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
            the well-known ones.
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

    # Gates are for models.
    is_held: Final = False

    def __init__(self, desk: Desk, number: int, request: Request, link: Link) -> None:
        self._desk = desk
        self._number = number
        self._request = request
        # The client's connection; None once it is gone or has all it gets.
        self._link: Link | None = link
        self._fields = forwarded_fields(request, desk.upstream.authority)
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
            end, end_ms = await self._relay_in_time()
            await self._record(end, end_ms)
        except UpstreamError as error:
            self._fail(str(error))
        except asyncio.CancelledError:
            self._report("not recorded, the recorder was stopped")
            raise
        else:
            self._pass_on()
            self._finish(end)

    async def _relay_in_time(self) -> tuple[End, float]:
        """Relay until the response is over, or its time; return how it ended.

        Raises:
            UpstreamError: there was no response, or too much of one.
        """
        try:
            async with asyncio.timeout(self._desk.deadline_s) as self._deadline:
                return await self._relay()
        except TimeoutError:
            if self._reader.head is None:
                raise UpstreamError(
                    "expected a response before the deadline, got none"
                ) from None
            return End.SILENCE, self._reads[-1].at_ms
        finally:
            # A client may still leave, when there is nothing more to hurry.
            self._deadline = None

    async def _relay(self) -> tuple[End, float]:
        upstream = self._desk.upstream
        connection = await self._connect()
        try:
            data = encode_request(self._request, self._fields, upstream.prefix)
            self._sent_at = await connection.send(data)
            while (end := self._take(await connection.take())) is None:
                # The last of it waits until it is on the cassette.
                self._pass_on()
        finally:
            connection.close()
        return end

    async def _connect(self) -> UpstreamConnection:
        try:
            async with asyncio.timeout(CONNECT_S):
                return await self._desk.upstream.connect()
        except TimeoutError:
            raise UpstreamError(
                f"cannot reach {self._desk.upstream.url} within {CONNECT_S:g} s"
            ) from None

    def _take(self, came: Arrival | Ending) -> tuple[End, float] | None:
        """Take what came from the upstream; return how and when that was the end.

        Raises:
            UpstreamError: it is no response, or too much of one.
        """
        at_ms = in_ms(came.at - self._sent_at)
        if isinstance(came, Ending):
            return self._end(came.how), at_ms
        self._size += len(came.data)
        if self._size > MAX_RESPONSE_BYTES:
            raise UpstreamError(
                f"expected a response of at most {MAX_RESPONSE_BYTES} bytes, got more"
            )
        self._reads.append(Read(at_ms, self._reader.feed(came.data)))
        is_over = self._reader.progress is Progress.COMPLETE
        return (End.COMPLETE, at_ms) if is_over else None

    def _end(self, how: End) -> End:
        """Take the connection's end: it may be the body's, or come too early."""
        if how is End.RST:
            if self._reader.head is None:
                raise UpstreamError("expected a response, got a reset connection")
            return how
        return End.CLOSE if self._reader.close() else how

    def _pass_on(self) -> None:
        """Let the client have what it has not yet, a write per read."""
        if self._reader.head is None:
            return
        for read in self._reads[self._passed :]:
            if self._link is not None:
                self._link.write(read.data)
        self._passed = len(self._reads)

    def _fail(self, reason: str) -> None:
        """Tell the client, if it can be told, and report it to the recorder's user."""
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

    def _finish(self, end: End) -> None:
        """Let the client's response end as the upstream's did."""
        link, self._link = self._link, None
        if link is None:
            return
        if end in {End.COMPLETE, End.CLOSE}:
            keep_alive = self._reader.keeps_alive and self._request.keep_alive
            link.finish(keep_alive=keep_alive)
        elif end is End.RST:
            # A reset throws away what is still on its way.
            link.when_delivered(lambda: link.cut("rst"))
        else:
            link.cut("fin")

    # The record.

    async def _record(self, end: End, end_ms: float) -> None:
        """Put the call on the cassette, without its secrets."""
        head, request = self._reader.head, self._request
        if head is None:  # pragma: no cover -- without one there was an error before
            return
        coded = _coding(head.fields) or _coding(request.fields)
        if coded:
            self._report(
                f"not recorded: expected bodies that are not compressed, got {coded}, "
                "in which no secret could be found"
            )
            return
        recording = Recording(
            call=self._number,
            asked=Asked(
                method=request.method,
                target=request.target,
                headers=self._fields,
                body=request.body,
            ),
            reads=tuple(self._reads),
            end=end,
            end_ms=end_ms,
        )
        secret_fields = self._desk.secret_fields
        # In a thread: a long answer takes a tenth of a second, and the reads of other
        # calls are stamped in this one.
        data = await asyncio.to_thread(
            lambda: encode_recording(redact(recording, head, secret_fields))
        )
        try:
            self._desk.tape.append(data)
        except CassetteError as error:
            self._report(f"not recorded: {error}")
        else:
            self._report(
                f"recorded, {head.status}, {len(self._reads)} reads, {self._size} "
                f"bytes, {end_ms:.0f} ms, {end}"
            )

    def _report(self, line: str) -> None:
        # Without the query: there may be a key in it. As it was spelled: decoded, it
        # may hold what a terminal obeys.
        path = self._request.target.partition("?")[0]
        self._desk.report(f"call {self._number}: {self._request.method} {path}: {line}")


def _coding(fields: Iterable[tuple[str, str]]) -> str:
    """Return how a body is compressed; empty for one that is not."""
    told = [value for name, value in fields if name.lower() == "content-encoding"]
    return ", ".join(value for value in told if value.lower() not in {"", "identity"})


def _send_error(error: RequestError, request: Request, link: Link) -> None:
    """Answer in the shape of the provider that the client thinks it talks to."""
    headers, body = provider_at(request.path).refuse(error, seed=0, fingerprint="")
    keep = request.keep_alive
    link.write(encode_response(error.status, headers, body, keep_alive=keep))
    link.finish(keep_alive=keep)
