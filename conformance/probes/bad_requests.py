"""The probe of requests that must be refused before anything else happens."""

from __future__ import annotations

from dataclasses import replace

from ..profiles.requests import invalid_request
from .bench.context import Context
from .bench.probe import Probe

_UNKNOWN = "/no-such/path"
"""Two steps below the endpoint: one step may be where a stream is cancelled."""


async def bad_requests(ctx: Context) -> None:
    """Send every invalid request of the profile, and one to a path that is none."""
    script = ctx.script()
    prompt = ctx.prompt(script)
    prefix = ctx.surroundings.target.prefix
    invalid = ctx.profile.endpoint.invalid
    ctx.facts["invalid"] = [
        {"name": each.name, "status": each.status, "code": each.code}
        for each in invalid
    ]
    requests = {
        f"invalid-{n:02}": invalid_request(ctx.profile, prefix, each, prompt)
        for n, each in enumerate(invalid, 1)
    }
    valid = ctx.request(script)
    path, mark, query = valid.path.partition("?")
    requests["unknown-path"] = replace(valid, path=path + _UNKNOWN + mark + query)
    answers = [await ctx.send(label, requests[label]) for label in requests]
    for answer in answers:
        await answer.over()


PROBES = (Probe(name="bad-requests", seconds=lambda _: 1, run=bad_requests),)
