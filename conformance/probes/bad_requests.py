"""The probe of requests that must be refused before anything else happens."""

from __future__ import annotations

from ..profiles.requests import invalid_request, to_nowhere
from .bench.context import Context
from .bench.probe import Probe


async def bad_requests(ctx: Context) -> None:
    """Send every invalid request of the profile, and one to a path that is none."""
    script = ctx.script()
    prefix = ctx.surroundings.target.prefix
    invalid = ctx.profile.endpoint.invalid
    ctx.facts["invalid"] = [
        {"name": each.name, "status": each.status, "code": each.code}
        for each in invalid
    ]
    requests = {
        f"invalid-{n:02}": invalid_request(
            ctx.profile, prefix, each, ctx.fresh_values(script)
        )
        for n, each in enumerate(invalid, 1)
    }
    requests["unknown-path"] = to_nowhere(ctx.request(script))
    answers = [await ctx.send(label, requests[label]) for label in requests]
    for answer in answers:
        await answer.over()


PROBES = (Probe(name="bad-requests", seconds=lambda _: 1, run=bad_requests),)
