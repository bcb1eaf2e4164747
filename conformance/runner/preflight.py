"""Looks before the run whether the target and the fake provider are there at all.

Must not judge: without a target every requirement is untestable, and one line that says
so helps more than a hundred failures. Every answer comes within `PATIENCE_S`.
"""

from __future__ import annotations

import os
import socket

import anyio
import httpx

from ..errors import UsageError
from ..probes import Target

PATIENCE_S = 3.0
"""A host that drops packets would otherwise keep a user waiting for two minutes."""


def expect_base_url(text: str, *, what: str) -> str:
    """Return a base URL without its last slash; raise `UsageError` if it is none."""
    try:
        Target.parse(text)
    except UsageError as problem:
        has_scheme = (
            not text or "://" in text or "@" in text
        )  # a password must not be shown
        hint = "" if has_scheme else f"; did you mean 'http://{text}'?"
        raise UsageError(f"{what}: {problem}{hint}") from problem
    return text.rstrip("/")


async def why_target_is_unreachable(url: str) -> str:
    """Try to connect to a base URL; return what went wrong, or nothing."""
    if problem := await _why_not_connected(url):
        return f"cannot connect to the target at {url}: {problem}"
    return ""


async def why_control_is_unreachable(url: str) -> str:
    """Ask a fake provider whether it is well; return what went wrong, or nothing."""
    problem = await _why_not_connected(url) or await _why_not_well(url)
    return f"no fake provider answers at {url}: {problem}" if problem else ""


async def _why_not_connected(url: str) -> str:
    target = Target.parse(url)
    with anyio.move_on_after(PATIENCE_S):
        try:
            async with await anyio.connect_tcp(target.host, target.port):
                return ""
        except OSError as refused:
            return _root(refused)
    return f"no answer within {PATIENCE_S:g} s"


async def _why_not_well(url: str) -> str:
    address = f"{url}/_fakes/health"
    try:
        async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:
            answer = await client.get(address)
        if answer.status_code != httpx.codes.OK:
            return f"got status {answer.status_code} for /_fakes/health"
        return "" if answer.json()["status"] == "ok" else "it is not well"
    except httpx.HTTPError as failed:
        return (str(failed) or type(failed).__name__).lower()
    except (ValueError, LookupError, TypeError):
        return "got an answer for /_fakes/health that is no health report"


def _root(problem: OSError) -> str:
    """Return the system's words for why connecting failed.

    anyio raises one `OSError` over those of all addresses that a name has.
    """
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        elif isinstance(cause, socket.gaierror):
            return str(cause.strerror).lower()
        elif isinstance(cause, OSError) and cause.errno:
            # asyncio puts the address in `strerror`, in place of the reason.
            return os.strerror(cause.errno).lower()
        else:
            cause = cause.__cause__
    return str(problem)
