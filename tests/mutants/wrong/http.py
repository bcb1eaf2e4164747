"""Servers that are wrong about HTTP itself."""

from __future__ import annotations

import zlib

from tests.mutants.asgi import Emit, Mutation, Reply, get_header
from tests.mutants.mutant import Mutant

from streamproof.reference_server.http1.protocol import Protocol

GZIP = 31  # zlib's number for the gzip format


class _WithoutChunks(Protocol):
    """HTTP/1.1 whose bodies end with the connection: every client is taken for old."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1))


def _offer_gzip(reply: Reply) -> None:
    if "gzip" in (get_header(reply.request.headers, "accept-encoding") or ""):
        reply.set("content-encoding", "gzip")
        reply.memory["gzip"] = zlib.compressobj(wbits=GZIP)


def _compress(frame: bytes, reply: Reply) -> bytes:
    gzip = reply.memory.get("gzip")
    if gzip is None:
        return frame
    return bytes(gzip.compress(frame) + gzip.flush(zlib.Z_SYNC_FLUSH))


async def _finish(reply: Reply, emit: Emit) -> None:
    gzip = reply.memory.get("gzip")
    if gzip is not None:
        await emit(gzip.flush())


MUTANTS = (
    Mutant(
        name="chunks-for-http-1-0",
        defect="P04: HTTP/1.0 answered in chunks",
        trips={"http.http-1-0-close-delimited": "Transfer-Encoding"},
        http="httptools",
    ),
    Mutant(
        name="no-chunks-for-http-1-1",
        defect="P03: neither chunked nor a length",
        trips={"http.chunked-on-http-1-1": "ends only with the connection"},
        http=_WithoutChunks,
    ),
    Mutant(
        name="gzip",
        defect="B01: compressed because the client could read it",
        trips={"http.not-compressed": "gzip"},
        wrap=Mutation(head=_offer_gzip, frame=_compress, last=_finish),
    ),
)
