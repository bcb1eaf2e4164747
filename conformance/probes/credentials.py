"""Probes of credentials: none, forged, in the wrong place, expired, expiring."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import anyio

from ..evidence.labels import in_form
from ..model import Request
from ..profiles import Profile, is_declared
from ..profiles.requests import (
    invalid_request,
    to_nowhere,
    with_credential,
    with_header,
    with_other_method,
    with_query,
)
from ..profiles.schema import AuthForm
from ..steering import Script, hold_after, say
from .bench.context import Context
from .bench.live import Leave, LiveExchange
from .bench.missing import MissingError
from .bench.probe import Probe
from .bench.tokens import Credential, signed_by_another, without_signature

LIVES_S = (1.1, 1.9, 1.9)
"""What is left of the expiring token, at each try: more than the second to which `exp`
is written, less than the time limits of a model call in a run of fast cadence (2 s).
On a busy machine a second may pass before the request is answered at all."""

_EXPIRED_S = 60
_MALFORMED = Credential("not-a-token", "no credential but the word not-a-token")
_NAMES = ("access_token", "token")
"""What a token in the query or in a cookie is mostly called."""


async def credentials(ctx: Context) -> None:
    """Try to start streams with all that is no credential, then with good ones."""
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
    for form in _forms(ctx)[1:]:
        await _use(ctx, form, Credential(valid))
    await _send_two(ctx, Credential(valid))


async def _use(ctx: Context, form: AuthForm, credential: Credential) -> None:
    """Start a stream with the credential in this form, come back to it, cancel it."""

    async def send(name: str, bare: Request) -> LiveExchange:
        request = with_credential(ctx.profile, bare, form)
        stream = await ctx.send(
            f"{name}-{form}",
            request,
            credential=credential,
            script=script,
            extra_s=ctx.seconds(script),
        )
        await stream.over()
        return stream

    script = ctx.script(part=form)
    stream = await send("accepted", ctx.request(script))
    if stream.last_id is not None and is_declared(ctx.profile, "resume"):
        await send("resumed", ctx.resume_request(stream, stream.last_id))
    if is_declared(ctx.profile, "cancel.explicit"):
        cancel = ctx.cancel_request(stream)
        if cancel is not None:
            await send("cancelled", cancel)


async def _send_two(ctx: Context, credential: Credential) -> None:
    """Start streams with a good credential in one form and a bad one in the next."""
    if not is_declared(ctx.profile, "auth.first-decides"):
        return
    for form, other in pairwise(_forms(ctx)):
        for good, bad in ((form, other), (other, form)):
            label = f"good-{good}-bad-{bad}"
            script = ctx.script(part=label)
            request = with_credential(ctx.profile, ctx.request(script), good)
            request = with_credential(ctx.profile, request, bad, _MALFORMED.text)
            stream = await ctx.send(
                label, request, credential=credential, extra_s=ctx.seconds(script)
            )
            await stream.over()


def _refusable(
    ctx: Context, script: Script, valid: str
) -> dict[str, tuple[Request, Credential]]:
    """Return the requests to be refused and the credential of each, by label."""
    bare, none, good = ctx.request(script), Credential(""), Credential(valid)
    found = {"none": (bare, none)}
    forms = _forms(ctx)
    for form in forms:
        placed = with_credential(ctx.profile, bare, form)
        found[in_form("malformed", form, forms[0])] = (placed, _MALFORMED)
    if "bearer" in forms:
        request = with_header(bare, "Authorization", "Basic $TOKEN")
        found["wrong-scheme"] = (request, good)
    if is_declared(ctx.profile, "auth.jwt"):
        for fault, forge in _forgeries(ctx, valid).items():
            for form in forms:
                label = in_form(fault, form, forms[0])
                try:
                    placed = with_credential(ctx.profile, bare, form)
                    found[label] = (placed, forge())
                except MissingError as missing:
                    ctx.leave_out(label, str(missing))
    for label, request in _misplaced(ctx, bare).items():
        found[label] = (request, good)
    found |= {label: (request, none) for label, request in _worse(ctx, script).items()}
    return found


def _misplaced(ctx: Context, bare: Request) -> dict[str, Request]:
    """Return requests with a credential where the profile declares none, by label."""
    forms, found = _forms(ctx), {}
    if "query" not in forms:
        request = bare
        for name in _NAMES:
            request = with_query(request, name, "$TOKEN")
        found["query-token"] = request
    if "cookie" not in forms:
        cookies = "; ".join(f"{name}=$TOKEN" for name in _NAMES)
        found["cookie-token"] = with_header(bare, "Cookie", cookies)
    return found


def _worse(ctx: Context, script: Script) -> dict[str, Request]:
    """Return requests that are wrong, to be sent without a credential, by label."""
    found, values = {}, ctx.fresh_values(script)
    invalid = next(
        (i for i in ctx.profile.endpoint.invalid if i.method is None is i.path), None
    )
    if invalid is not None:
        prefix = ctx.surroundings.target.prefix
        request = invalid_request(ctx.profile, prefix, invalid, values)
        found["none-and-invalid-body"] = request
    if is_declared(ctx.profile, "auth.comes-first"):
        bare = ctx.request(script)
        found["none-and-unknown-path"] = to_nowhere(bare)
        found["none-and-wrong-method"] = with_other_method(bare, [bare.method])
    return found


def _forms(ctx: Context) -> tuple[AuthForm, ...]:
    auth = ctx.profile.auth
    return () if auth is None else auth.forms


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
    """Read on with a token that runs out, and come back with a fresh one.

    A token that ran out before the first event came is followed by another one.
    """
    for n, life_s in enumerate(LIVES_S, 1):
        script = ctx.script(say(tokens=4), hold_after(2), part=f"try-{n}")
        stream = await _start_expiring(ctx, script, life_s)
        await stream.has_events(1, _until_closed(ctx))
        if stream.last_id is not None:
            break
        if ctx.surroundings.clock() < ctx.marks["expires"]:
            break
        await stream.leave(Leave.FIN)
    await stream.over(_until_closed(ctx))
    await stream.leave(Leave.FIN)  # only a target that does not close is still there
    if stream.last_id is not None:
        resumed = await ctx.resume("resumed", stream, stream.last_id)
        await resumed.answered()
        ctx.mark("released")
        await ctx.release(script)
        await resumed.over()


def _until_closed(ctx: Context) -> float:
    """Return how many seconds are left until the response should be over."""
    left_s = ctx.marks["expires"] - ctx.surroundings.clock()
    return max(0.0, left_s) + ctx.profile.terminal.close_within_s


async def _start_expiring(ctx: Context, script: Script, life_s: float) -> LiveExchange:
    """Start a stream with a token that runs out after so many seconds."""
    wall_clock = ctx.surroundings.wall_clock
    expires = math.ceil(wall_clock() + life_s)
    await anyio.sleep(max(0.0, expires - wall_clock() - life_s))
    token = ctx.surroundings.mint(ctx.user("a"), expires=expires)
    left_s = expires - wall_clock()
    ctx.mark("expires", ctx.surroundings.clock() + left_s)
    request = with_credential(ctx.profile, ctx.request(script))
    credential = Credential(token, f"a good one that runs out after {life_s:g} s")
    return await ctx.send(
        "stream", request, credential=credential, script=script, extra_s=left_s
    )


def _seconds(profile: Profile) -> float:
    forms = 1 if profile.auth is None else len(profile.auth.forms)
    return 1 + forms


PROBES = (
    Probe(name="credentials", needs=("auth",), seconds=_seconds, run=credentials),
    Probe(
        name="expiring-credential",
        needs=("steering", "resume", "ids", "auth.jwt", "auth.expiry"),
        seconds=lambda _: 6,
        run=expiring_credential,
    ),
)
