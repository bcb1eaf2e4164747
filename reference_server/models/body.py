"""Body of the model's answer, which is given up when an event in it does not end.

It must not know what an event is: whoever reads the body says when one has ended. What
is counted are bytes from the network, so a body must not be compressed.
"""

from collections.abc import AsyncIterator

import httpx

from .openai_chat import BrokenStreamError

# A whole answer in one event, which some proxies send, is some 300 kB of it.
_MAX_EVENT_BYTES = 512 * 1024


class EventBody(httpx.AsyncByteStream):
    """Passes on a body and counts what belongs to the event that is still open.

    At most one piece of the network beyond the limit is held; httpcore's have 64 KiB.
    """

    def __init__(self, body: httpx.AsyncByteStream) -> None:
        self._body = body
        self._open_bytes = 0

    def end_event(self) -> None:
        """Take note that an event has ended in what was read."""
        self._open_bytes = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the pieces as they come.

        Raises:
            BrokenStreamError: an event is too long.
        """
        async for piece in self._body:
            self._open_bytes += len(piece)
            if self._open_bytes > _MAX_EVENT_BYTES:
                raise BrokenStreamError(
                    f"expected an event of at most {_MAX_EVENT_BYTES} bytes"
                )
            yield piece

    async def aclose(self) -> None:
        """Leave the connection."""
        # A response and its body hold each other in httpx. Let go of, they and the
        # request, some MB of earlier answers, do not wait for the garbage collector.
        body, self._body = self._body, httpx.ByteStream(b"")
        await body.aclose()
