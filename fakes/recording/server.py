"""A recorder on a socket, in the event loop that is running.

The shell of shells: it owns the door, the tasks of running calls, and the cassette.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import StartError
from ..net.door import Door
from .cassette import MAX_MS
from .recorder import Desk, Recorder
from .tape import Tape
from .upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

__all__ = ["RecorderSettings", "recording"]

# RFC 9110, section 5.6.2: a field name is a token.
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _say_nothing(_: str) -> None:
    """Drop the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderSettings:
    """What a recorder can be told at start.

    Args:
        upstream: base URL of the service: what stands before `/v1/…` in its paths.
        cassette: file to write.
        append: add to the file if it is there; without, it must be new.
        ca_file: certificates (PEM) to trust instead of the system's.
        secret_fields: names of further header fields to redact.
        deadline_s: how long a response may take; the OpenAI SDK waits 600 s.
        host: address to listen on; loopback, because it passes keys on unencrypted.
        port: TCP port, 0 for a free one.
        report: told a line about every call.
    """

    upstream: str
    cassette: Path
    append: bool = False
    ca_file: Path | None = None
    secret_fields: frozenset[str] = field(default=frozenset())
    deadline_s: float = 600.0
    host: str = "127.0.0.1"
    port: int = 0
    report: Callable[[str], None] = _say_nothing


@asynccontextmanager
async def recording(settings: RecorderSettings) -> AsyncIterator[str]:
    """Record until left; gives the base URL for the client.

    Raises:
        UpstreamError: the upstream's URL or its certificates are not what they should
            be.
        CassetteError: the cassette cannot be written.
        StartError: the address cannot be listened on, or there is no such deadline.
    """
    if not 0 < settings.deadline_s <= MAX_MS / 1000:
        raise StartError(
            f"expected a deadline above 0 s and of at most {MAX_MS / 1000:g} s, "
            f"got {settings.deadline_s}"
        )
    for name in sorted(settings.secret_fields):
        if not _FIELD_NAME.fullmatch(name):
            raise StartError(
                f"expected the name of a header field to redact, got {name!r}"
            )
    upstream = Upstream.at(settings.upstream, ca_file=settings.ca_file)
    # The port first: without one there is to be no new file either.
    async with _bound(settings.host, settings.port) as door:
        begin = Tape.extend if settings.append else Tape.create
        with begin(settings.cassette, upstream.url) as tape:
            desk = Desk(
                upstream=upstream,
                tape=tape,
                secret_fields=frozenset(map(str.lower, settings.secret_fields)),
                deadline_s=settings.deadline_s,
                report=settings.report,
            )
            failure: Exception | None = None
            async with asyncio.TaskGroup() as tasks:
                recorder = Recorder(desk, tasks)
                await door.open(recorder)
                try:
                    yield door.url
                except Exception as error:  # noqa: BLE001 -- raised again below
                    # Not from in here: the group would wrap it up.
                    failure = error
                finally:
                    await door.close()
                    recorder.stop()
            if failure is not None:
                raise failure


@asynccontextmanager
async def _bound(host: str, port: int) -> AsyncIterator[Door]:
    door = await Door.bind(host, port, set())
    try:
        yield door
    finally:
        await door.close()
