"""Probes of credentials: none, forged, in the wrong place, expired, expiring."""

from __future__ import annotations

import math
from collections.abc import Callable

import anyio

from ..model import Request
from ..profiles.requests import (
    invalid_request,
    with_credential,
    with_header,
    with_query,
)
from ..steering import Script, hold_after, say
from .bench.context import Context
from .bench.missing import MissingError
from .bench.probe import Probe
from .bench.stream import Leave
from .bench.tokens import Credential, signed_by_another, without_signature

LIFE_S = 1.1
"""What is left of the expiring token: more than the second to which `exp` is written,
less than the time limits of a model call in a run of fast cadence (2 s)."""

_EXPIRED_S = 60
_MALFORMED = Credential("not-a-token", "no credential but the word not-a-token")
_QUERY_NAMES = ("access_token", "token")


async def credentials(ctx: Context) -> None:
    """Try to start streams with all that is no credential, then with a good one."""
    script = ctx.script()
    valid = await ctx.surroundings.token(ctx.user("a"))
    refused = [
        await ctx.send(label, request, credential=credential)
        for label, (request, credential) in _refusable(ctx, script, valid).items()
    ]
    for stream in refused:
        await stream.over()
    limits = ctx.profile.limits
    count = 1 if limits is None else limits.streams_per_user
    scripts = [
        ctx.script(hold_after(1), part=f"valid-{n}") for n in range(1, count + 1)
    ]
    streams = [
        await ctx.start(f"valid-{n}", script) for n, script in enumerate(scripts, 1)
    ]
    for stream in streams:
        await stream.answered()
    await ctx.release(*scripts)
    for stream in streams:
        await stream.over()


def _refusable(
    ctx: Context, script: Script, valid: str
) -> dict[str, tuple[Request, Credential]]:
    """Return the requests to be refused and the credential of each, by label."""
    bare, none = ctx.request(script), Credential("")
    placed = with_credential(ctx.profile, bare)
    found = {"none": (bare, none), "malformed": (placed, _MALFORMED)}
    auth = ctx.profile.auth
    forms = () if auth is None else auth.forms
    if "bearer" in forms:
        request = with_header(bare, "Authorization", "Basic $TOKEN")
        found["wrong-scheme"] = (request, Credential(valid))
    if auth is not None and auth.token == "jwt":
        for label, forge in _forgeries(ctx, valid).items():
            try:
                found[label] = (placed, forge())
            except MissingError as missing:
                ctx.leave_out(label, str(missing))
    if "query" not in forms:
        request = bare
        for name in _QUERY_NAMES:
            request = with_query(request, name, "$TOKEN")
        found["query-token"] = (request, Credential(valid))
    invalid = next(
        (i for i in ctx.profile.endpoint.invalid if i.method is None is i.path), None
    )
    if invalid is not None:
        prefix = ctx.surroundings.target.prefix
        prompt = ctx.prompt(script)
        request = invalid_request(ctx.profile, prefix, invalid, prompt)
        found["none-and-invalid-body"] = (request, none)
    return found


def _forgeries(ctx: Context, valid: str) -> dict[str, Callable[[], Credential]]:
    user = ctx.user("a")
    now = int(ctx.surroundings.wall_clock())
    return {
        "alg-none": lambda: without_signature(valid),
        "bad-signature": lambda: signed_by_another(valid),
        "wrong-algorithm": lambda: Credential(
            ctx.surroundings.mint(user, expires=now + _EXPIRED_S, algorithm="HS512"),
            "forged: a good one but for its algorithm, HS512 with the target's own "
            "secret",
        ),
        "expired": lambda: Credential(
            ctx.surroundings.mint(user, expires=now - _EXPIRED_S),
            f"expired: a good one until {_EXPIRED_S} s before the request",
        ),
    }


async def expiring_credential(ctx: Context) -> None:
    """Read on with a token that runs out, and come back with a fresh one."""
    wall_clock = ctx.surroundings.wall_clock
    expires = math.ceil(wall_clock()) + 1
    await anyio.sleep(max(0.0, expires - wall_clock() - LIFE_S))
    token = ctx.surroundings.mint(ctx.user("a"), expires=expires)
    left_s = expires - wall_clock()
    ctx.mark("expires", ctx.surroundings.clock() + left_s)
    script = ctx.script(say(tokens=4), hold_after(2))
    request = with_credential(ctx.profile, ctx.request(script))
    credential = Credential(token, f"a good one that runs out after {LIFE_S:g} s")
    stream = await ctx.send("stream", request, credential=credential, extra_s=left_s)
    await stream.over(left_s + ctx.profile.terminal.close_within_s)
    await stream.leave(Leave.FIN)  # only a target that does not close is still there
    if stream.last_id is not None:
        resumed = await ctx.resume("resumed", stream, stream.last_id)
        await resumed.answered()
        ctx.mark("released")
        await ctx.release(script)
        await resumed.over()


PROBES = (
    Probe(name="credentials", needs=("auth",), seconds=lambda _: 2, run=credentials),
    Probe(
        name="expiring-credential",
        needs=("steering", "resume", "ids", "auth.jwt", "auth.expiry"),
        seconds=lambda _: 4,
        run=expiring_credential,
    ),
)
