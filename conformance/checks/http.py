"""What the stream asks of HTTP itself: framing by version, no compression."""

from __future__ import annotations

from collections.abc import Iterator

from ..evidence.streams import Stream, streams, the_stream, tokens_of
from ..evidence.untestable import Untestable
from ..evidence.words import ended, few
from ..model import Evidence, Finding
from ..profiles import Profile
from .registry import check


@check("http.http-1-0-close-delimited")
def judge_http_1_0_close_delimited(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding]:
    """Find a transfer coding in the answer to an HTTP/1.0 request."""
    stream = the_stream(evidence, "http-1.0", profile)
    coding = stream.transcript.header("Transfer-Encoding")
    if coding is not None:
        expected = "a body that ends with the connection, without Transfer-Encoding"
        yield stream.find(expected, f"Transfer-Encoding: {coding}")
    elif stream.is_read_to_end and stream.terminal_at is None:
        expected = "the whole stream before the connection is closed"
        yield stream.find(expected, f"{ended(stream)} without a terminal signal")


@check("http.chunked-on-http-1-1")
def judge_chunked_on_http_1_1(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding]:
    """Find HTTP/1.1 bodies that say in no way where they end."""
    asked = [s for s in streams(evidence, profile) if s.label != "http-1.0"]
    spoken = [s for s in asked if s.transcript.http_version == "1.1"]
    if not spoken:
        raise Untestable("no event stream came over HTTP/1.1")
    found = [
        stream.find("Transfer-Encoding: chunked", _coding(stream))
        for stream in spoken
        if "chunked" not in tokens_of(stream.transcript, "Transfer-Encoding")
    ]
    yield from few(found, "responses")


def _coding(stream: Stream) -> str:
    coding = stream.transcript.header("Transfer-Encoding")
    if coding is not None:
        return f"Transfer-Encoding: {coding}"
    length = stream.transcript.header("Content-Length")
    if length is not None:
        return f"Content-Length: {length}"
    return "a body that ends only with the connection"


@check("http.not-compressed")
def judge_not_compressed(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find compressed streams, whether or not compression was offered."""
    for stream in streams(evidence, profile):
        codings = tokens_of(stream.transcript, "Content-Encoding") - {"identity"}
        if codings:
            got = f"Content-Encoding: {', '.join(sorted(codings))}"
            yield stream.find("no Content-Encoding on a stream", got)
