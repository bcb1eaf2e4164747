"""Streams in gzip for clients that ask for it, every event flushed.

Pure ASGI around a stream endpoint. What is resumed and what is kept are events, which
know nothing of it. It must not touch an answer that is no stream.
"""

import zlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .requests import MediaType, is_zero_weight

# A window of 8 KiB, with a header of gzip, and a table of as much: 48 KiB a stream
# where zlib's defaults take 256.
_WINDOW_BITS = 16 + 13
_TABLE_LEVEL = 6


class GzipStreams:
    """Compresses the streams of an endpoint for clients that name `gzip`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app(scope, receive, _Encoder(scope, send))


class _Encoder:
    """The `send` of one response."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        self._is_wanted = _names_gzip(Headers(scope=scope))
        self._has_body = scope["method"] != "HEAD"
        self._gzip: zlib._Compress | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start(message)
        elif self._gzip is not None:
            message = {**message, "body": self._encode(self._gzip, message)}
        await self._send(message)

    def _start(self, message: Message) -> None:
        headers = MutableHeaders(raw=message["headers"])
        if not headers.get("content-type", "").startswith(MediaType.EVENT_STREAM):
            return
        headers.add_vary_header("Accept-Encoding")
        if not self._is_wanted:
            return
        headers["content-encoding"] = "gzip"
        if self._has_body:
            self._gzip = zlib.compressobj(wbits=_WINDOW_BITS, memLevel=_TABLE_LEVEL)

    @staticmethod
    def _encode(gzip: "zlib._Compress", message: Message) -> bytes:
        is_last = not message.get("more_body", False)
        body = gzip.compress(message.get("body", b""))
        return body + gzip.flush(zlib.Z_FINISH if is_last else zlib.Z_SYNC_FLUSH)


def _names_gzip(headers: Headers) -> bool:
    """Tell whether a client asks for gzip; any encoding (`*`) is no wish for one."""
    for coding in ",".join(headers.getlist("accept-encoding")).split(","):
        name, *parameters = (part.strip().lower() for part in coding.split(";"))
        if name in {"gzip", "x-gzip"}:
            return not any(map(is_zero_weight, parameters))
    return False
